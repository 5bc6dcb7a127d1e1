// SPDX-License-Identifier: Apache-2.0
/**
 * Running totals of a histogram or summary: Envoy reports what came in since its last flush, whatever
 * its counters do.
 * @module
 */
import { type Distribution, sumOf } from "./distribution.ts";

/** What one interval brought. Buffers are the caller's and only read. */
export interface Interval {
  /** Samples. */
  readonly count: number;
  /** Their sum. */
  readonly sum: number;
  /** Upper bounds of buckets (or quantiles of a summary), ascending, without +Inf. */
  readonly bounds: Float64Array;
  /** Samples up to each bound (or the values at the quantiles). */
  readonly values: Float64Array;
  /** How many of `bounds` and `values` count. */
  readonly length: number;
}

/** The totals of one histogram or summary of one node, of its present process but for `total`. */
export class DistributionState implements Distribution {
  /** Samples in all. */
  count = 0;
  /** Their sum. */
  sum = 0;
  /** Upper bounds, or quantiles. */
  bounds: readonly number[] = [];
  /** Samples up to each bound in all, or the last value of each quantile. */
  values: Float64Array = new Float64Array(0);
  #before: Distribution | undefined;

  /** What earlier processes of the node, and nodes that were forgotten, had; undefined for nothing. */
  get before(): Distribution | undefined {
    return this.#before;
  }

  /** All of a histogram, across restarts of the node: count and sum exactly, buckets as {@linkcode sumOf} does. */
  get total(): Distribution {
    return this.#before === undefined ? this : sumOf(this.#before, this);
  }

  /** Adds an interval of a histogram. Other bounds than before begin anew. */
  addHistogram(interval: Interval): void {
    if (!this.#hasBounds(interval)) this.#begin(interval);
    const { values, length } = interval;
    for (let index = 0; index < length; index++) {
      this.values[index] = (this.values[index] ?? 0) + (values[index] ?? 0);
    }
    this.count += interval.count;
    this.sum += interval.sum;
  }

  /** Adds an interval of a summary: an idle one has no quantiles (NaN), then the last ones stay. */
  addSummary(interval: Interval): void {
    if (!this.#hasBounds(interval)) this.#begin(interval);
    for (let index = 0; index < interval.length; index++) {
      const value = interval.values[index] ?? NaN;
      if (!Number.isNaN(value)) this.values[index] = value;
    }
    this.count += interval.count;
    this.sum += interval.sum;
  }

  /** Adds to what earlier processes had; `distribution` must not change any more. */
  addBefore(distribution: Distribution): void {
    this.#before = this.#before === undefined ? distribution : sumOf(this.#before, distribution);
  }

  /** Adds what came in earlier of the same process; other bounds are of what counts as ended. */
  addEarlier({ count, sum, bounds, values }: Distribution): void {
    const isSame = bounds.length === this.bounds.length &&
      bounds.every((bound, at) => bound === this.bounds[at]);
    if (!isSame) return this.addBefore({ count, sum, bounds, values });
    this.values = this.values.map((value, at) => value + (values[at] ?? 0));
    this.count += count;
    this.sum += sum;
  }

  /** The process has ended: what it had is of an earlier one from now on. */
  endProcess(): void {
    const { count, sum, bounds, values } = this;
    if (count > 0) this.addBefore({ count, sum, bounds, values });
    this.values = new Float64Array(bounds.length);
    this.count = 0;
    this.sum = 0;
  }

  #hasBounds({ bounds, length }: Interval): boolean {
    if (this.bounds.length !== length) return false;
    for (let index = 0; index < length; index++) {
      if (this.bounds[index] !== bounds[index]) return false;
    }
    return true;
  }

  #begin({ bounds, length }: Interval): void {
    this.bounds = knownBounds(Array.from(bounds.subarray(0, length)));
    this.values = new Float64Array(length);
    this.count = 0;
    this.sum = 0;
  }
}

const lists = new Map<string, readonly number[]>();
const MAX_LISTS = 1_000;

/** Nearly all histograms have the same bounds: they share one list. */
function knownBounds(bounds: readonly number[]): readonly number[] {
  const key = bounds.join();
  const known = lists.get(key);
  if (known !== undefined || lists.size >= MAX_LISTS) return known ?? bounds;
  lists.set(key, bounds);
  return bounds;
}
