// SPDX-License-Identifier: Apache-2.0
/** Keys and signatures that are too weak are refused before an Envoy could refuse them. @module */
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import { checkSecret } from "../domain/secret_check.ts";
import { X509LibraryReader } from "./x509_library_reader.ts";

const x509 = new X509LibraryReader();

function read(name: string): string {
  return Deno.readTextFileSync(new URL(`testdata/${name}`, import.meta.url));
}

/** After the certificates of testdata were made. */
const nowMs = Date.UTC(2027, 0, 1);

const cases: readonly (readonly [string, string, RegExp])[] = [
  ["rsa1024.pem", "rsa1024.key", /an RSA key must have 2048 to 8192 bits: has 1024/],
  ["sha1.pem", "pkcs1.key", /must be signed with SHA-256 or stronger: is signed with sha1/],
];

for (const [chain, key, expected] of cases) {
  Deno.test(`checkSecret() refuses ${chain}`, () => {
    const material = { kind: "tls-certificate", chainPem: read(chain), keyPem: read(key) } as const;
    const checked = checkSecret(material, { nowMs, x509 });
    assert.ok(!checked.ok);
    assert.match(checked.error.map(formatProblem).join("\n"), expected);
  });
}

Deno.test("checkSecret() takes what openssl made, and tells what it says", () => {
  const material = {
    kind: "tls-certificate",
    chainPem: read("leaf.pem"),
    keyPem: read("sec1.key"),
  };
  const checked = checkSecret({ ...material, kind: "tls-certificate" }, { nowMs, x509 });
  assert.ok(checked.ok);
  const { facts } = checked.value;
  assert.ok(facts.kind === "tls-certificate");
  assert.equal(facts.leaf.subject, "CN=leaf");
  assert.equal(facts.leaf.issuer, "CN=root");
  assert.equal(facts.leaf.serial, "7");
  assert.deepEqual(facts.leaf.dnsSans, ["leaf.test"]);
  assert.deepEqual(facts.leaf.key, { family: "ec", curve: "P-256", bits: 256 });
});

for (const kind of ["p521", "ed25519"]) {
  Deno.test(`checkSecret() takes a pair of ${kind}, as Envoy does`, () => {
    const pair = { chainPem: read(`${kind}.pem`), keyPem: read(`${kind}.key`) };
    const checked = checkSecret({ kind: "tls-certificate", ...pair }, { nowMs, x509 });
    assert.ok(checked.ok, JSON.stringify(checked));
    const other = { ...pair, keyPem: read("sec1.key") };
    assert.ok(!checkSecret({ kind: "tls-certificate", ...other }, { nowMs, x509 }).ok);
  });
}

Deno.test("checkSecret() warns where a signature of P-521 cannot be checked here", () => {
  const chainPem = read("under_p521.pem") + read("p521.pem");
  const material = { kind: "tls-certificate", chainPem, keyPem: read("sec1.key") } as const;
  const checked = checkSecret(material, { nowMs, x509 });
  assert.ok(checked.ok, JSON.stringify(checked));
  const text = checked.value.warnings.map(formatProblem).join("\n");
  assert.match(text, /the signature of certificate 1 .* is of a kind that is not checked here/);
});
