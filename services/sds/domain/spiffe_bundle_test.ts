// SPDX-License-Identifier: Apache-2.0
/** Trust bundles as other trust domains write and read them. @module */
import assert from "node:assert/strict";
import { craft, testReader } from "./ca/testing.ts";
import { readSpiffeBundle, writeSpiffeBundle } from "./spiffe_bundle.ts";

const roots = [
  await craft({ name: "ec" }),
  await craft({ name: "rsa", keyType: "rsa-2048" }),
  await craft({ name: "ed", keyType: "ed25519" }),
];
const bundlePem = roots.map(({ pem }) => pem).join("");

Deno.test("a bundle that was written is read again", () => {
  const bundle = { bundlePem, sequence: 7, refreshHintMs: 300_000 };
  const json = JSON.parse(JSON.stringify(writeSpiffeBundle(bundle, testReader)));
  assert.deepEqual(readSpiffeBundle(json, testReader), { ok: true, value: bundle });
});

Deno.test("a bundle has what the specification asks for", () => {
  const json = writeSpiffeBundle({ bundlePem, sequence: 7, refreshHintMs: 300_000 }, testReader);
  assert.equal(json.spiffe_sequence, 7);
  assert.equal(json.spiffe_refresh_hint, 300);
  assert.ok(Array.isArray(json.keys));
  const kinds = json.keys.map(({ kty, crv, use, x5c }) => [kty, crv, use, x5c.length]);
  assert.deepEqual(kinds, [
    ["EC", "P-256", "x509-svid", 1],
    ["RSA", undefined, "x509-svid", 1],
    ["OKP", "Ed25519", "x509-svid", 1],
  ]);
  assert.ok(json.keys.every((key) => !("d" in key)));
});

const x5c = [roots[0]?.der.toBase64() ?? ""];
const key = { use: "x509-svid", kty: "EC", x5c };

Deno.test("keys for JWT and doubles are left out", () => {
  const json = { keys: [key, { use: "jwt-svid", kty: "EC" }, key, { kty: "EC", x5c }] };
  const read = readSpiffeBundle(json, testReader);
  assert.deepEqual(read, { ok: true, value: { bundlePem: roots[0]?.pem } });
});

const bad: readonly (readonly [string, unknown, RegExp])[] = [
  ["null", null, /must be a JWK set/],
  ["a list", [], /must be a JWK set/],
  ["no keys", {}, /must be a JWK set/],
  ["keys that are no list", { keys: {} }, /must be a JWK set/],
  ["no key for X.509", { keys: [{ use: "jwt-svid" }] }, /must have a key for "x509-svid"/],
  ["a key without certificate", { keys: [{ use: "x509-svid" }] }, /one certificate in "x5c"/],
  ["a key with two", { keys: [{ ...key, x5c: [...x5c, ...x5c] }] }, /one certificate in "x5c"/],
  ["what is no Base64", { keys: [{ ...key, x5c: ["*"] }] }, /one certificate in "x5c"/],
  ["what is no certificate", { keys: [{ ...key, x5c: ["AAAA"] }] }, /one certificate in "x5c"/],
  ["too many", { keys: new Array(1001).fill(key) }, /at most 1000 keys: has 1001/],
];

for (const [name, json, expected] of bad) {
  Deno.test(`readSpiffeBundle() refuses ${name}`, () => {
    const read = readSpiffeBundle(json, testReader);
    assert.match(read.ok ? "" : read.error, expected);
  });
}
