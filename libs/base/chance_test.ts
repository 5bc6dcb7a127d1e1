// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { Chance } from "./chance.ts";

Deno.test("Chance decides equally for equal seeds, and otherwise for others", () => {
  const of = (seed: number) => {
    const chance = new Chance(seed);
    return chance.some(20, () => chance.below(1000));
  };
  assert.deepEqual(of(7), of(7));
  assert.notDeepEqual(of(7), of(8));
});

Deno.test("Chance keeps to what it is asked for", () => {
  const chance = new Chance(1);
  const rolls = chance.some(6000, () => chance.below(6));
  for (let side = 0; side < 6; side++) {
    const share = rolls.filter((roll) => roll === side).length / rolls.length;
    assert.ok(share > 0.14 && share < 0.19, `${side} came up in a share of ${share}`);
  }
  const hits = chance.some(1000, () => chance.happens(0.25)).filter(Boolean).length;
  assert.ok(hits > 190 && hits < 310, `${hits} of 1000 at 0.25`);
  assert.equal(chance.below(0), 0);
  assert.ok(["a", "b"].includes(chance.pick(["a", "b"])));
  assert.throws(() => chance.pick([]), /cannot pick one of none/);
  assert.ok(chance.some(50, () => chance.bytes(9).length).every((length) => length < 9));
});
