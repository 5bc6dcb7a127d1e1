// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { testCharge } from "../domain/algorithms/testing.ts";
import { FixedWindowCharges } from "./redis_fixed_windows.ts";

/** A hit on a counter: name, hits, window in seconds. */
type Hit = readonly [name: string, hits: number, windowSeconds: number];

function chargesOf(hits: readonly Hit[]): FixedWindowCharges {
  const charges = new FixedWindowCharges((windowSeconds) => windowSeconds + 7);
  for (const [name, units, windowSeconds] of hits) {
    charges.add(testCharge({ hits: units, windowSeconds }), name);
  }
  return charges;
}

Deno.test("FixedWindowCharges says once what keys have in common", () => {
  const hits: readonly Hit[] = [["a", 1, 60], ["b", 1, 1], ["c", 3, 60], ["d", 1, 60], ["e", 0, 1]];
  const { keys, args } = chargesOf(hits).call();
  assert.deepEqual(keys, ["a", "d", "b", "c", "e"]);
  assert.deepEqual(args, [2, 2, 67, 1, 8, 3, 67, 0, 8]);
});

Deno.test("FixedWindowCharges adds up the hits on one counter and tells them apart again", () => {
  const hits: readonly Hit[] = [["a", 1, 60], ["b", 1, 60], ["a", 4, 60], ["a", 0, 60], [
    "a",
    1,
    60,
  ]];
  const charges = chargesOf(hits);
  assert.equal(charges.size, 2);
  assert.deepEqual(charges.call(), { keys: ["b", "a"], args: [1, 1, 67, 6, 67] });
  // There were 10 units in a, and none in b.
  const counts = hits.map((_, nth) => charges.countAfter(nth, [1, 16]));
  assert.deepEqual(counts, [11, 1, 15, 15, 16]);
});

Deno.test("FixedWindowCharges hands on what is no count", () => {
  const charges = chargesOf([["a", 1, 60], ["b", 1, 60]]);
  charges.call();
  assert.deepEqual([0, 1, 2].map((nth) => charges.countAfter(nth, ["OOM", 3])), [
    "OOM",
    3,
    undefined,
  ]);
});

Deno.test("FixedWindowCharges keeps apart what is more than numbers can hold", () => {
  const most = Number.MAX_SAFE_INTEGER;
  const { keys, args } = chargesOf([["a", most, 60], ["a", 1, 60], ["a", most, 60]]).call();
  assert.deepEqual([keys, args], [["a", "a", "a"], [1, 1, 67, most, 67, most, 67]]);
});
