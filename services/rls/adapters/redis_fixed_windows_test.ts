// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { KeyList } from "@denvoy/redis";
import { testCharge } from "../domain/algorithms/testing.ts";
import { FixedWindowCharges } from "./redis_fixed_windows.ts";

/** A hit on a counter: name, hits, window in seconds. */
type Hit = readonly [name: string, hits: number, windowSeconds: number];

/** Where all windows of one unit have begun at other times. */
const lateMs = Date.UTC(2026, 1, 3, 13, 31, 30);
const start = { second: lateMs / 1000, minute: lateMs / 1000 - 30 };

function chargesOf(hits: readonly Hit[], nowMs = lateMs): FixedWindowCharges {
  const charges = new FixedWindowCharges((windowSeconds) => windowSeconds + 7);
  for (const [key, units, windowSeconds] of hits) {
    charges.add(testCharge({ key, hits: units, windowSeconds }), nowMs);
  }
  return charges;
}

/** Returns the names of the keys and the arguments. */
function called(charges: FixedWindowCharges): readonly [readonly string[], readonly unknown[]] {
  const { keys, args } = charges.call();
  const names = keys.flatMap((list) => {
    assert.ok(list instanceof KeyList);
    const lines = new TextDecoder().decode(list.bytes).split("\r\n");
    return lines.filter((_, at) => at % 2 === 1);
  });
  return [names, args];
}

Deno.test("FixedWindowCharges says once what keys have in common", () => {
  const hits: readonly Hit[] = [["a", 1, 60], ["b", 1, 1], ["c", 3, 60], ["d", 1, 60], ["e", 0, 1]];
  const { minute, second } = start;
  assert.deepEqual(called(chargesOf(hits)), [
    [`a${minute}`, `c${minute}`, `d${minute}`, `b${second}`, `e${second}`],
    [67, 3, 1, 2, 3, 8, 2, 1, 2, 0],
  ]);
});

Deno.test("FixedWindowCharges names counters as counterName() does", () => {
  const charges = new FixedWindowCharges((windowSeconds) => windowSeconds);
  const entries = [{ key: "k", value: "größe" }, { key: "path", value: "" }];
  const key = { head: "prefix_domain_", entries, tail: "2_minutes_" };
  charges.add(testCharge({ key, windowSeconds: 120 }), lateMs);
  const [[name]] = called(charges);
  assert.equal(name, `prefix_domain_k_größe_path__2_minutes_${start.minute - 60}_120`);
});

Deno.test("FixedWindowCharges adds up the hits on one counter and tells them apart again", () => {
  const a = (hits: number): Hit => ["a", hits, 60];
  const hits: readonly Hit[] = [a(1), ["s", 1, 1], ["b", 1, 60], a(4), a(0), a(1)];
  const charges = chargesOf(hits);
  assert.equal(charges.size, 3);
  assert.deepEqual(charges.call().args, [67, 2, 1, 1, 6, 8, 1, 0]);
  // There were 10 units in a, and none in b and s.
  const counts = hits.map((_, nth) => charges.countAfter(nth, [16, 1, 1]));
  assert.deepEqual(counts, [11, 1, 1, 15, 15, 16]);
});

Deno.test("FixedWindowCharges keeps windows apart that requests of one call are in", () => {
  const charges = new FixedWindowCharges((windowSeconds) => windowSeconds);
  const charge = testCharge({ key: "a" });
  for (const nowMs of [lateMs, lateMs + 30_000, lateMs]) charges.add(charge, nowMs);
  const [names] = called(charges);
  assert.deepEqual(names, [`a${start.minute}`, `a${start.minute + 60}`]);
  assert.deepEqual([0, 1, 2].map((nth) => charges.countAfter(nth, [2, 1])), [1, 1, 2]);
});

Deno.test("FixedWindowCharges has a counter live on that a shorter window may have begun", () => {
  const midnight = Date.UTC(2026, 1, 3);
  const hits: readonly Hit[] = [["a", 1, 86_400], ["b", 1, 60], ["c", 1, 900], ["d", 2, 3_600]];
  const cases: readonly (readonly [string, number, readonly number[]])[] = [
    ["the first second", 999, [-86_407, -67, 907, -3_607]],
    ["the first minute", 59_999, [-86_407, 67, 907, -3_607]],
    ["the first hour", 3_599_999, [-86_407, 67, 907, 3_607]],
    ["later", 3_665_000, [86_407, 67, 907, 3_607]],
  ];
  for (const [title, afterMs, [day, minute, quarter, hour]] of cases) {
    const { args } = chargesOf(hits, midnight + afterMs).call();
    assert.deepEqual(args, [day, 1, 0, minute, 1, 0, quarter, 1, 0, hour, 1, 1, 1, 2], title);
  }
});

Deno.test("FixedWindowCharges hands on what is no count", () => {
  const charges = chargesOf([["a", 1, 60], ["b", 1, 60]]);
  charges.call();
  assert.deepEqual([0, 1].map((nth) => charges.countAfter(nth, ["OOM", 3])), ["OOM", 3]);
  assert.equal(charges.countAfter(1, ["OOM"]), undefined);
});

Deno.test("FixedWindowCharges keeps apart what is more than numbers can hold", () => {
  const most = Number.MAX_SAFE_INTEGER;
  const charges = chargesOf([["a", most, 60], ["a", 1, 60], ["a", most, 60]]);
  const name = `a${start.minute}`;
  assert.deepEqual(called(charges), [
    [name, name, name],
    [67, 1, 1, 1, most, 67, 1, 0, 67, 1, 1, 1, most],
  ]);
});
