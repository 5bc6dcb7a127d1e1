// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  eventually,
  startBackend,
  startDenvoyAds,
  startDenvoyMetrics,
  startEnvoy,
} from "../support/mod.ts";
import { fleetEnvoy } from "./fleet_envoy.ts";
import { askEnvoy } from "./fleet_scrape.ts";

interface Load {
  readonly clusters: readonly {
    readonly service: string;
    readonly issued_per_second: number;
    readonly nodes: readonly string[];
    readonly localities: readonly {
      readonly endpoints: readonly {
        readonly address: string;
        readonly weight?: number;
        readonly metrics: Readonly<Record<string, number>>;
      }[];
    }[];
  }[];
}

/** A backend that says by ORCA how busy it is. */
function busyBackend(name: string, cpu: number) {
  const headers = { "endpoint-load-metrics": `JSON {"cpu_utilization": ${cpu}}` };
  return startBackend(name, { respond: () => new Response(name, { headers }) });
}

Deno.test("load of endpoints comes from a real Envoy, and becomes weights in ads", async () => {
  await using ads = await startDenvoyAds();
  await using calm = busyBackend("calm", 0.2);
  await using busy = busyBackend("busy", 0.8);
  for (const { name, port } of [calm, busy]) {
    const response = await fetch(`${ads.httpUrl}/v1/clusters/shop/endpoints/${name}`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ address: "127.0.0.1", port, ttl: "60s" }),
    });
    assert.equal(response.status, 200, await response.text());
  }
  await using metrics = await startDenvoyMetrics({
    connects: [ads.httpAddress],
    flags: [
      ...["--load-interval", "1s", "--ads-url", ads.httpUrl],
      ...["--offer-weights-interval", "1s"],
    ],
  });
  const { port, bootstrap } = fleetEnvoy({
    metrics: metrics.grpcAddress,
    backend: calm,
    cluster: "shop",
    moreBackends: [busy],
    clusterExtra: { lrs_report_endpoint_metrics: ["cpu_utilization"] },
    extra: {
      cluster_manager: {
        load_stats_config: {
          api_type: "GRPC",
          transport_api_version: "V3",
          grpc_services: [{ envoy_grpc: { cluster_name: "metrics" } }],
        },
      },
    },
  });
  await using envoy = await startEnvoy({ bootstrap });
  await envoy.admin.ready();

  let load: Load | undefined;
  await eventually(async () => {
    await askEnvoy(port, "/", 20);
    load = await (await fetch(`${metrics.httpUrl}/v1/load?cluster=shop`)).json() as Load;
    const endpoints = load.clusters[0]?.localities[0]?.endpoints ?? [];
    return endpoints.length === 2 && endpoints.every(({ weight }) => weight !== undefined);
  }, { what: "weights of both endpoints", withinMs: 20_000, detail: () => JSON.stringify(load) });
  assert.deepEqual(load?.clusters[0]?.nodes, ["edge-1"]);
  const cpu = load?.clusters[0]?.localities[0]?.endpoints
    .find(({ address }) => address.endsWith(`:${calm.port}`))?.metrics.cpu_utilization;
  assert.ok(Math.abs((cpu ?? 0) - 0.2) < 1e-6, `${cpu}`);

  let weights: Readonly<Record<string, number>> = {};
  await eventually(async () => {
    await askEnvoy(port, "/", 20);
    const answer = await (await fetch(`${ads.httpUrl}/v1/clusters/shop/endpoints`)).json();
    const list = answer.endpoints as readonly { readonly id: string; readonly weight: number }[];
    weights = Object.fromEntries(list.map(({ id, weight }) => [id, weight]));
    return (weights.calm ?? 0) > 1.5 * (weights.busy ?? 0);
  }, { what: "ads to have the weights", withinMs: 20_000, detail: () => JSON.stringify(weights) });
});
