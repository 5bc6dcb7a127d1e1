// SPDX-License-Identifier: Apache-2.0
/**
 * The time series of one instrument: one per set of label values, bounded in number. Increments are
 * plain additions to a field, so a hot path that holds its series pays a few nanoseconds; the maps
 * and the OpenTelemetry objects come in only when a series is looked up or scraped.
 * @module
 */

/** Label values by label name; the names are those the instrument was made with. */
export type Labels<L extends string> = Readonly<Record<L, string>>;

/** Series that one instrument may have; beyond it all share one whose values are `overflow`. */
export const MAX_SERIES = 2000;

/** One series with its labels. */
export interface LabelledSeries<S> {
  /** Its label values by name. */
  readonly labels: Readonly<Record<string, string>>;
  /** Its accumulated value. */
  readonly series: S;
}

/** The series of one instrument, by their label values. */
export class SeriesSet<S> {
  readonly #names: readonly string[];
  readonly #create: () => S;
  readonly #nodes = new Map<string, LabelledSeries<S>>();

  /** `create` makes an empty series. Without label names there is one series from the start. */
  constructor(names: readonly string[], create: () => S) {
    this.#names = names;
    this.#create = create;
    if (names.length === 0) this.get({});
  }

  /** Returns the series of these label values; makes it when it is new. */
  get(labels: Readonly<Record<string, string>>): S {
    const key = this.#key(labels);
    const known = this.#nodes.get(key);
    if (known !== undefined) return known.series;
    if (this.#nodes.size >= MAX_SERIES && labels[this.#names[0] ?? ""] !== "overflow") {
      return this.get(this.#overflow());
    }
    const own = Object.fromEntries(this.#names.map((name) => [name, String(labels[name] ?? "")]));
    const node = { labels: own, series: this.#create() };
    this.#nodes.set(key, node);
    return node.series;
  }

  /** Drops the series of these label values, e.g. those of a node that is gone. */
  remove(labels: Readonly<Record<string, string>>): void {
    this.#nodes.delete(this.#key(labels));
  }

  /** All series with their labels. */
  values(): Iterable<LabelledSeries<S>> {
    return this.#nodes.values();
  }

  #key(labels: Readonly<Record<string, string>>): string {
    if (this.#names.length === 1) return String(labels[this.#names[0] ?? ""]);
    let key = "";
    for (const name of this.#names) key += `${labels[name]}\u0000`;
    return key;
  }

  #overflow(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#names.map((name) => [name, "overflow"]));
  }
}

/** A series that only grows. */
export class CounterSeries {
  /** Its total since the start. */
  total = 0;

  /** Adds `amount`, by default 1. A negative amount is ignored: a counter never falls. */
  add(amount = 1): void {
    if (amount > 0) this.total += amount;
  }
}

/** A series that rises and falls. */
export class GaugeSeries {
  /** Its current value. */
  value = 0;

  /** Sets the value. */
  set(value: number): void {
    this.value = value;
  }

  /** Adds `amount`, which may be negative; by default 1. */
  add(amount = 1): void {
    this.value += amount;
  }
}

/** A series of observations, counted by bucket. */
export class HistogramSeries {
  /** Upper bounds of the buckets, included; the last bucket has none. */
  readonly boundaries: readonly number[];
  /** Observations per bucket, one more than boundaries. */
  readonly counts: number[];
  /** Sum of all observations. */
  sum = 0;
  /** Number of all observations. */
  count = 0;

  /** `boundaries` are ascending. */
  constructor(boundaries: readonly number[]) {
    this.boundaries = boundaries;
    this.counts = new Array(boundaries.length + 1).fill(0);
  }

  /** Counts one observation; NaN is ignored. */
  record(value: number): void {
    if (Number.isNaN(value)) return;
    let low = 0;
    let high = this.boundaries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value <= (this.boundaries[middle] ?? Infinity)) high = middle;
      else low = middle + 1;
    }
    this.counts[low] = (this.counts[low] ?? 0) + 1;
    this.sum += value;
    this.count += 1;
  }
}
