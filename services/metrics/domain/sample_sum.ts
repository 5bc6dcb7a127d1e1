// SPDX-License-Identifier: Apache-2.0
/**
 * Sums of values that are shown as one series.
 * @module
 */
import { type Distribution, sumOf } from "./distribution.ts";
import type { Sample } from "./sample.ts";
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
