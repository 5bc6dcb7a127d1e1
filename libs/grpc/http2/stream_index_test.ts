// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { Chance } from "@denvoy/base/testing";
import { type Indexed, StreamIndex } from "./stream_index.ts";

function idsOf(index: StreamIndex<Indexed>): readonly number[] {
  return index.values().map(({ id }) => id).sort((a, b) => a - b);
}

Deno.test("StreamIndex holds what a Map would, whatever comes and goes", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const chance = new Chance(seed);
    const index = new StreamIndex<Indexed>();
    const expected = new Map<number, Indexed>();
    const most = 1 + chance.below(200);
    for (let id = 1; id < 4_000; id += 2) {
      const item = { id };
      index.add(item);
      expected.set(id, item);
      while (expected.size > most || expected.size > 0 && chance.below(3) === 0) {
        const ids = [...expected.keys()];
        const gone = ids[chance.below(ids.length)] ?? 0;
        index.delete(gone);
        expected.delete(gone);
      }
      const asked = 1 + 2 * chance.below(2_000);
      assert.equal(index.get(asked), expected.get(asked));
      assert.equal(index.size, expected.size);
    }
    assert.deepEqual(idsOf(index), [...expected.keys()]);
  }
});

Deno.test("StreamIndex keeps long streams beside thousands of short ones", () => {
  const index = new StreamIndex<Indexed>();
  const long = Array.from({ length: 40 }, (_, n) => ({ id: 1 + n * 2 * 1_024 }));
  for (const item of long) index.add(item);
  for (let id = 3; id < 100_000; id += 2) {
    if (index.get(id) !== undefined) continue;
    index.add({ id });
    index.delete(id);
  }
  assert.deepEqual(idsOf(index), long.map(({ id }) => id));
  for (const item of long) assert.equal(index.get(item.id), item);
});

Deno.test("StreamIndex passes over what is not there", () => {
  const index = new StreamIndex<Indexed>();
  index.delete(1);
  index.add({ id: 3 });
  index.delete(35);
  assert.deepEqual([index.size, index.get(35)], [1, undefined]);
  index.clear();
  assert.deepEqual([index.size, index.get(3), idsOf(index)], [0, undefined, []]);
});
