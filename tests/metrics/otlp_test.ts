// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { eventually, startBackend, startDenvoyMetrics, startEnvoy } from "../support/mod.ts";
import { startCollector } from "./collector.ts";
import { decodeOtlp } from "./otlp_decoder.ts";
import { fleetEnvoy } from "./fleet_envoy.ts";
import { askEnvoy } from "./fleet_scrape.ts";

for (const protocol of ["http", "grpc"] as const) {
  Deno.test(`what an Envoy reports reaches a collector by OTLP over ${protocol}`, async () => {
    await using collector = await startCollector();
    const address = collector.addresses[protocol];
    await using metrics = await startDenvoyMetrics({
      connects: [address],
      flags: [
        ...["--otlp-url", `http://${address}`, "--otlp-protocol", protocol],
        ...["--otlp-interval", "300ms"],
      ],
    });
    await using backend = startBackend("shop");
    const { port, bootstrap } = fleetEnvoy({ metrics: metrics.grpcAddress, backend });
    await using envoy = await startEnvoy({ bootstrap });
    await envoy.admin.ready();
    await askEnvoy(port, "/items/1", 5);
    const point =
      /"name":"vhost\.vcluster\.upstream_rq_total","sum":\{"data_points":\[\{[^\]]*\][^\]]*"as_int":"5"\}\]/;
    await eventually(() => collector.requests.some((request) => point.test(request)), {
      what: "the counter to arrive",
      detail: () => `${collector.requests.at(-1)}\n${metrics.child.lastWords()}`,
    });
    const { metrics: found, resources } = await decodeOtlp(collector.received);
    assert.ok((found["sum"]?.["vhost.vcluster.upstream_rq_total"] ?? 0) > 0);
    assert.ok(Object.keys(found["gauge"] ?? {}).length > 10, Object.keys(found).join());
    assert.ok(resources.every((keys) => keys.includes("service.instance.id")), `${resources[0]}`);
  });
}
