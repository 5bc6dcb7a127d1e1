// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { testCharge } from "../domain/algorithms/testing.ts";
import { runCounterStoreContract } from "./counter_store_contract.ts";
import { MemoryCounterStore } from "./memory_counter_store.ts";

const epoch = Date.UTC(2026, 0, 1);

function hit(
  store: MemoryCounterStore,
  key: string,
  { atMs, windowSeconds = 60 }: { readonly atMs: number; readonly windowSeconds?: number },
): number {
  const charges = [testCharge({ key, windowSeconds })];
  const options = { nowMs: epoch + atMs, timeoutMs: 0 };
  return store.charge({ charges, atomic: "each" }, options)[0]?.after ?? -1;
}

Deno.test("MemoryCounterStore keeps the contract of counter stores", async (t) => {
  await runCounterStoreContract(t, new MemoryCounterStore());
});

Deno.test("MemoryCounterStore forgets what ran out first, then what runs out next", () => {
  const store = new MemoryCounterStore({ maxCounters: 3 });
  hit(store, "hour", { atMs: 0, windowSeconds: 3600 });
  hit(store, "second", { atMs: 0, windowSeconds: 1 });
  hit(store, "minute", { atMs: 0, windowSeconds: 60 });
  hit(store, "a", { atMs: 1_000, windowSeconds: 60 });
  assert.deepEqual([store.size, store.evicted], [3, 0]);
  hit(store, "b", { atMs: 1_000, windowSeconds: 120 });
  assert.deepEqual([store.size, store.evicted], [3, 1]);
  assert.equal(hit(store, "hour", { atMs: 1_000, windowSeconds: 3600 }), 2);
  assert.equal(hit(store, "b", { atMs: 1_000, windowSeconds: 120 }), 2);
});

Deno.test("MemoryCounterStore keeps a counter that goes on being charged", () => {
  const store = new MemoryCounterStore({ maxCounters: 2 });
  for (let second = 0; second < 100; second++) {
    hit(store, "busy", { atMs: second * 1000, windowSeconds: 10 });
    assert.equal(hit(store, `once ${second}`, { atMs: second * 1000, windowSeconds: 1 }), 1);
  }
  assert.equal(hit(store, "busy", { atMs: 99_999, windowSeconds: 10 }), 11);
  assert.deepEqual([store.size <= 2, store.evicted], [true, 0]);
});

Deno.test("MemoryCounterStore lets go of what ran out while new keys come", () => {
  const store = new MemoryCounterStore({ maxCounters: 1_000_000 });
  for (let n = 0; n < 20_000; n++) hit(store, `key ${n}`, { atMs: n, windowSeconds: 1 });
  assert.ok(store.size <= 2_002, `${store.size} counters`);
});
