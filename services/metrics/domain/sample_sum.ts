// SPDX-License-Identifier: Apache-2.0
/**
 * Sums of values that are shown as one series.
 * @module
 */
import type { Distribution, Sample } from "./sample.ts";
import type { ShownSeries } from "./series.ts";

/** What is summed. */
export interface SumKey {
  /** The series. */
  readonly shown: ShownSeries;
  /** The group of nodes. */
  readonly group: number;
}

/** Adds up the values of one family. */
export class SampleSum {
  readonly #values = new Map<ShownSeries, Map<number, number>>();
  readonly #distributions = new Map<ShownSeries, Map<number, Distribution>>();

  /** Adds a counter or gauge. */
  addValue({ shown, group }: SumKey, value: number): void {
    const groups = inner(this.#values, shown);
    groups.set(group, (groups.get(group) ?? 0) + value);
  }

  /** Adds a histogram; of a summary the quantiles of the last one stay. */
  addDistribution({ shown, group }: SumKey, distribution: Distribution): void {
    const groups = inner(this.#distributions, shown);
    const before = groups.get(group);
    groups.set(group, before === undefined ? distribution : sumOf(before, distribution));
  }

  /** Returns the sums. */
  *samples(): Generator<Sample> {
    for (const [shown, groups] of this.#values) {
      for (const [group, value] of groups) yield { shown, group, value };
    }
    for (const [shown, groups] of this.#distributions) {
      for (const [group, distribution] of groups) yield { shown, group, value: 0, distribution };
    }
  }
}

function inner<V>(map: Map<ShownSeries, Map<number, V>>, key: ShownSeries): Map<number, V> {
  let found = map.get(key);
  if (found === undefined) {
    found = new Map();
    map.set(key, found);
  }
  return found;
}

/**
 * Adds two histograms. Counts are cumulative, so at bounds that both have the sum is exact; others
 * are left out. An empty one has no bounds to say anything of.
 */
export function sumOf(a: Distribution, b: Distribution): Distribution {
  const count = a.count + b.count;
  const sum = a.sum + b.sum;
  if (a.bounds.length === 0) return { count, sum, bounds: b.bounds, values: b.values };
  if (b.bounds.length === 0) return { count, sum, bounds: a.bounds, values: a.values };
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
