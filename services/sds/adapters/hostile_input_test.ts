// SPDX-License-Identifier: Apache-2.0
/** Bytes that are cut or changed anywhere are refused or read, and nothing is ever thrown. @module */
import assert from "node:assert/strict";
import { signCrl } from "../domain/ca/crl_writer.ts";
import { keyIdOf } from "../domain/ca/extensions.ts";
import { craft, openTestCa, testNowMs, testReader } from "../domain/ca/testing.ts";
import { readOcspResponse } from "../domain/ocsp.ts";
import { readPem, writePem } from "../domain/pem.ts";
import { checkSecret } from "../domain/secret_check.ts";
import { readPkcs12 } from "./pkcs12_reader.ts";
import { nodePrimitives } from "./node_primitives.ts";
import { readPrivateKey } from "./private_key_reader.ts";

const { ca } = await openTestCa();
const issued = await ca.issue({ spiffeId: "spiffe://denvoy.local/a", ipAddresses: ["::1"] });
const blocks = readPem(issued.chainPem);
const leafDer = blocks.ok ? blocks.value[0]?.der ?? new Uint8Array() : new Uint8Array();
const issuer = await craft();
const crlDer = await signCrl(
  { subjectDer: issuer.name, keyId: keyIdOf(issuer.key.spki, nodePrimitives), key: issuer.key },
  {
    revocations: [{ serial: "1", revokedAtMs: 0, reason: "superseded", notAfterMs: 1 }],
    nowMs: testNowMs,
    nextUpdateMs: testNowMs + 1000,
  },
);

/** Each cut, and each byte changed in a few ways. */
function* variantsOf(bytes: Uint8Array, step = 1): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += step) {
    yield bytes.subarray(0, at);
    for (const mask of [0x01, 0x80, 0xff]) yield bytes.with(at, (bytes[at] ?? 0) ^ mask);
  }
}

Deno.test("a changed certificate is refused or read", () => {
  for (const der of variantsOf(leafDer, 3)) {
    const read = testReader.readCertificate(der);
    if (read === undefined) continue;
    const verdict = testReader.signatureOf(der, read.spki);
    assert.ok(["right", "wrong", "unsupported"].includes(verdict));
  }
});

Deno.test("a secret with a changed certificate is refused: pair, chain or form is wrong", () => {
  let taken = 0;
  for (const der of variantsOf(leafDer, 7)) {
    const chain = blocks.ok ? blocks.value.slice(1).map(({ text }) => text) : [];
    const chainPem = [writePem("CERTIFICATE", der), ...chain].join("");
    const material = { kind: "tls-certificate", chainPem, keyPem: issued.keyPem } as const;
    const checked = checkSecret(material, { nowMs: testNowMs, x509: testReader });
    if (checked.ok) taken += 1;
  }
  assert.equal(taken, 0);
});

Deno.test("a changed revocation list is refused or read", () => {
  for (const der of variantsOf(crlDer, 3)) testReader.readCrl(der);
});

Deno.test("a changed OCSP response is refused or read", () => {
  const random = (length: number) => nodePrimitives.randomBytes(length);
  for (let count = 0; count < 2000; count++) readOcspResponse(random(count % 64));
  for (const der of variantsOf(leafDer)) assert.equal(readOcspResponse(der), undefined);
});

Deno.test("a changed key is refused or read", () => {
  const key = readPem(issued.keyPem);
  const der = key.ok ? key.value[0]?.der ?? new Uint8Array() : new Uint8Array();
  for (const changed of variantsOf(der)) {
    readPrivateKey({ pem: writePem("PRIVATE KEY", changed) });
  }
});

Deno.test("a changed request is refused or read", async () => {
  for (const der of variantsOf(leafDer, 20)) assert.equal(await testReader.readCsr(der), undefined);
});

Deno.test("a changed PKCS#12 file is refused", () => {
  const path = new URL("testdata/legacy.p12", import.meta.url);
  const bytes = Deno.readFileSync(path);
  let taken = 0;
  for (const changed of variantsOf(bytes, 97)) {
    if (readPkcs12({ bytes: changed, passphrase: "swordfish" }, testReader).ok) taken += 1;
  }
  // A name in an attribute may change without harm; everything else is under the MAC.
  assert.ok(taken <= 2, String(taken));
});
