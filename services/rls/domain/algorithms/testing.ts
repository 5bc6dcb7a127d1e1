// SPDX-License-Identifier: Apache-2.0
/**
 * Charges and chance for tests of counting.
 * @module
 */
import { Chance } from "@denvoy/base/testing";
import type { Charge } from "../counter_store.ts";

/** Returns a charge of one hit against 10 per minute in a fixed window, with changes. */
export function testCharge(changes: Partial<Charge> = {}): Charge {
  return {
    key: "domain_key_value_",
    windowSeconds: 60,
    limit: 10,
    algorithm: { kind: "fixed-window" },
    hits: 1,
    perSecond: false,
    ...changes,
  };
}

/** Returns a function that gives whole numbers from 0 to `below` - 1, the same for the same seed. */
export function seededRandom(seed: number): (below: number) => number {
  const chance = new Chance(seed);
  return (below) => chance.below(below);
}
