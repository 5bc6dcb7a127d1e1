// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { testCharge } from "../domain/algorithms/testing.ts";
import { FixedWindowCharges } from "./redis_fixed_windows.ts";

/** A hit on a counter: name, hits, window in seconds. */
type Hit = readonly [name: string, hits: number, windowSeconds: number];

/** Where all windows have begun long ago. */
const lateMs = Date.UTC(2026, 1, 3, 13, 31, 30);

function chargesOf(hits: readonly Hit[], nowMs = lateMs): FixedWindowCharges {
  const charges = new FixedWindowCharges((windowSeconds) => windowSeconds + 7);
  for (const [name, units, windowSeconds] of hits) {
    charges.add(testCharge({ hits: units, windowSeconds }), { name, nowMs });
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

Deno.test("FixedWindowCharges has a counter live on that a shorter window may have begun", () => {
  const midnight = Date.UTC(2026, 1, 3);
  const hits: readonly Hit[] = [["a", 1, 86_400], ["b", 1, 60], ["c", 1, 900], ["d", 2, 3_600]];
  const cases: readonly [string, number, readonly number[]][] = [
    ["the first second", 999, [3, 1, -86_407, 1, -67, 1, 907, 2, -3_607]],
    ["the first minute", 59_999, [3, 1, -86_407, 1, 67, 1, 907, 2, -3_607]],
    ["the first hour", 3_599_999, [3, 1, -86_407, 1, 67, 1, 907, 2, 3_607]],
    ["later", 3_665_000, [3, 1, 86_407, 1, 67, 1, 907, 2, 3_607]],
  ];
  for (const [title, afterMs, expected] of cases) {
    assert.deepEqual(chargesOf(hits, midnight + afterMs).call().args, expected, title);
  }
});

Deno.test("FixedWindowCharges has a counter of two windows live as long as the longer one", () => {
  const nowMs = Date.UTC(2026, 1, 3) + 59_999;
  for (const windows of [[60, 3_600], [3_600, 60]]) {
    const hits = windows.map((windowSeconds): Hit => ["a", 1, windowSeconds]);
    assert.deepEqual(chargesOf(hits, nowMs).call(), { keys: ["a"], args: [0, 2, -3_607] });
  }
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
