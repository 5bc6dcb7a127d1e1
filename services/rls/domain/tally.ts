// SPDX-License-Identifier: Apache-2.0
/**
 * How the units of one charge are split over what is counted of a limit: within it, near it, over it.
 * @module
 */
import type { Charge, Charged } from "./counter_store.ts";

/** Units of one charge by where they fell. Those over the limit may begin near it. */
export interface Tally {
  /** All units. */
  readonly total: number;
  /** Units that passed. */
  readonly within: number;
  /** Units that fell between the near limit and the limit. */
  readonly near: number;
  /** Units over the limit. */
  readonly over: number;
  /** Those of `over` that the local cache answered. */
  readonly overFromCache: number;
  /** Units over the limit that passed all the same since the rule is in shadow mode. */
  readonly shadow: number;
  /** Units given back. */
  readonly refunded: number;
}

const nothing: Tally = {
  ...{ total: 0, within: 0, near: 0, over: 0, overFromCache: 0, shadow: 0, refunded: 0 },
};

/** What a tally is made from. */
export interface TallyParts {
  /** What was to be charged. */
  readonly charge: Charge;
  /** What came of it. */
  readonly charged: Charged;
  /** Part of the limit at which it is near, 0 to 1. */
  readonly nearRatio: number;
  /** The rule is in shadow mode. */
  readonly shadowMode: boolean;
  /** The charge did not count since another one of the request was over its limit. */
  readonly uncounted: boolean;
}

/** Returns the units from which on a limit is near: as envoyproxy/ratelimit, in single precision. */
export function nearLimit(limit: number, nearRatio: number): number {
  return Math.floor(Math.fround(Math.fround(limit) * Math.fround(nearRatio)));
}

/** Splits the units of a charge. */
export function tallyOf(parts: TallyParts): Tally {
  const { charge: { hits, refund }, charged, shadowMode, uncounted } = parts;
  if (refund) return { ...nothing, refunded: hits };
  if (charged.over) {
    if (charged.fromNearCache) {
      const shadow = shadowMode ? hits : 0;
      return { ...nothing, total: hits, over: hits, overFromCache: hits, shadow };
    }
    const split = overSplit(parts);
    return { ...nothing, total: hits, ...split, shadow: shadowMode ? split.over : 0 };
  }
  if (uncounted) return { ...nothing, total: hits };
  return { ...nothing, total: hits, within: hits, near: nearUnits(parts) };
}

function overSplit(
  { charge: { hits, limit, algorithm }, charged: { after }, nearRatio }: TallyParts,
): Pick<Tally, "near" | "over"> {
  const before = after - hits;
  // Only a fixed window counts what is over, and not where all or none do: elsewhere the counter says
  // nothing of this charge.
  const isCounted = algorithm.kind === "fixed-window" && after > limit;
  if (!isCounted || before >= limit) return { near: 0, over: hits };
  const near = limit - Math.max(nearLimit(limit, nearRatio), before);
  return { near: Math.max(0, near), over: Math.min(hits, after - limit) };
}

function nearUnits({ charge: { hits, limit }, charged: { after }, nearRatio }: TallyParts): number {
  return Math.max(0, Math.min(hits, after - nearLimit(limit, nearRatio)));
}
