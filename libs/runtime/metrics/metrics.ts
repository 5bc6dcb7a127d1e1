// SPDX-License-Identifier: Apache-2.0
/**
 * The metrics of one service: instruments in, OpenTelemetry data and Prometheus text out.
 *
 * The instruments accumulate by themselves and are read when somebody scrapes; the OpenTelemetry
 * SDK's own synchronous instruments cost an attribute hash per increment, too much for a path that
 * runs 100,000 times a second. What libraries record through the OpenTelemetry API (`provider`) is
 * part of the same scrape.
 * @module
 */
import type { Clock } from "@denvoy/base";
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider, MetricReader, type ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { systemClock } from "../system_clock.ts";
import {
  Counter,
  Gauge,
  Histogram,
  type HistogramOptions,
  type InstrumentOptions,
  type Observation,
} from "./instruments.ts";
import { type Instrument, toMetricData } from "./to_metric_data.ts";

/** The media type of {@linkcode Metrics.scrape}. */
export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** What metrics are made of. */
export interface MetricsOptions {
  /** Name of the service: the prefix of every name. */
  readonly service: string;
  /** Moments of data points. @default the system's */
  readonly clock?: Pick<Clock, "nowMs">;
}

/** Makes the instruments of one service and renders them. Names become `<service>_<name>`. */
export class Metrics {
  /** For libraries that record through the OpenTelemetry API. */
  readonly provider: MeterProvider;
  readonly #prefix: string;
  readonly #reader = new ScrapeReader();
  readonly #serializer = new PrometheusSerializer(undefined, false, undefined, true, true);
  readonly #instruments = new Map<string, Instrument>();
  readonly #nowMs: () => number;
  readonly #startMs: number;

  /** Nothing is registered globally: several services may live in one process. */
  constructor(options: MetricsOptions) {
    const clock = options.clock ?? systemClock;
    this.#prefix = options.service;
    this.#nowMs = () => clock.nowMs();
    this.#startMs = clock.nowMs();
    this.provider = new MeterProvider({ readers: [this.#reader] });
  }

  /** A counter; `name` is `<noun>_total` or `<noun>_<unit>_total`. @throws {TypeError} on a bad or used name */
  counter<const L extends string = never>(name: string, options: InstrumentOptions<L>): Counter<L> {
    if (!name.endsWith("_total")) {
      throw new TypeError(`Cannot make counter as its name must end in "_total": "${name}"`);
    }
    const counter = new Counter(options);
    this.#register(name, { kind: "counter", help: options.help, series: counter.set });
    return counter;
  }

  /** A gauge; `name` is `<noun>` or `<noun>_<unit>`. @throws {TypeError} on a bad or used name */
  gauge<const L extends string = never>(name: string, options: InstrumentOptions<L>): Gauge<L> {
    const gauge = new Gauge(options);
    this.#register(name, { kind: "gauge", help: options.help, series: gauge.series });
    return gauge;
  }

  /** A histogram; `name` is `<noun>_<unit>`. @throws {TypeError} on a bad or used name or bad buckets */
  histogram<const L extends string = never>(
    name: string,
    options: HistogramOptions<L>,
  ): Histogram<L> {
    if (
      options.buckets.some((bound, index) => bound <= (options.buckets[index - 1] ?? -Infinity))
    ) {
      throw new TypeError(`Cannot make histogram as buckets must ascend: ${options.buckets}`);
    }
    const histogram = new Histogram(options);
    this.#register(name, { kind: "histogram", help: options.help, series: histogram.set });
    return histogram;
  }

  /**
   * A gauge whose values are asked for at each scrape. `observe` must be quick; what it throws is
   * swallowed and its values are missing from that scrape.
   */
  observeGauge<const L extends string = never>(
    name: string,
    options: InstrumentOptions<L>,
    observe: () => number | Iterable<Observation<L>>,
  ): void {
    this.#register(name, { kind: "observed", monotonic: false, help: options.help, observe });
  }

  /** A counter whose totals are asked for at each scrape; see {@linkcode observeGauge}. */
  observeCounter<const L extends string = never>(
    name: string,
    options: InstrumentOptions<L>,
    observe: () => number | Iterable<Observation<L>>,
  ): void {
    this.#register(name, { kind: "observed", monotonic: true, help: options.help, observe });
  }

  /** An observed value whose name is a convention of its own, e.g. `process_start_time_seconds`. */
  observeUnprefixed(
    name: string,
    options: { readonly help: string; readonly monotonic?: boolean },
    observe: () => number | Iterable<Observation>,
  ): void {
    const { help, monotonic = false } = options;
    this.#add(name, { kind: "observed", monotonic, help, observe });
  }

  /** Returns all metrics in the Prometheus text format. */
  async scrape(): Promise<string> {
    return this.#serializer.serialize(await this.collect());
  }

  /** Returns all metrics as OpenTelemetry data, cumulative since the start. */
  async collect(): Promise<ResourceMetrics> {
    const { resourceMetrics } = await this.#reader.collect();
    const moments = { startMs: this.#startMs, endMs: this.#nowMs() };
    const metrics = [...this.#instruments].map(([name, instrument]) =>
      toMetricData(name, instrument, moments)
    );
    const own = { scope: { name: "denvoy" }, metrics };
    return {
      resource: resourceMetrics.resource,
      scopeMetrics: [own, ...resourceMetrics.scopeMetrics],
    };
  }

  #register(name: string, instrument: Instrument): void {
    this.#add(`${this.#prefix}_${name}`, instrument);
  }

  #add(name: string, instrument: Instrument): void {
    if (!/^[a-z][a-z0-9_]*$/.test(name)) {
      throw new TypeError(`Cannot make metric as its name must be snake_case: "${name}"`);
    }
    if (this.#instruments.has(name)) {
      throw new TypeError(`Cannot make metric as each name is made once: "${name}"`);
    }
    this.#instruments.set(name, instrument);
  }
}

class ScrapeReader extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}
