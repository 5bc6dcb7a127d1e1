// SPDX-License-Identifier: Apache-2.0
/** Keys in advance: each is given out once. @module */
import assert from "node:assert/strict";
import type { KeyMaker, NewKey, SigningKey } from "../domain/ca/signing_key.ts";
import type { KeyType } from "../domain/certificate_facts.ts";
import { KeyPool } from "./key_pool.ts";

/** Makes keys that are numbers, when it is told to. */
class CountedKeys implements KeyMaker {
  made = 0;
  fails = false;

  generate(type: KeyType): Promise<NewKey> {
    if (this.fails) return Promise.reject(new Error("no entropy"));
    const bytes = Uint8Array.of(++this.made);
    return Promise.resolve({ type, spki: bytes, pkcs8: bytes, sign: () => Promise.resolve(bytes) });
  }

  import(): Promise<SigningKey> {
    return this.generate("rsa-2048");
  }
}

Deno.test("KeyPool prepares nothing before an RSA key was asked for, and no other kinds", async () => {
  const keys = new CountedKeys();
  await using pool = new KeyPool({ keys, size: 3 });
  await pool.generate("ec-p256");
  await pool.generate("ed25519");
  assert.equal(keys.made, 2);
  await pool.generate("rsa-2048");
  await pool.fill("rsa-2048");
  assert.equal(pool.readyCount("rsa-2048"), 3);
  assert.equal(pool.readyCount("rsa-4096"), 0);
});

Deno.test("KeyPool gives each key out once, and fills up again", async () => {
  const keys = new CountedKeys();
  await using pool = new KeyPool({ keys, size: 4, concurrency: 2 });
  await pool.fill("rsa-2048");
  const given = new Set<number | undefined>();
  for (let count = 0; count < 50; count++) given.add((await pool.generate("rsa-2048")).pkcs8[0]);
  assert.equal(given.size, 50);
  await pool.fill("rsa-2048");
  assert.equal(pool.readyCount("rsa-2048"), 4);
});

Deno.test("KeyPool whose keys cannot be made tells whoever asks", async () => {
  const keys = new CountedKeys();
  keys.fails = true;
  await using pool = new KeyPool({ keys });
  await pool.fill("rsa-2048");
  await assert.rejects(pool.generate("rsa-2048"), /no entropy/);
});
