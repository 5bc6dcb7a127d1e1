// SPDX-License-Identifier: Apache-2.0
/** What is sealed can be opened with the same key and context only. @module */
import assert from "node:assert/strict";
import { AesSealer } from "./aes_sealer.ts";

const secret = new TextEncoder().encode("0123456789abcdef0123456789abcdef");
const plain = new TextEncoder().encode("plain");

Deno.test("AesSealer opens what it sealed, also after a restart, and never seals the same way", async () => {
  const [sealer, again] = [await AesSealer.create(secret), await AesSealer.create(secret)];
  const sealed = await sealer.seal(plain, "a");
  assert.deepEqual(await again.open(sealed, "a"), plain);
  assert.notDeepEqual(await sealer.seal(plain, "a"), sealed);
  assert.ok(!new TextDecoder().decode(sealed).includes("plain"));
});

const changes: readonly (readonly [string, (sealed: Uint8Array) => Uint8Array])[] = [
  ["nothing", () => new Uint8Array()],
  ["another version", (sealed) => sealed.with(0, 2)],
  ["another nonce", (sealed) => sealed.with(1, (sealed[1] ?? 0) ^ 1)],
  ["another byte", (sealed) => sealed.with(14, (sealed[14] ?? 0) ^ 1)],
  ["a cut off end", (sealed) => sealed.subarray(0, -1)],
];

for (const [name, change] of changes) {
  Deno.test(`AesSealer does not open ${name}`, async () => {
    const sealer = await AesSealer.create(secret);
    const sealed = change(await sealer.seal(plain, "a"));
    await assert.rejects(sealer.open(sealed, "a"), /cannot open a as it must have been sealed/);
  });
}

Deno.test("AesSealer does not open with another context or key", async () => {
  const sealer = await AesSealer.create(secret);
  const sealed = await sealer.seal(plain, "a");
  await assert.rejects(sealer.open(sealed, "b"));
  const other = await AesSealer.create(secret.with(0, 0));
  await assert.rejects(other.open(sealed, "a"));
});
