// SPDX-License-Identifier: Apache-2.0
/**
 * Load reports as they come. They are not validated: an idle cluster breaks a rule of its own proto
 * (no locality), and each report carries the whole node, of which only the first is read.
 * @module
 */
import { joinBytes } from "@denvoy/base";
import { messageCodec, type MessageOf } from "@denvoy/proto";
import { boundedText } from "../domain/bounded_text.ts";
import type { ClusterLoad, LoadMetric, LocalityLoad, RequestLoad } from "../domain/load_report.ts";
import { WireCursor } from "./wire_cursor.ts";

type ClusterStats = MessageOf<"envoy.config.endpoint.v3.ClusterStats">;
type LocalityStats = ClusterStats["upstreamLocalityStats"][number];
type EndpointStats = LocalityStats["upstreamEndpointStats"][number];
type Named = readonly [
  string,
  { readonly numRequestsFinishedWithMetric: number; readonly totalMetricValue: number } | undefined,
];

const codec = messageCodec("envoy.service.load_stats.v3.LoadStatsRequest");
const TAG_NODE = 0x0a;
const MIN_INTERVAL_MS = 1;

/** A LoadStatsRequest, read. */
export interface LoadStatsMessage {
  /** The bytes of its node; absent when it has none. */
  readonly node: Uint8Array | undefined;
  /** Its clusters. */
  readonly clusters: readonly ClusterLoad[];
}

/** Reads a LoadStatsRequest. @throws DecodeError or RangeError */
export function readLoadStats(bytes: Uint8Array): LoadStatsMessage {
  const reader = new WireCursor();
  reader.begin(bytes);
  const rest: Uint8Array[] = [];
  let node: Uint8Array | undefined;
  while (reader.position < bytes.length) {
    const start = reader.position;
    const tag = reader.varint();
    if (tag === TAG_NODE) {
      node = reader.content(bytes.length);
      continue;
    }
    reader.skip(tag, bytes.length);
    rest.push(bytes.subarray(start, reader.position));
  }
  return { node, clusters: codec.decode(joinBytes(rest)).clusterStats.map(clusterLoad) };
}

function clusterLoad(stats: ClusterStats): ClusterLoad {
  const { seconds = 0, nanos = 0 } = stats.loadReportInterval ?? {};
  return {
    cluster: boundedText(stats.clusterName),
    service: boundedText(stats.clusterServiceName || stats.clusterName),
    intervalMs: Math.max(MIN_INTERVAL_MS, seconds * 1000 + nanos / 1e6),
    dropped: stats.totalDroppedRequests,
    localities: stats.upstreamLocalityStats.map(localityLoad),
  };
}

function localityLoad(stats: LocalityStats): LocalityLoad {
  const { region = "", zone = "", subZone = "" } = stats.locality ?? {};
  const named: readonly Named[] = [
    ["cpu_utilization", stats.cpuUtilization],
    ["mem_utilization", stats.memUtilization],
    ["application_utilization", stats.applicationUtilization],
  ];
  const known = named.flatMap(([name, metric]): LoadMetric[] =>
    metric === undefined ? [] : [{
      name,
      sum: metric.totalMetricValue,
      count: metric.numRequestsFinishedWithMetric,
    }]
  );
  const load = requestLoad(stats);
  return {
    ...load,
    metrics: [...load.metrics, ...known],
    locality: boundedText(`${region}/${zone}/${subZone}`),
    priority: stats.priority,
    endpoints: stats.upstreamEndpointStats.map((endpoint) => ({
      address: boundedText(addressOf(endpoint)),
      ...requestLoad(endpoint),
    })),
  };
}

function requestLoad(stats: LocalityStats | EndpointStats): RequestLoad {
  return {
    issued: stats.totalIssuedRequests,
    succeeded: stats.totalSuccessfulRequests,
    failed: stats.totalErrorRequests,
    inProgress: stats.totalRequestsInProgress,
    metrics: stats.loadMetricStats.map((metric) => ({
      name: boundedText(metric.metricName),
      sum: metric.totalMetricValue,
      count: metric.numRequestsFinishedWithMetric,
    })),
  };
}

function addressOf({ address }: EndpointStats): string {
  const socket = address?.socketAddress;
  if (socket === undefined) return address?.pipe?.path ?? "";
  const host = socket.address.includes(":") ? `[${socket.address}]` : socket.address;
  return `${host}:${socket.portValue ?? 0}`;
}
