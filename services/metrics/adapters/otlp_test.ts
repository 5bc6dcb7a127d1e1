// SPDX-License-Identifier: Apache-2.0
// What a collector receives, read with the descriptors of OTLP that Envoy has: an early release, where
// a scope is still called an instrumentation library; the wire is the same.
import assert from "node:assert/strict";
import { type Bytes, joinBytes, silentLogger } from "@denvoy/base";
import { implement, rawCodec, serveGrpc } from "@denvoy/grpc";
import { messageFromBinary, toJson } from "@denvoy/proto";
import { NodeExporter, type Temporality } from "../domain/node_export.ts";
import { TestFleet } from "../testing.ts";
import { toResourceMetrics } from "./otlp_metric_data.ts";
import { OtlpMetricExporter, signalUrl } from "./otlp_metric_exporter.ts";

const REQUEST = "opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest";

function requestJson(bytes: Uint8Array): unknown {
  return toJson(messageFromBinary(`type.googleapis.com/${REQUEST}`, bytes), { withType: false });
}

const time = "cluster.be.upstream_rq_time";

function testFleet(): TestFleet {
  const test = new TestFleet();
  test.open("edge-1", "shop");
  test.flush("edge-1", {
    counters: { "cluster.be.upstream_rq_total": 5 },
    gauges: { "server.uptime": 100, "server.load": 0.5 },
    histograms: { [time]: { count: 4, sum: 8.5, buckets: [[1, 1], [5, 3]] } },
    summaries: { only: { count: 1, sum: 1, buckets: [[0.5, 1]] } },
  });
  return test;
}

async function send(
  test: TestFleet,
  exporter: OtlpMetricExporter,
  temporality: Temporality = "cumulative",
) {
  const node = test.fleet.node("edge-1");
  assert.ok(node);
  const taken = new NodeExporter(node, temporality).take();
  assert.equal(taken.skipped, 1);
  return await exporter.send(
    toResourceMetrics(node.info, taken, { temporality, version: "1.2.3" }),
  );
}

interface Received {
  readonly resource_metrics: readonly {
    readonly resource: { readonly attributes: readonly unknown[] };
    readonly instrumentation_library_metrics: readonly {
      readonly instrumentation_library: unknown;
      readonly metrics: readonly Readonly<Record<string, unknown>>[];
    }[];
  }[];
}

function checkReceived(request: unknown): void {
  const { resource_metrics } = request as Received;
  assert.equal(resource_metrics.length, 1);
  assert.deepEqual(resource_metrics[0]?.resource.attributes, [
    { key: "service.name", value: { string_value: "shop" } },
    { key: "service.instance.id", value: { string_value: "edge-1" } },
  ]);
  const [scope] = resource_metrics[0]?.instrumentation_library_metrics ?? [];
  assert.deepEqual(scope?.instrumentation_library, { name: "denvoy.metrics", version: "1.2.3" });
  const times = {
    start_time_unix_nano: "1767225500000000000",
    time_unix_nano: "1767225600000000000",
  };
  const attributes = [{ key: "envoy.cluster_name", value: { string_value: "be" } }];
  const named = new Map(scope?.metrics.map((metric) => [metric.name, metric]));
  assert.deepEqual(named.get("cluster.upstream_rq_total"), {
    name: "cluster.upstream_rq_total",
    sum: {
      aggregation_temporality: "AGGREGATION_TEMPORALITY_CUMULATIVE",
      is_monotonic: true,
      data_points: [{ attributes, ...times, as_int: "5" }],
    },
  });
  assert.deepEqual(named.get("server.load"), {
    name: "server.load",
    gauge: { data_points: [{ ...times, as_double: 0.5 }] },
  });
  assert.deepEqual(named.get("cluster.upstream_rq_time"), {
    name: "cluster.upstream_rq_time",
    unit: "ms",
    histogram: {
      aggregation_temporality: "AGGREGATION_TEMPORALITY_CUMULATIVE",
      data_points: [{
        attributes,
        start_time_unix_nano: times.time_unix_nano,
        time_unix_nano: times.time_unix_nano,
        count: "4",
        sum: 8.5,
        bucket_counts: ["1", "2", "1"],
        explicit_bounds: [1, 5],
      }],
    },
  });
}

Deno.test("OTLP over HTTP: one resource for an Envoy, points of each kind", async () => {
  let received: unknown;
  let headers = new Headers();
  let status = 200;
  await using collector = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      assert.equal(new URL(request.url).pathname, "/v1/metrics");
      headers = request.headers;
      received = requestJson(new Uint8Array(await request.arrayBuffer()));
      return new Response(null, { status });
    },
  );
  const url = `http://127.0.0.1:${collector.addr.port}`;
  await using exporter = new OtlpMetricExporter({
    ...{ url, protocol: "http", headers: { "x-token": "abc" }, timeoutMs: 1_500 },
  });
  const test = testFleet();
  assert.deepEqual(await send(test, exporter), { kind: "sent" });
  checkReceived(received);
  assert.equal(headers.get("x-token"), "abc");
  status = 400;
  assert.equal((await send(test, exporter)).kind, "refused");
  status = 503;
  assert.equal((await send(test, exporter)).kind, "failed");
});

Deno.test("OTLP over gRPC: the same", async () => {
  let received: unknown;
  const server = await serveGrpc({
    address: { kind: "tcp", hostname: "127.0.0.1", port: 0 },
    logger: silentLogger,
    methods: [implement<Bytes, Bytes>({
      service: "opentelemetry.proto.collector.metrics.v1.MetricsService",
      method: "Export",
      kind: "unary",
      request: rawCodec,
      response: rawCodec,
    }, (bytes: Bytes) => {
      received = requestJson(joinBytes(bytes));
      return new Uint8Array(0);
    })],
  });
  try {
    await using exporter = new OtlpMetricExporter({
      ...{ url: `http://${server.address}`, protocol: "grpc", headers: {}, timeoutMs: 5_000 },
    });
    assert.deepEqual(await send(testFleet(), exporter), { kind: "sent" });
    checkReceived(received);
  } finally {
    await server.drain(0);
  }
});

Deno.test("signalUrl() adds the path of OTLP where there is none", () => {
  assert.equal(signalUrl("http://c:4318", "metrics"), "http://c:4318/v1/metrics");
  assert.equal(signalUrl("http://c:4318/", "logs"), "http://c:4318/v1/logs");
  assert.equal(signalUrl("http://c/otlp/m", "metrics"), "http://c/otlp/m");
});
