// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { testCharge, testKey } from "../domain/algorithms/testing.ts";
import type { Atomicity, Charge, Charged, ChargeOutcome } from "../domain/counter_store.ts";
import { chargedOf, runCounterStoreContract } from "./counter_store_contract.ts";
import { MemoryCounterStore } from "./memory_counter_store.ts";
import { NearCache, type NearCacheOptions } from "./near_cache.ts";

const epoch = Date.UTC(2026, 0, 1);

/** A cache in front of a memory that tells how often it was charged. */
class Fixture {
  readonly memory = new MemoryCounterStore();
  readonly cache: NearCache;
  asked = 0;

  constructor(options?: NearCacheOptions) {
    const { memory } = this;
    this.cache = new NearCache({
      charge: (request, at) => {
        this.asked++;
        return memory.charge(request, at);
      },
      read: (charges, at) => memory.read(charges, at),
      reset: (charges, at) => memory.reset(charges, at),
      health: () => memory.health(),
      servers: () => memory.servers(),
      close: () => memory.close(),
    }, options);
  }

  charge(
    charges: readonly Charge[],
    { atMs = 0, atomic = "each" }: { readonly atMs?: number; readonly atomic?: Atomicity } = {},
  ): readonly Charged[] {
    const options = { nowMs: epoch + atMs, timeoutMs: 0 };
    const outcome = this.cache.charge({ charges, atomic }, options);
    assert.ok(!(outcome instanceof Promise));
    return chargedOf(outcome as ChargeOutcome);
  }

  /** Counts, a `*` behind what came from the cache. */
  counts(...args: Parameters<Fixture["charge"]>): string {
    return this.charge(...args).map(({ after, fromNearCache }) =>
      `${after}${fromNearCache ? "*" : ""}`
    ).join(" ");
  }
}

const charge = testCharge({ limit: 1 });

Deno.test("NearCache answers what is over until the window ends, and asks again after a while", () => {
  const fixture = new Fixture({ recheckMs: 40_000 });
  assert.equal(fixture.counts([charge]), "1");
  assert.equal(fixture.counts([charge]), "2");
  const [known] = fixture.charge([charge], { atMs: 1_000 });
  assert.deepEqual(known, {
    after: 2,
    over: true,
    remaining: 0,
    resetMs: 59_000,
    fromNearCache: true,
  });
  assert.equal(fixture.counts([charge], { atMs: 39_999 }), "2*");
  assert.equal(fixture.counts([charge], { atMs: 40_000 }), "3");
  assert.equal(fixture.counts([charge], { atMs: 59_999 }), "3*");
  assert.equal(fixture.counts([charge], { atMs: 60_000 }), "1");
  assert.equal(fixture.asked, 4);
});

Deno.test("NearCache charges the others of a request", () => {
  const fixture = new Fixture();
  const other = testCharge({ key: "other_" });
  fixture.counts([{ ...charge, hits: 2 }]);
  assert.equal(fixture.counts([other, charge, other]), "1 2* 2");
  assert.equal(fixture.counts([charge, other], { atomic: "all-or-nothing" }), "2* 2");
  assert.equal(fixture.counts([charge, other], { atomic: "over-only" }), "2* 2");
  assert.equal(fixture.counts([other]), "3");
});

Deno.test("NearCache forgets a counter that is refunded or reset", () => {
  const fixture = new Fixture();
  fixture.counts([{ ...charge, hits: 2 }]);
  assert.equal(fixture.counts([charge]), "2*");
  assert.equal(fixture.counts([{ ...charge, hits: 2, refund: true }]), "0");
  assert.equal(fixture.counts([charge]), "1");
  assert.equal(fixture.counts([charge]), "2");
  fixture.cache.reset([charge], { nowMs: epoch, timeoutMs: 0 });
  assert.equal(fixture.counts([charge]), "1");
});

Deno.test("NearCache does not keep from a counter what would fit", () => {
  const fixture = new Fixture();
  const bucket = testCharge({ algorithm: { kind: "token-bucket" }, limit: 10, windowSeconds: 10 });
  fixture.counts([{ ...bucket, hits: 8 }]);
  assert.equal(fixture.counts([{ ...bucket, hits: 3 }]), "8");
  assert.equal(fixture.counts([{ ...bucket, hits: 4 }]), "8*");
  assert.equal(fixture.counts([{ ...bucket, hits: 2 }]), "10");
  fixture.counts([{ ...bucket, hits: 1 }]);
  assert.equal(fixture.counts([bucket], { atMs: 999 }), "10*");
  assert.equal(fixture.counts([bucket], { atMs: 1_000 }), "10");
  const more = { ...charge, limit: 100 };
  fixture.counts([{ ...charge, hits: 2 }]);
  assert.equal(fixture.counts([more]), "3");
});

Deno.test("NearCache never remembers a limit of concurrency, which is given back at any moment", () => {
  const fixture = new Fixture();
  const lease = testCharge({ algorithm: { kind: "concurrency" }, limit: 1 });
  assert.equal(fixture.counts([lease]), "1");
  assert.equal(fixture.counts([lease]), "1");
  assert.equal(fixture.counts([lease]), "1");
});

Deno.test("NearCache remembers at most so many, and forgets the oldest", () => {
  const fixture = new Fixture({ maxEntries: 2 });
  const keys = ["a_", "b_", "c_"].map((key) => testCharge({ key, limit: 0 }));
  for (const each of keys) fixture.counts([each]);
  assert.equal(fixture.cache.size, 2);
  assert.equal(fixture.counts(keys), "2 1* 1*");
});

Deno.test("NearCache does not trust what it learnt at a time that is still to come", () => {
  const fixture = new Fixture();
  const sliding = testCharge({ algorithm: { kind: "sliding-window" }, limit: 1 });
  fixture.counts([sliding], { atMs: 5_000 });
  fixture.counts([sliding], { atMs: 5_000 });
  assert.equal(fixture.counts([sliding], { atMs: 4_000 }), "1");
});

Deno.test("NearCache counts what it answered and what it did not know", () => {
  const fixture = new Fixture({ maxEntries: 1 });
  const other = { ...charge, key: testKey("other_") };
  fixture.charge([{ ...charge, hits: 99 }]);
  fixture.charge([charge, charge]);
  fixture.charge([{ ...other, hits: 99 }]);
  fixture.charge([other], { atMs: 3_600_000 });
  assert.deepEqual(fixture.cache.stats, { hits: 2, misses: 3, evicted: 1, expired: 0 });
});

Deno.test("NearCache passes on failures and forgets what may have been refunded", () => {
  const failure = { kind: "deadline", why: "slow" } as const;
  const memory = new MemoryCounterStore();
  let failing = false;
  const cache = new NearCache({
    charge: (request, options) => failing ? failure : memory.charge(request, options),
    read: () => failure,
    reset: () => failure,
    health: () => ({ kind: "serving" }),
    servers: () => [],
    close: () => Promise.resolve(),
  });
  const options = { nowMs: epoch, timeoutMs: 0 };
  const ask = (changes: Partial<Charge>) =>
    cache.charge({ charges: [{ ...charge, ...changes }], atomic: "each" }, options);
  ask({ hits: 2 });
  failing = true;
  assert.notEqual(ask({}), failure);
  assert.equal(ask({ refund: true }), failure);
  assert.equal(ask({}), failure);
});

Deno.test("NearCache keeps the contract of counter stores where nothing is remembered", async (t) => {
  await runCounterStoreContract(t, new NearCache(new MemoryCounterStore(), { recheckMs: 0 }));
});
