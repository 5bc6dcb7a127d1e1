// SPDX-License-Identifier: Apache-2.0
/**
 * Turns accumulated series into OpenTelemetry metric data.
 * @module
 */
import { type HrTime, ValueType } from "@opentelemetry/api";
import { AggregationTemporality, DataPointType, type MetricData } from "@opentelemetry/sdk-metrics";
import type { Observation } from "./instruments.ts";
import type { CounterSeries, GaugeSeries, HistogramSeries, SeriesSet } from "./series.ts";

/** One instrument as the scrape sees it. */
export type Instrument =
  | { readonly kind: "counter"; readonly help: string; readonly series: SeriesSet<CounterSeries> }
  | { readonly kind: "gauge"; readonly help: string; readonly series: SeriesSet<GaugeSeries> }
  | {
    readonly kind: "histogram";
    readonly help: string;
    readonly series: SeriesSet<HistogramSeries>;
  }
  | {
    readonly kind: "observed";
    readonly monotonic: boolean;
    readonly help: string;
    readonly observe: () => number | Iterable<Observation<string>>;
  };

/** The time that data points cover. */
export interface Moments {
  /** Start of the process's counting. */
  readonly startMs: number;
  /** Moment of the scrape. */
  readonly endMs: number;
}

/** Returns the data of one instrument. Never throws: a failing observer yields no points. */
export function toMetricData(name: string, instrument: Instrument, moments: Moments): MetricData {
  const base = {
    descriptor: { name, description: instrument.help, unit: "", valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const times = { startTime: hrTime(moments.startMs), endTime: hrTime(moments.endMs) };
  switch (instrument.kind) {
    case "counter": {
      const dataPoints = [...instrument.series.values()].map(({ labels, series }) => ({
        ...times,
        attributes: { ...labels },
        value: series.total,
      }));
      return { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints };
    }
    case "gauge": {
      const dataPoints = [...instrument.series.values()].map(({ labels, series }) => ({
        ...times,
        attributes: { ...labels },
        value: series.value,
      }));
      return { ...base, dataPointType: DataPointType.GAUGE, dataPoints };
    }
    case "histogram": {
      const dataPoints = [...instrument.series.values()].map(({ labels, series }) => ({
        ...times,
        attributes: { ...labels },
        value: histogramValue(series),
      }));
      return { ...base, dataPointType: DataPointType.HISTOGRAM, dataPoints };
    }
    case "observed": {
      const dataPoints = observations(instrument.observe).map(({ labels, value }) => ({
        ...times,
        attributes: { ...labels },
        value,
      }));
      return instrument.monotonic
        ? { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
        : { ...base, dataPointType: DataPointType.GAUGE, dataPoints };
    }
  }
}

function histogramValue(series: HistogramSeries) {
  return {
    buckets: { boundaries: [...series.boundaries], counts: [...series.counts] },
    sum: series.sum,
    count: series.count,
  };
}

function observations(
  observe: () => number | Iterable<Observation<string>>,
): readonly Observation<string>[] {
  try {
    const observed = observe();
    return typeof observed === "number" ? [{ value: observed, labels: {} }] : [...observed];
  } catch {
    return [];
  }
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1_000_000)];
}
