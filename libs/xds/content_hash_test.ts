// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { contentHash, contentVersion } from "./content_hash.ts";

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

Deno.test("contentHash() equals the published MurmurHash3 x86 128", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["", "00000000000000000000000000000000"],
    ["The quick brown fox jumps over the lazy dog", "2f1583c3ecee2c675d7bf66ce5e91d2c"],
  ];
  for (const [text, hash] of cases) assert.equal(contentHash(bytes(text)), hash);
});

Deno.test("contentHash() differs for every length and every single changed bit", () => {
  const seen = new Set<string>();
  for (let length = 0; length < 70; length++) seen.add(contentHash(new Uint8Array(length)));
  for (let bit = 0; bit < 33 * 8; bit++) {
    const value = new Uint8Array(33);
    value[bit >> 3] = 1 << (bit & 7);
    seen.add(contentHash(value));
  }
  assert.equal(seen.size, 70 + 33 * 8);
});

Deno.test("contentHash() does not depend on where the bytes lie in their buffer", () => {
  const text = bytes("the same content at another offset");
  const shifted = new Uint8Array(text.byteLength + 3);
  shifted.set(text, 3);
  assert.equal(contentHash(shifted.subarray(3)), contentHash(text));
});

Deno.test("contentVersion() covers type, TTL and value", () => {
  const base = { typeUrl: "type.googleapis.com/a", value: bytes("v") };
  const versions = [
    base,
    { ...base, typeUrl: "type.googleapis.com/b" },
    { ...base, value: bytes("w") },
    { ...base, ttlMs: 5000 },
    { ...base, ttlMs: 6000 },
  ].map(contentVersion);
  assert.equal(new Set(versions).size, versions.length);
  assert.equal(contentVersion({ ...base }), versions[0]);
});
