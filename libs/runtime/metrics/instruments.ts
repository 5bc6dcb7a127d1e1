// SPDX-License-Identifier: Apache-2.0
/**
 * The instruments of a service, with constant label names checked by the compiler.
 *
 * Hot paths look their series up once and keep it:
 * `const allowed = decisions.with({ decision: "ok" }); … allowed.add();`
 * @module
 */
import { CounterSeries, GaugeSeries, HistogramSeries, type Labels, SeriesSet } from "./series.ts";

/** What every instrument takes. */
export interface InstrumentOptions<L extends string = string> {
  /** What it counts or measures, as a sentence for operators. */
  readonly help: string;
  /** Names of its labels; their values must come from a small set. @default none */
  readonly labels?: readonly L[];
}

/** What a histogram takes. */
export interface HistogramOptions<L extends string = string> extends InstrumentOptions<L> {
  /** Ascending upper bounds of its buckets, in the unit of its name. */
  readonly buckets: readonly number[];
}

/** The labels argument: absent for an instrument without labels. */
export type LabelArgs<L extends string> = [L] extends [never] ? [] : [labels: Labels<L>];

/** Buckets for latencies in seconds, 0.5 ms to 10 s. */
export const LATENCY_BUCKETS_SECONDS: readonly number[] = Object.freeze([
  0.0005,
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
]);

/** Counts events or amounts; never falls. */
export class Counter<L extends string = never> {
  /** Its series, for the scrape. */
  readonly set: SeriesSet<CounterSeries>;

  /** Made by `Metrics.counter`. */
  constructor(options: InstrumentOptions<L>) {
    this.set = new SeriesSet(options.labels ?? [], () => new CounterSeries());
  }

  /** Adds to the series of these labels. */
  add(amount: number, ...labels: LabelArgs<L>): void {
    this.set.get(labels[0] ?? {}).add(amount);
  }

  /** Returns the series of these labels, to be kept by a hot path. */
  with(...labels: LabelArgs<L>): CounterSeries {
    return this.set.get(labels[0] ?? {});
  }
}

/** Holds a value that rises and falls. */
export class Gauge<L extends string = never> {
  /** Its series, for the scrape. */
  readonly series: SeriesSet<GaugeSeries>;

  /** Made by `Metrics.gauge`. */
  constructor(options: InstrumentOptions<L>) {
    this.series = new SeriesSet(options.labels ?? [], () => new GaugeSeries());
  }

  /** Sets the series of these labels. */
  set(value: number, ...labels: LabelArgs<L>): void {
    this.series.get(labels[0] ?? {}).set(value);
  }

  /** Adds to the series of these labels; the amount may be negative. */
  add(amount: number, ...labels: LabelArgs<L>): void {
    this.series.get(labels[0] ?? {}).add(amount);
  }

  /** Returns the series of these labels, to be kept by a hot path. */
  with(...labels: LabelArgs<L>): GaugeSeries {
    return this.series.get(labels[0] ?? {});
  }

  /** Drops the series of these labels. */
  remove(labels: Labels<L>): void {
    this.series.remove(labels);
  }
}

/** Counts observations by bucket. */
export class Histogram<L extends string = never> {
  /** Its series, for the scrape. */
  readonly set: SeriesSet<HistogramSeries>;

  /** Made by `Metrics.histogram`. */
  constructor(options: HistogramOptions<L>) {
    const boundaries = Object.freeze([...options.buckets]);
    this.set = new SeriesSet(options.labels ?? [], () => new HistogramSeries(boundaries));
  }

  /** Counts an observation in the series of these labels. */
  record(value: number, ...labels: LabelArgs<L>): void {
    this.set.get(labels[0] ?? {}).record(value);
  }

  /** Returns the series of these labels, to be kept by a hot path. */
  with(...labels: LabelArgs<L>): HistogramSeries {
    return this.set.get(labels[0] ?? {});
  }
}

/** A value with its labels, as an observed gauge or counter reports it. */
export interface Observation<L extends string = string> {
  /** The value at the moment of the scrape. */
  readonly value: number;
  /** Its labels. */
  readonly labels: Labels<L>;
}
