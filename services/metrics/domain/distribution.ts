// SPDX-License-Identifier: Apache-2.0
/**
 * Counts of a histogram, or what is known of a summary, and how they are added and taken apart.
 * @module
 */

/** Totals of a histogram or summary. */
export interface Distribution {
  /** Samples in all. */
  readonly count: number;
  /** Their sum. */
  readonly sum: number;
  /** Upper bounds, or quantiles. */
  readonly bounds: readonly number[];
  /** Samples up to each bound in all, or the last value of each quantile. */
  readonly values: Float64Array;
}

/**
 * Adds two histograms. Counts are cumulative, so at bounds that both have the sum is exact; others
 * are left out. One that never counted has no bounds to say anything of.
 */
export function sumOf(a: Distribution, b: Distribution): Distribution {
  const count = a.count + b.count;
  const sum = a.sum + b.sum;
  if (a.bounds.length === 0 && a.count === 0) {
    return { count, sum, bounds: b.bounds, values: b.values };
  }
  if (b.bounds.length === 0 && b.count === 0) {
    return { count, sum, bounds: a.bounds, values: a.values };
  }
  const others = a.bounds === b.bounds
    ? undefined
    : new Map(b.bounds.map((bound, at) => [bound, at]));
  const bounds: number[] = [];
  const values: number[] = [];
  for (const [at, bound] of a.bounds.entries()) {
    const other = others === undefined ? at : others.get(bound);
    if (other === undefined) continue;
    bounds.push(bound);
    values.push((a.values[at] ?? 0) + (b.values[other] ?? 0));
  }
  const kept = bounds.length === a.bounds.length ? a.bounds : bounds;
  return { count, sum, bounds: kept, values: Float64Array.from(values) };
}

/** Returns what was added; undefined when the histogram has begun anew, or has bounds that it had not. */
export function differenceOf(now: Distribution, before: Distribution): Distribution | undefined {
  if (before.count > now.count) return undefined;
  const places = now.bounds === before.bounds
    ? undefined
    : new Map(before.bounds.map((bound, at) => [bound, at]));
  if (places !== undefined && !now.bounds.every((bound) => places.has(bound))) return undefined;
  const valueBefore = (at: number): number => {
    const place = places === undefined ? at : places.get(now.bounds[at] ?? NaN) ?? -1;
    return before.values[place] ?? 0;
  };
  return {
    count: now.count - before.count,
    sum: now.sum - before.sum,
    bounds: now.bounds,
    values: now.values.map((value, at) => value - valueBefore(at)),
  };
}

/** Returns one that does not change. */
export function copyOfDistribution({ count, sum, bounds, values }: Distribution): Distribution {
  return { count, sum, bounds, values: values.slice() };
}

/** Returns what takes a histogram away when it is added. */
export function negative({ count, sum, bounds, values }: Distribution): Distribution {
  return { count: -count, sum: -sum, bounds, values: values.map((value) => -value) };
}
