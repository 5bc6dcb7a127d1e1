// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { seededRandom } from "./algorithms/testing.ts";
import { FrequentItems } from "./frequent_items.ts";

function add(
  items: FrequentItems<string>,
  key: string,
  { weight = 1, nowMs = 0 }: { readonly weight?: number; readonly nowMs?: number } = {},
): void {
  items.add(key, { weight, nowMs, make: () => key.toUpperCase() });
}

function shown(items: FrequentItems<string>, count: number, nowMs = 0) {
  return items.top(count, nowMs).map(({ key, weight }) => `${key} ${weight}`);
}

Deno.test("FrequentItems tells the heaviest keys first, with what was remembered of them", () => {
  const items = new FrequentItems<string>({ capacity: 10 });
  add(items, "a");
  add(items, "b", { weight: 5 });
  add(items, "a", { weight: 2 });
  assert.deepEqual(shown(items, 2), ["b 5", "a 3"]);
  assert.deepEqual(items.top(1, 0)[0]?.value, "B");
});

Deno.test("FrequentItems finds hot keys among any number of others, in bounded room", () => {
  const random = seededRandom(7);
  const items = new FrequentItems<string>({ capacity: 20 });
  const truth = new Map<string, number>();
  for (let n = 0; n < 50_000; n++) {
    const key = n % 4 === 0 ? `hot${random(5)}` : `rare${random(100_000)}`;
    truth.set(key, (truth.get(key) ?? 0) + 1);
    add(items, key);
    assert.ok(items.size <= 40);
  }
  const top = items.top(5, 0);
  assert.deepEqual(top.map(({ key }) => key).sort(), ["hot0", "hot1", "hot2", "hot3", "hot4"]);
  for (const { key, weight, unseen } of top) {
    const real = truth.get(key) ?? 0;
    assert.ok(weight <= real && real <= weight + unseen, `${key}: ${weight} to ${real}`);
  }
});

Deno.test("FrequentItems lets weight fade, forgets what is nothing, and begins anew with the clock", () => {
  const items = new FrequentItems<string>({ capacity: 10, halfLifeMs: 1_000 });
  add(items, "a", { weight: 8, nowMs: 10_000 });
  add(items, "b", { weight: 3, nowMs: 11_000 });
  assert.deepEqual(shown(items, 9, 11_000), ["a 4", "b 3"]);
  assert.deepEqual(shown(items, 9, 13_500), ["a 1", "b 0.75"]);
  assert.deepEqual(shown(items, 9, 5_000), ["a 1", "b 0.75"]);
  assert.deepEqual(shown(items, 9, 60_000), []);
});
