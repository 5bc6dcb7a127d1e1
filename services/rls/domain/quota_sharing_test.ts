// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { divide, rearrange, wantsOf } from "./quota_sharing.ts";

type Row = readonly [capacity: number, wants: readonly number[], shares: readonly number[]];

const divisions: Readonly<Record<string, Row>> = {
  "nobody": [100, [], []],
  "one who wants little has all of it": [100, [3], [100]],
  "one who wants more than there is": [100, [1000], [100]],
  "equal wants": [100, [500, 500], [50, 50]],
  "equal wants that do not divide evenly": [100, [500, 500, 500], [34, 33, 33]],
  "who wants little gets it, the others equal parts of the rest": [100, [10, 500, 900], [
    10,
    45,
    45,
  ]],
  "what nobody asked for is spread evenly": [100, [20, 40], [40, 60]],
  "one who is not known yet gets a fair share": [100, [Infinity, 10], [90, 10]],
  "all of them unknown": [90, [Infinity, Infinity, Infinity], [30, 30, 30]],
  "more who want than units": [2, [9, 9, 9], [1, 1, 0]],
  "nothing to divide": [0, [1, 2], [0, 0]],
  "less than nothing to divide": [-5, [1], [0]],
};

for (const [name, [capacity, wants, shares]] of Object.entries(divisions)) {
  Deno.test(`divide(): ${name}`, () => assert.deepEqual(divide(capacity, wants), shares));
}

Deno.test("wantsOf() leaves room to grow, and the idle a small share", () => {
  const [idle, busy, unknown] = wantsOf(300, [0, 100, Infinity]);
  assert.deepEqual([idle, Math.round(busy ?? 0), unknown], [5, 110, Infinity]);
});

type Step = readonly [before: number[], fair: number[], wants: number[], shares: number[]];

const steps: Readonly<Record<string, Step>> = {
  "nobody wants more": [[50, 50], [60, 40], [50, 30], [50, 50]],
  "who would get hardly more is let be": [[50, 50], [52, 48], [99, 48], [50, 50]],
  "one grows, the other gives": [[50, 50], [60, 40], [99, 40], [60, 40]],
  "who has most more gives first": [[20, 30, 50], [31, 29, 40], [99, 29, 39], [31, 29, 40]],
  "what nobody has is given first": [[20, 76], [23, 77], [99, 30], [23, 76]],
  "much that nobody has is spread": [[20, 30], [60, 40], [10, 10], [60, 40]],
  "one who is new": [[100, 0], [50, 50], [99, 99], [50, 50]],
  "there is less than before": [[50, 30, 20], [20, 20, 20], [30, 30, 30], [20, 20, 20]],
  "less, but enough for who has a fair share": [[50, 10], [45, 15], [10, 10], [50, 10]],
};

for (const [name, [before, fair, wants, shares]] of Object.entries(steps)) {
  Deno.test(`rearrange(): ${name}`, () => {
    assert.deepEqual(rearrange(before, { fair, wants }), shares);
  });
}

Deno.test("divide() hands out all of it, nobody less than a fair part of what they want", () => {
  const random = generator(7);
  for (let round = 0; round < 2000; round++) {
    const capacity = Math.floor(random() ** 4 * 100_000);
    const wants = Array.from(
      { length: 1 + Math.floor(random() * 40) },
      () => random() < 0.1 ? Infinity : random() ** 6 * 200_000,
    );
    const shares = divide(capacity, wants);
    assert.equal(shares.reduce((total, share) => total + share, 0), capacity);
    const before = divide(capacity, wants.map(() => random() ** 6 * 200_000));
    const next = rearrange(before, { fair: shares, wants });
    assert.ok(next.reduce((total, share) => total + share, 0) <= capacity);
    for (const [index, want] of wants.entries()) {
      const [share = 0, fair = 0] = [next[index], shares[index]];
      assert.ok(share * 1.05 >= Math.min(want, fair), `${share} of ${fair} for ${want}`);
    }
    for (const [index, share] of shares.entries()) {
      const least = Math.min(wants[index] ?? 0, capacity / wants.length);
      assert.ok(Number.isInteger(share) && share >= Math.floor(least), `${share} of ${least}`);
    }
  }
});

/** A small generator of numbers from 0 to 1: the same ones in every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}
