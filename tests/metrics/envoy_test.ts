// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  assertNoFailures,
  eventually,
  Load,
  startBackend,
  startDenvoyMetrics,
  startEnvoy,
} from "../support/mod.ts";
import { fleetEnvoy } from "./fleet_envoy.ts";
import { askEnvoy, fleetText } from "./fleet_scrape.ts";
import { parseWithPrometheus } from "./prometheus_parser.ts";
import { type PrometheusText, readPrometheusText } from "./prometheus_text.ts";

const nodeLabels = ["envoy_node_id", "envoy_node_cluster"];

/** Series that change by being looked at, or by being sent. */
const restless =
  /envoy_cluster_name="metrics"|="admin"|_admin_|^envoy_(server|runtime|filesystem|main_thread|listener_manager|workers)_/;

/** What of Envoy's own counters and gauges differs from ours; empty when all are equal. */
function differences(ours: PrometheusText, envoys: PrometheusText): readonly string[] {
  const found: string[] = [];
  for (const [series, value] of ours.samples) {
    const wanted = envoys.samples.get(series);
    if (wanted === undefined) found.push(`${series} is not there`);
    else if (!restless.test(series) && value !== wanted && !series.includes("_sum{")) {
      found.push(`${series} is ${wanted}, ours is ${value}`);
    }
  }
  for (const [series, value] of envoys.samples) {
    if (value !== 0 && !restless.test(series) && !ours.samples.has(series)) {
      found.push(`${series} is missing`);
    }
  }
  for (const [name, kind] of ours.kinds) {
    if (envoys.kinds.get(name) !== kind) found.push(`${name} is a ${envoys.kinds.get(name)}`);
  }
  return found;
}

/** Sends requests as fast as they are answered, for some flushes; returns how many. */
async function underLoad(port: number, count: number): Promise<number> {
  await using load = Load.start({ url: `http://127.0.0.1:${port}/`, requestsPerSecond: 300 });
  await eventually(() => load.succeeded >= count, { what: `${count} answers`, withinMs: 20_000 });
  const report = await load.stop();
  assertNoFailures(report);
  return report.sent;
}

for (const labels of [true, false]) {
  const how = labels ? "tags as labels" : "tags in names";
  Deno.test(`Envoy's own /stats/prometheus and ours are equal, with ${how}`, async () => {
    await using metrics = await startDenvoyMetrics();
    await using backend = startBackend("shop");
    const { port, bootstrap } = fleetEnvoy({
      metrics: metrics.grpcAddress,
      backend,
      sink: { emit_tags_as_labels: labels },
    });
    await using envoy = await startEnvoy({ bootstrap, concurrency: 2 });
    await envoy.admin.ready();
    await askEnvoy(port, "/items/1", 30);
    const requests = 30 + await underLoad(port, labels ? 500 : 50);

    let left: readonly string[] = [];
    await eventually(async () => {
      const ours = readPrometheusText(await fleetText(metrics), nodeLabels);
      const envoys = readPrometheusText(await envoy.admin.get("/stats/prometheus"));
      left = differences(ours, envoys);
      return ours.samples.size > 100 && left.length === 0;
    }, { what: "all values to be equal", withinMs: 30_000, detail: () => left.join("\n") });

    const text = await fleetText(metrics);
    assert.match(
      text,
      /envoy_vhost_vcluster_upstream_rq\{envoy_response_code="200",envoy_virtual_cluster="items",envoy_virtual_host="all",envoy_node_id="edge-1",envoy_node_cluster="edge"\} 30\n/,
    );
    const { samples } = readPrometheusText(text, nodeLabels);
    const times = `envoy_cluster_v1_upstream_rq_time_count{envoy_cluster_name="shop"}`;
    assert.equal(samples.get(times), requests);
    const key = `envoy_cluster_v1_upstream_rq_time_sum{envoy_cluster_name="shop"}`;
    const wanted = readPrometheusText(await envoy.admin.get("/stats/prometheus")).samples.get(key);
    const error = Math.abs((samples.get(key) ?? NaN) - (wanted ?? NaN));
    assert.ok(error <= 0.1 * (wanted ?? 0) + 1, `sums of times: ${samples.get(key)}, ${wanted}`);

    if (!labels) return;
    const accept = { accept: "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.4" };
    for (const [query, headers] of [["", {}], ["", accept], ["?by=cluster", accept]] as const) {
      const format = headers === accept ? "openmetrics" : "prometheus";
      const parsed = await parseWithPrometheus(await fleetText(metrics, query, headers), format);
      assert.ok(parsed.samples > 100 && (parsed.kinds.histogram ?? 0) > 0, JSON.stringify(parsed));
    }
  });
}
