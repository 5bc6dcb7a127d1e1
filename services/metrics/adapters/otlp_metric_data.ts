// SPDX-License-Identifier: Apache-2.0
/**
 * What is sent of a node, in the types of OpenTelemetry: one resource for each Envoy. Built by hand,
 * as a reader of the SDK puts its own resource in the place of every other.
 * @module
 */
import { type Attributes, type HrTime, ValueType } from "@opentelemetry/api";
import { type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type HistogramMetricData,
  type MetricData,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import type { Label } from "../domain/label.ts";
import type { ExportMetric, ExportPoint, NodeExport, Temporality } from "../domain/node_export.ts";
import type { NodeInfo } from "../domain/node_info.ts";

/** What belongs to all metrics of a resource. */
export interface OtlpOptions {
  /** What points hold. */
  readonly temporality: Temporality;
  /** Version of Denvoy: that of the scope. */
  readonly version: string;
}

/** Returns what an exporter takes. */
export function toResourceMetrics(
  info: NodeInfo,
  { metrics }: NodeExport,
  { temporality, version }: OtlpOptions,
): ResourceMetrics {
  const aggregationTemporality = temporality === "delta"
    ? AggregationTemporality.DELTA
    : AggregationTemporality.CUMULATIVE;
  return {
    resource: resourceOf(info),
    scopeMetrics: [{
      scope: { name: "denvoy.metrics", version },
      metrics: metrics.map((metric) => metricData(metric, aggregationTemporality)),
    }],
  };
}

/** Returns the resource of an Envoy, by OpenTelemetry's semantic conventions. */
export function resourceOf(info: NodeInfo): Resource {
  const known: readonly (readonly [string, string])[] = [
    ["service.name", info.cluster === "" ? "envoy" : info.cluster],
    ["service.instance.id", info.id],
    ["cloud.region", info.region],
    ["cloud.availability_zone", info.zone],
    ["service.version", info.version],
    ...Object.entries(info.metadata).map(([path, value]) => [`envoy.node.${path}`, value] as const),
  ];
  return resourceFromAttributes(Object.fromEntries(known.filter(([, value]) => value !== "")));
}

function metricData(
  { name, kind, points }: ExportMetric,
  aggregationTemporality: AggregationTemporality,
): MetricData {
  const valueType = points.every(({ value }) => Number.isSafeInteger(value))
    ? ValueType.INT
    : ValueType.DOUBLE;
  const base = {
    descriptor: { name, description: "", unit: unitOf(name), valueType },
    aggregationTemporality,
  };
  if (kind === "histogram") {
    const descriptor = { ...base.descriptor, valueType: ValueType.DOUBLE };
    const dataPoints = points.map(histogramPoint);
    return { ...base, descriptor, dataPointType: DataPointType.HISTOGRAM, dataPoints };
  }
  const dataPoints = points.map((point) => ({ ...timesOf(point), value: point.value }));
  if (kind === "gauge") return { ...base, dataPointType: DataPointType.GAUGE, dataPoints };
  return { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints };
}

/** Counts of Envoy are of all up to a bound, those of OTLP of one bucket; upper bounds belong to it. */
function histogramPoint(point: ExportPoint): HistogramMetricData["dataPoints"][number] {
  const { count = 0, sum = 0, bounds = [], values = new Float64Array(0) } = point.distribution ??
    {};
  const counts = bounds.map((_, index) => (values[index] ?? 0) - (values[index - 1] ?? 0));
  counts.push(count - (values[bounds.length - 1] ?? 0));
  const buckets = { boundaries: [...bounds], counts };
  return { ...timesOf(point), value: { buckets, count, sum } };
}

function timesOf({ labels, startMs, endMs }: ExportPoint): Omit<DataPoint<number>, "value"> {
  return {
    startTime: hrTime(startMs),
    endTime: hrTime(endMs),
    attributes: attributesOf(labels),
  };
}

function attributesOf(labels: readonly Label[]): Attributes {
  return Object.fromEntries(labels.map(({ name, value }) => [name, value]));
}

/** Envoy's times are in milliseconds, and their names say so. */
function unitOf(name: string): string {
  return /(_ms|_time|_time_ms|length_ms)$/.test(name) ? "ms" : "";
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
