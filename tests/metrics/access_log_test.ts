// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  type DenvoyMetrics,
  eventually,
  startBackend,
  startDenvoyMetrics,
  startEnvoy,
  TempFolder,
} from "../support/mod.ts";
import { runDenvoy } from "../cli/run_denvoy.ts";
import { startCollector } from "./collector.ts";
import { fleetEnvoy } from "./fleet_envoy.ts";
import { askEnvoy } from "./fleet_scrape.ts";

const accessLog = [{
  name: "als",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
    common_config: {
      log_name: "edge",
      transport_api_version: "V3",
      buffer_flush_interval: "0.2s",
      grpc_service: { envoy_grpc: { cluster_name: "metrics" } },
    },
    additional_request_headers_to_log: ["x-who"],
  },
}];

Deno.test("access logs of a real Envoy become signals, lines in a file, and log records", async () => {
  await using data = await TempFolder.create();
  await using collector = await startCollector();
  const file = data.file("access.log");
  await using metrics = await startDenvoyMetrics({
    dataDir: data.path,
    connects: [collector.addresses.http],
    flags: [
      ...["--access-log-sink", "file", "--access-log-sink", "otlp", "--access-log-file", file],
      ...["--otlp-url", `http://${collector.addresses.http}`],
      ...["--access-log-filter", "status>=500", "--access-log-filter", "path=/items/*"],
    ],
  });
  await using backend = startBackend("shop", {
    respond: (request) =>
      new Response(null, { status: request.url.endsWith("/broken") ? 503 : 200 }),
  });
  const { port, bootstrap } = fleetEnvoy({ metrics: metrics.grpcAddress, backend, accessLog });
  await using envoy = await startEnvoy({ bootstrap, concurrency: 2 });
  await envoy.admin.ready();
  await askEnvoy(port, "/items/1", 5);
  await askEnvoy(port, "/other", 10);
  await askEnvoy(port, "/broken", 5);

  await expectSignals(metrics);

  const server = ["--server", metrics.httpUrl];
  const top = await runDenvoy(["top", "--once", ...server]);
  assert.match(top.out, /^SERVICE +RPS +SUCCESS.*\nshop\.v1 +0\.3 +75\.00%/, top.error);
  const edges = await runDenvoy(["edges", ...server]);
  assert.match(edges.out, /^FROM +TO.*\nedge +shop\.v1 +0\.3/, edges.error);

  let lines: readonly string[] = [];
  await eventually(async () => {
    lines = (await Deno.readTextFile(file).catch(() => "")).trim().split("\n");
    return lines.length === 10;
  }, { what: "the lines that were wanted", detail: () => lines.join("\n") });
  const line = lines.map((text) => JSON.parse(text)).find(({ path }) => path === "/broken");
  const { node, cluster, log, kind, method, status, upstream_cluster, route_name } = line;
  assert.deepEqual(
    [node, cluster, log, kind, method, status, upstream_cluster, route_name],
    ["edge-1", "edge", "edge", "http", "GET", 503, "shop.v1", "shop"],
  );
  assert.equal(line.upstream_remote_address, `127.0.0.1:${backend.port}`);
  assert.ok(line.duration_ms > 0 && line.authority === `127.0.0.1:${port}`, JSON.stringify(line));
  await eventually(() => collector.requests.join().includes("GET /broken 503"), {
    what: "log records",
  });
});

async function expectSignals(metrics: DenvoyMetrics): Promise<void> {
  const read = async (path: string) => await (await fetch(metrics.httpUrl + path)).json();
  let services: unknown;
  await eventually(async () => {
    services = (await read("/v1/services")).services;
    return (services as { readonly requests: number }[])[0]?.requests === 20;
  }, {
    what: "20 requests",
    detail: () => `${JSON.stringify(services)}\n${metrics.child.lastWords()}`,
  });
  const [service] = services as Record<string, number | string>[];
  assert.deepEqual([service?.service, service?.failures, service?.success_rate], [
    "shop.v1",
    5,
    0.75,
  ]);
  assert.ok(Number(service?.p50_ms) > 0 && Number(service?.p99_ms) >= Number(service?.p50_ms));
  const { edges } = await read("/v1/edges");
  assert.deepEqual([edges[0].source, edges[0].destination], ["edge", "shop.v1"]);
  const { routes } = await read("/v1/routes");
  assert.deepEqual([routes[0].route, routes[0].requests], ["shop", 20]);
  const { steps } = await read("/v1/series?service=shop.v1");
  const total = steps.reduce((sum: number, step: { requests: number }) => sum + step.requests, 0);
  assert.equal(total, 20);
  const { items } = await read("/v1/traffic-metrics");
  assert.deepEqual(items[1].edge.resource, { kind: "Service", name: "shop.v1" });
}
