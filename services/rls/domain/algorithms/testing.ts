// SPDX-License-Identifier: Apache-2.0
/**
 * Charges and chance for tests of counting.
 * @module
 */
import { Chance } from "@denvoy/base/testing";
import type { Charge } from "../counter_store.ts";

/** What a charge has instead; its key may be a text. */
export interface ChargeChanges extends Partial<Omit<Charge, "key">> {
  /** What it is called. */
  readonly key?: Charge["key"] | string;
}

/** Returns a name that is a text as it is. */
export function testKey(text: string): Charge["key"] {
  return { head: text, entries: [], tail: "" };
}

/** Returns a charge of one hit against 10 per minute in a fixed window, with changes. */
export function testCharge({ key = "domain_key_value_", ...changes }: ChargeChanges = {}): Charge {
  return {
    key: typeof key === "string" ? testKey(key) : key,
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
