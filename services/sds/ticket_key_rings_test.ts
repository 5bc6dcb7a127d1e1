// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { FakeClock, RecordingLogger } from "@denvoy/base/testing";
import { AesSealer } from "./adapters/aes_sealer.ts";
import { MemoryCaStore } from "./domain/ca/memory_ca_store.ts";
import { TicketKeyRings } from "./ticket_key_rings.ts";

const HOUR_MS = 3_600_000;

async function world() {
  let count = 0;
  const clock = new FakeClock();
  const store = new MemoryCaStore();
  const sealer = await AesSealer.create(new Uint8Array(32).fill(1));
  const logger = new RecordingLogger();
  const primitives = { randomBytes: (size: number) => new Uint8Array(size).fill(++count) };
  const rings = () => new TicketKeyRings({ store, sealer, primitives, clock, logger });
  return { clock, store, rings };
}

/** Follows a ring and tells what it was told as the first bytes of the keys. */
function follow(rings: TicketKeyRings) {
  const told: (readonly (number | undefined)[])[] = [];
  const { ready, release } = rings.follow("tickets", { rotateMs: HOUR_MS, keep: 3 }, (keys) => {
    told.push(keys.map(([first]) => first));
  });
  return { told, ready, release };
}

async function until(condition: () => boolean) {
  for (let tries = 0; !condition(); tries++) {
    assert.ok(tries < 1000, "waited for new keys");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

Deno.test("TicketKeyRings: the next key is known to all before it encrypts, the last still decrypts", async () => {
  const { clock, rings } = await world();
  const { told, ready, release } = follow(rings());
  await ready;
  assert.deepEqual(told, [[1, 2]]);
  for (let passed = 0; passed <= HOUR_MS; passed += 60_000) {
    clock.advance(60_000);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await until(() => told.length === 2);
  assert.deepEqual(told.at(-1), [2, 3, 1]);
  release();
});

Deno.test("TicketKeyRings: keys outlive a restart, and are kept sealed", async () => {
  const { store, rings } = await world();
  const first = follow(rings());
  await first.ready;
  first.release();
  const again = follow(rings());
  await again.ready;
  assert.deepEqual(again.told, first.told);
  const kept = store.readSealed("tickets/tickets");
  assert.ok(kept !== undefined && !new TextDecoder("latin1").decode(kept).includes("\x01\x01\x01"));
  again.release();
});

Deno.test("TicketKeyRings.rotate() changes keys at once, of those that are followed", async () => {
  const { rings } = await world();
  const made = rings();
  const { told, ready, release } = follow(made);
  await ready;
  assert.equal(await made.rotate("tickets"), true);
  assert.equal(await made.rotate("others"), false);
  assert.deepEqual(told.at(-1), [2, 3, 1]);
  release();
});
