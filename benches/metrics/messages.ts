// SPDX-License-Identifier: Apache-2.0
/**
 * What simulated Envoys send: flushes of stats and batches of access logs, encoded once.
 * @module
 */
import { type Init, messageCodec, type MessageOf } from "@denvoy/proto";

type Family = Init<MessageOf<"io.prometheus.client.MetricFamily">>;
type HttpEntry = Init<MessageOf<"envoy.data.accesslog.v3.HTTPAccessLogEntry">>;

const metrics = messageCodec("envoy.service.metrics.v3.StreamMetricsMessage");
const logs = messageCodec("envoy.service.accesslog.v3.StreamAccessLogsMessage");

/** Envoy's default buckets. */
const bounds = [
  0.5,
  1,
  5,
  10,
  25,
  50,
  100,
  250,
  500,
  1e3,
  2.5e3,
  5e3,
  1e4,
  3e4,
  6e4,
  3e5,
  6e5,
  18e5,
  36e5,
];
const names = ["upstream_rq_total", "upstream_cx_total", "upstream_rq_retry", "membership_change"];

function familyOf(index: number, flush: number): Family {
  const label = [{ name: "envoy.cluster_name", value: `service-${index % 50}` }];
  const timestampMs = 1_767_225_600_000 + flush * 5_000;
  if (index % 20 === 0) {
    const bucket = bounds.map((upperBound, at) => ({
      upperBound,
      cumulativeCount: Math.min(at, 9),
    }));
    const histogram = { sampleCount: 10, sampleSum: 123.5, bucket };
    return { name: `cluster.time_${index}`, type: 4, metric: [{ label, timestampMs, histogram }] };
  }
  const name = `cluster.${names[index % names.length]}_${index}`;
  const value = index + flush;
  return index % 3 === 0
    ? { name, type: 1, metric: [{ label, timestampMs, gauge: { value } }] }
    : { name, type: 0, metric: [{ label, timestampMs, counter: { value } }] };
}

/** Returns the bytes of a flush: 1 in 20 series is a histogram, a third of the others gauges. */
export function flushOf(series: number, flush: number): Uint8Array {
  const envoyMetrics = Array.from({ length: series }, (_, index) => familyOf(index, flush));
  return metrics.encode({ envoyMetrics });
}

/** Returns the first message of a stream. */
export function metricsIdentifier(id: string): Uint8Array {
  return metrics.encode({ identifier: { node: { id, cluster: "edge" } } });
}

function entryOf(index: number): HttpEntry {
  return {
    commonProperties: {
      downstreamRemoteAddress: {
        socketAddress: { address: "10.0.0.7", portValue: 40_000 + index },
      },
      upstreamRemoteAddress: { socketAddress: { address: "10.0.1.9", portValue: 8080 } },
      startTime: { seconds: 1_767_225_600, nanos: index * 1_000 },
      timeToLastRxByte: { seconds: 0, nanos: 100_000 },
      timeToFirstUpstreamRxByte: { seconds: 0, nanos: 4_000_000 },
      timeToLastDownstreamTxByte: { seconds: 0, nanos: 5_000_000 + index * 10_000 },
      duration: { seconds: 0, nanos: 5_000_000 + index * 10_000 },
      upstreamCluster: `service-${index % 20}`,
      routeName: `route-${index % 40}`,
      streamId: crypto.randomUUID(),
      accessLogType: 6,
    },
    protocolVersion: 2,
    request: {
      requestMethod: 1,
      scheme: "http",
      authority: "shop.test",
      path: `/items/${index}?page=2`,
      userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
      requestId: crypto.randomUUID(),
      requestHeadersBytes: 412,
    },
    response: {
      responseCode: { value: index % 50 === 0 ? 503 : 200 },
      responseHeadersBytes: 180,
      responseBodyBytes: 2_048,
      responseCodeDetails: "via_upstream",
    },
  };
}

/** Returns the bytes of a batch of access logs. */
export function accessLogsOf(entries: number): Uint8Array {
  return logs.encode({
    httpLogs: { logEntry: Array.from({ length: entries }, (_, at) => entryOf(at)) },
  });
}

/** Returns the first message of a stream of access logs. */
export function logsIdentifier(id: string): Uint8Array {
  return logs.encode({ identifier: { node: { id, cluster: "edge" }, logName: "bench" } });
}
