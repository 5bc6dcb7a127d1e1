// SPDX-License-Identifier: Apache-2.0
/**
 * What one counter can do, whatever its algorithm: the shape that counting in memory is built on,
 * and that the scripts in Redis do in the same steps.
 * @module
 */
import type { Charge, Charged } from "../counter_store.ts";

/**
 * One counter. `settle` comes first and moves it to the present; the other calls speak of that
 * moment. A counter never hands out more because a clock stepped back.
 */
export interface Counter {
  /** Hits of the request under way that were found to fit and are not added yet. */
  pending: number;
  /** Moves to `nowMs`: forgets what has run out. */
  settle(charge: Charge, nowMs: number): void;
  /** Tells whether the hits fit beside what is counted and pending. */
  fits(charge: Charge): boolean;
  /** Adds the hits of a charge. */
  add(charge: Charge): void;
  /** Takes the hits of a charge off, not below 0. */
  refund(charge: Charge): void;
  /** Returns how it stands; `over` is what the charge was told. */
  describe(charge: Charge, over: boolean): Charged;
  /** When it holds nothing any more, in ms since the Unix epoch. */
  expiresAtMs(): number;
}

/** Returns the most units that a charge's counter may hold. */
export function capacityOf({ algorithm, limit }: Charge): number {
  if (algorithm.kind !== "token-bucket" || limit === 0) return limit;
  return algorithm.burst ?? limit;
}
