// SPDX-License-Identifier: Apache-2.0
/** Which requests for a certificate are signed. @module */
import assert from "node:assert/strict";
import { StatusCode, StatusError } from "@denvoy/base";
import { openssl, withOpenssl } from "../../adapters/testing/openssl.ts";
import { readPem, writePem } from "../pem.ts";
import { openTestCa } from "./testing.ts";

const cart = { spiffeId: "spiffe://denvoy.local/cart" };

async function makeCsr(...keyOptions: readonly string[]): Promise<string> {
  const key = keyOptions.length > 0
    ? keyOptions
    : ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
  const { text } = await openssl([
    ...["req", "-new", ...key, "-nodes", "-keyout", "key.pem", "-subj", "/CN=someone else"],
    ...["-addext", "subjectAltName=URI:spiffe://denvoy.local/admin"],
  ]);
  return text.slice(text.indexOf("-----BEGIN CERTIFICATE REQUEST"));
}

const kinds: readonly (readonly [string, readonly string[], string])[] = [
  ["EC P-256", [], "ec"],
  ["EC P-384", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"], "ec"],
  ["RSA 2048", ["-newkey", "rsa:2048"], "rsa"],
  ["Ed25519", ["-newkey", "ed25519"], "ed25519"],
];

for (const [name, options, family] of kinds) {
  Deno.test({
    ...withOpenssl(`signCsr() signs for a key of ${name}, with the names that it is told only`),
    async fn() {
      const { ca } = await openTestCa();
      const { facts } = await ca.signCsr({ ...cart, csrPem: await makeCsr(...options) });
      assert.equal(facts.key.family, family);
      assert.deepEqual(facts.uriSans, [cart.spiffeId]);
      assert.equal(facts.subject, "");
      assert.equal((await ca.listIssued())[0]?.serial, facts.serial);
    },
  });
}

const bad: readonly (readonly [string, (csr: string) => string | Promise<string>, RegExp])[] = [
  ["nothing", () => "", /one PEM block "CERTIFICATE REQUEST": has 0/],
  ["two", (csr) => csr + csr, /one PEM block/],
  ["a cut off one", (csr) => csr.slice(0, 200), /is cut off/],
  ["junk", () => writePem("CERTIFICATE REQUEST", Uint8Array.of(1, 2)), /must be PKCS#10/],
  ["a changed one", changed, /signed with its own key: is not/],
  ["too large a one", (csr) => " ".repeat(70_000) + csr, /at most 65536 characters/],
  [
    "one signed with SHA-1",
    () => makeCsr("-newkey", "rsa:2048", "-sha1"),
    /signed with SHA-2 or Ed25519: is with sha1|must be PKCS#10, signed/,
  ],
  ["a weak one", () => makeCsr("-newkey", "rsa:1024"), /2048 to 8192 bits: has 1024/],
  [
    "an unusual curve",
    () => makeCsr("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"),
    /must be PKCS#10|must be on one of/,
  ],
];

/** One byte of its subject differs. */
function changed(csr: string): string {
  const blocks = readPem(csr);
  const der = blocks.ok ? blocks.value[0]?.der ?? new Uint8Array() : new Uint8Array();
  const at = Buffer.from(der).indexOf("someone");
  return writePem("CERTIFICATE REQUEST", der.with(at, 0x53));
}

for (const [name, change, expected] of bad) {
  Deno.test({
    ...withOpenssl(`signCsr() refuses ${name}`),
    async fn() {
      const { ca } = await openTestCa();
      const csrPem = await change(await makeCsr());
      await assert.rejects(ca.signCsr({ ...cart, csrPem }), (error) => {
        assert.ok(error instanceof StatusError, String(error));
        assert.equal(error.code, StatusCode.INVALID_ARGUMENT);
        assert.match(error.message, expected);
        return true;
      });
      assert.deepEqual(await ca.listIssued(), []);
    },
  });
}
