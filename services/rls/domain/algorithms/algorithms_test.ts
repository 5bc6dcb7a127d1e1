// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import type { Charge, Charged } from "../counter_store.ts";
import { seededRandom, testCharge } from "./testing.ts";
import { chargeCounters, chargeOne } from "./charge_counters.ts";
import type { Counter } from "./counter.ts";
import { FixedWindow } from "./fixed_window.ts";
import { SlidingWindow } from "./sliding_window.ts";
import { TokenBucket } from "./token_bucket.ts";

const epoch = Date.UTC(2026, 0, 1);
const seconds = 10;
const sliding = testCharge({ windowSeconds: seconds, algorithm: { kind: "sliding-window" } });
const bucket = testCharge({ windowSeconds: seconds, algorithm: { kind: "token-bucket" } });
const fixed = testCharge({ windowSeconds: seconds });

function short({ after, over, remaining, resetMs }: Charged): readonly unknown[] {
  return [after, over, remaining, resetMs];
}

function replay(
  counter: Counter,
  charge: Charge,
  steps: readonly (readonly [atMs: number, changes: Partial<Charge>, result: readonly unknown[]])[],
): void {
  for (const [atMs, changes, result] of steps) {
    const charged = chargeOne({ ...charge, ...changes }, counter, epoch + atMs);
    assert.deepEqual(short(charged), result, `at ${atMs} ms with ${JSON.stringify(changes)}`);
  }
}

Deno.test("FixedWindow counts hits over the limit too and starts anew at the boundary", () => {
  replay(new FixedWindow(seconds), fixed, [
    [0, {}, [1, false, 9, 10_000]],
    [500, { hits: 0 }, [1, false, 9, 9_500]],
    [9_998, { hits: 9 }, [10, false, 0, 2]],
    [9_999, { hits: 5 }, [15, true, 0, 1]],
    [9_999, { hits: 0 }, [15, true, 0, 1]],
    [10_000, { hits: 11 }, [11, true, 0, 10_000]],
    [20_000, { hits: 3, limit: 0 }, [3, true, 0, 10_000]],
  ]);
});

Deno.test("FixedWindow refunds down to 0, and goes on when the clock steps back over a boundary", () => {
  replay(new FixedWindow(seconds), fixed, [
    [9_000, { hits: 4 }, [4, false, 6, 1_000]],
    [10_500, { hits: 7 }, [7, false, 3, 9_500]],
    [9_500, { hits: 7 }, [11, true, 0, 500]],
    [10_500, { hits: 3 }, [10, false, 0, 9_500]],
    [10_500, { hits: 50, refund: true }, [0, false, 10, 9_500]],
  ]);
});

Deno.test("SlidingWindow gives a unit back after 1 to 1.1 windows", () => {
  replay(new SlidingWindow(seconds), sliding, [
    [0, { hits: 4 }, [4, false, 6, 11_000]],
    [2_999, { hits: 6 }, [10, false, 0, 8_001]],
    [3_000, { hits: 5 }, [10, true, 0, 10_000]],
    [10_999, {}, [10, true, 0, 1]],
    [11_000, { hits: 4 }, [10, false, 0, 2_000]],
    [11_000, { hits: 11 }, [10, true, 0, 10_000]],
    [11_500, { hits: 3, refund: true }, [7, false, 3, 1_500]],
    [11_400, { hits: 3 }, [10, false, 0, 1_600]],
    [1_000, {}, [10, true, 0, 2_000]],
    [99_000, { hits: 0 }, [0, false, 10, 0]],
  ]);
});

Deno.test("TokenBucket gives units back steadily and holds at most its burst", () => {
  replay(new TokenBucket(seconds), bucket, [
    [0, { hits: 10 }, [10, false, 0, 1_000]],
    [999, {}, [10, true, 0, 1]],
    [1_000, {}, [10, false, 0, 1_000]],
    [1_000, { hits: 3 }, [10, true, 0, 3_000]],
    [3_500, { hits: 0 }, [8, false, 2, 500]],
    [3_500, { hits: 2, refund: true }, [6, false, 4, 500]],
    [2_000, { hits: 4 }, [10, false, 0, 500]],
    [2_000, { hits: 11 }, [10, true, 0, 10_000]],
    [60_000, { hits: 0 }, [0, false, 10, 0]],
    [60_000, { algorithm: { kind: "token-bucket", burst: 15 }, hits: 15 }, [15, false, 0, 1_000]],
    [60_000, { limit: 0 }, [15, true, 0, 10_000]],
  ]);
});

/** A walk of a clock that mostly goes on, stands still, and sometimes steps back. */
function* walk(seed: number, stepsBack: boolean): Generator<readonly [number, number]> {
  const random = seededRandom(seed);
  for (let now = epoch + random(20_000), n = 0; n < 400; n++) {
    const back = stepsBack && random(20) === 0;
    now += back ? -random(15_000) : random(3) * random(900);
    yield [now, 1 + random(3)];
  }
}

/** Returns what was admitted, by the time that the counter went by: its clock never steps back. */
function admitted(
  counter: Counter,
  charge: Charge,
  steps: Iterable<readonly [number, number]>,
): readonly (readonly [atMs: number, hits: number])[] {
  const passed: [number, number][] = [];
  let latest = 0;
  for (const [now, hits] of steps) {
    latest = Math.max(latest, now);
    if (!chargeOne({ ...charge, hits }, counter, now).over) passed.push([latest, hits]);
  }
  return passed;
}

function mostWithin(passed: readonly (readonly [number, number])[], lengthMs: number): number {
  let most = 0;
  for (const [start] of passed) {
    const sum = passed.reduce(
      (total, [at, hits]) => at >= start && at < start + lengthMs ? total + hits : total,
      0,
    );
    most = Math.max(most, sum);
  }
  return most;
}

Deno.test("SlidingWindow never admits more than the limit in any window, however the clock moves", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const passed = admitted(new SlidingWindow(seconds), sliding, walk(seed, seed % 2 === 0));
    assert.ok(passed.length > 0);
    assert.ok(mostWithin(passed, seconds * 1000) <= sliding.limit, `seed ${seed}`);
  }
});

Deno.test("TokenBucket never admits more than burst and rate in any stretch, however the clock moves", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const passed = admitted(new TokenBucket(seconds), bucket, walk(seed, seed % 2 === 0));
    for (const lengthMs of [1, 500, 1_000, 5_000, 10_000, 40_000]) {
      const allowed = bucket.limit + lengthMs * bucket.limit / (seconds * 1000);
      assert.ok(mostWithin(passed, lengthMs) <= allowed, `seed ${seed}, ${lengthMs} ms`);
    }
  }
});

Deno.test("FixedWindow never admits more than the limit in an aligned window, with steps back", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const counter = new FixedWindow(seconds);
    const byWindow = new Map<number, number>();
    for (const [now, hits] of walk(seed, false)) {
      // A step of less than a window back and forth at each moment.
      for (const at of [now, now - 9_000, now]) {
        if (chargeOne({ ...fixed, hits }, counter, at).over) continue;
        const window = Math.floor(at / 10_000);
        byWindow.set(window, (byWindow.get(window) ?? 0) + hits);
      }
    }
    assert.ok(Math.max(...byWindow.values()) <= fixed.limit, `seed ${seed}`);
  }
});

Deno.test("chargeCounters() counts all, some or none when one is over", () => {
  const run = (atomic: "each" | "all-or-nothing" | "over-only") => {
    const counters = [new FixedWindow(60), new FixedWindow(60)];
    const charges = [testCharge({ hits: 2 }), testCharge({ hits: 2, limit: 1 })];
    const charged = chargeCounters(charges, counters, { atomic, nowMs: epoch });
    return charged.map(({ after, over }) => [after, over]);
  };
  assert.deepEqual(run("each"), [[2, false], [2, true]]);
  assert.deepEqual(run("all-or-nothing"), [[0, false], [0, true]]);
  assert.deepEqual(run("over-only"), [[0, false], [2, true]]);
});

Deno.test("chargeCounters() adds up the charges of one counter before it says that all fit", () => {
  const counter = new SlidingWindow(60);
  const charge = testCharge({ hits: 6, algorithm: { kind: "sliding-window" } });
  const options = { atomic: "all-or-nothing", nowMs: epoch } as const;
  const twice = chargeCounters([charge, charge], [counter, counter], options);
  assert.deepEqual(twice.map(({ after, over }) => [after, over]), [[0, false], [0, true]]);
  const [once] = chargeCounters([charge], [counter], options);
  assert.equal(once?.after, 6);
});

Deno.test("chargeCounters() looks at each charge by itself where only those that are over count", () => {
  const atomic = "over-only";
  const run = (hits: readonly number[]) => {
    const counter = new FixedWindow(60);
    const charges = hits.map((one) => testCharge({ hits: one, limit: 2 }));
    const counters = hits.map(() => counter);
    const charged = chargeCounters(charges, counters, { atomic, nowMs: epoch });
    return charged.map(({ after, over }) => `${after}${over ? "!" : ""}`).join(" ");
  };
  assert.equal(run([2, 1]), "2 3!");
  assert.equal(run([1, 5]), "0 5!");
  assert.equal(run([5, 1]), "5! 5!");
});
