// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { divide, isWorthwhile, wantsOf } from "./quota_sharing.ts";

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

Deno.test("isWorthwhile() only for one who wants more and would get clearly more", () => {
  const rows: readonly (readonly [number[], number[], number[], boolean])[] = [
    [[50, 50], [51, 49], [100, 49], false],
    [[50, 50], [60, 40], [100, 40], true],
    [[50, 50], [60, 40], [40, 30], false],
    [[0, 100], [1, 99], [1, 99], true],
  ];
  for (const [before, after, wants, expected] of rows) {
    assert.equal(isWorthwhile(before, { after, wants }), expected, JSON.stringify(after));
  }
});

Deno.test("divide() hands out all of it, nobody less than a fair part of what they want", () => {
  const random = generator(7);
  for (let round = 0; round < 2000; round++) {
    const capacity = Math.floor(random() ** 4 * 100_000);
    const wants = Array.from(
      { length: 1 + Math.floor(random() * 40) },
      () => random() < 0.1 ? Infinity : random() ** 6 * 200_000,
    );
    const shares = divide(capacity, wants);
    const sum = shares.reduce((total, share) => total + share, 0);
    assert.equal(sum, capacity);
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
