// SPDX-License-Identifier: Apache-2.0
// What is left of totals when either side starts anew, and when nobody listens for a while.
import assert from "node:assert/strict";
import {
  type DenvoyMetrics,
  type Envoy,
  eventually,
  startBackend,
  startDenvoyMetrics,
  startEnvoy,
  TempFolder,
} from "../support/mod.ts";
import { fleetEnvoy } from "./fleet_envoy.ts";
import { askEnvoy, scrapeFleet, valueOf } from "./fleet_scrape.ts";

const counter = "envoy_cluster_v1_upstream_rq_total";
const histogram = "envoy_cluster_v1_upstream_rq_time_count";

Deno.test("totals outlive a restart of metrics, a time without it, and a restart of Envoy", async () => {
  await using data = await TempFolder.create();
  await using backend = startBackend("shop");
  const flags = ["--delta-node", "delta-*", "--save-interval", "1s"];
  let metrics: DenvoyMetrics = await startDenvoyMetrics({ dataDir: data.path, flags });
  const { grpcAddress } = metrics;
  const plain = fleetEnvoy({ metrics: grpcAddress, backend, id: "plain" });
  const delta = fleetEnvoy({
    metrics: grpcAddress,
    backend,
    id: "delta-1",
    sink: { report_counters_as_deltas: true },
  });
  let plainEnvoy: Envoy = await startEnvoy({ bootstrap: plain.bootstrap });
  await using deltaEnvoy = await startEnvoy({ bootstrap: delta.bootstrap });
  try {
    await Promise.all([plainEnvoy.admin.ready(), deltaEnvoy.admin.ready()]);
    for (const { port } of [plain, delta]) await askEnvoy(port, "/", 10);
    await expectValue(metrics, { node: "plain", name: counter }, 10);
    await expectValue(metrics, { node: "delta-1", name: counter }, 10);
    await expectValue(metrics, { node: "plain", name: histogram }, 10);

    await metrics[Symbol.asyncDispose]();
    for (const { port } of [plain, delta]) await askEnvoy(port, "/", 7);
    // Envoy has flushed to nobody at least once.
    await eventually(async () => /: [1-9]/.test(await failedConnections(plainEnvoy)), {
      what: "a flush that nobody received",
    });
    metrics = await startDenvoyMetrics({ dataDir: data.path, flags, grpcAddress });
    for (const { port } of [plain, delta]) await askEnvoy(port, "/", 5);

    await expectValue(metrics, { node: "plain", name: counter }, 22);
    // What was flushed to nobody is lost on this wire: deltas, and histograms in either mode.
    const samples = await settledValue(metrics, { node: "plain", name: histogram });
    const deltas = await settledValue(metrics, { node: "delta-1", name: counter });
    for (const value of [samples, deltas]) assert.ok(value >= 15 && value <= 22, `it is ${value}`);

    await plainEnvoy[Symbol.asyncDispose]();
    plainEnvoy = await startEnvoy({ bootstrap: plain.bootstrap });
    await plainEnvoy.admin.ready();
    await askEnvoy(plain.port, "/", 4);
    await expectValue(metrics, { node: "plain", name: counter }, 4);
    await expectValue(metrics, { node: "plain", name: histogram }, 4);
    const sums = await scrapeFleet(metrics, "?by=cluster&node=plain");
    assert.equal(valueOf(sums, counter, {}), 26, "sums go on over restarts");
    assert.equal(valueOf(sums, histogram, {}), samples + 4, "those of histograms, too");
  } finally {
    await plainEnvoy[Symbol.asyncDispose]();
    await metrics[Symbol.asyncDispose]();
  }
});

interface At {
  readonly node: string;
  readonly name: string;
}

async function expectValue(metrics: DenvoyMetrics, at: At, wanted: number): Promise<void> {
  let found: number | undefined;
  await eventually(async () => (found = await current(metrics, at)) === wanted, {
    what: `${at.name} of ${at.node} to be ${wanted}`,
    withinMs: 20_000,
    detail: () => `it is ${found}\n${metrics.child.lastWords()}`,
  });
}

/** The value once it holds the requests after the gap and has not changed for several flushes. */
async function settledValue(metrics: DenvoyMetrics, at: At): Promise<number> {
  let before: number | undefined;
  let same = 0;
  await eventually(async () => {
    const value = await current(metrics, at);
    same = value === before ? same + 1 : 0;
    before = value;
    return same > 40 && (value ?? 0) >= 15;
  }, { what: `${at.name} of ${at.node} to settle`, withinMs: 20_000, detail: () => `${before}` });
  return before ?? 0;
}

async function current(metrics: DenvoyMetrics, { node, name }: At): Promise<number | undefined> {
  return valueOf(await scrapeFleet(metrics), name, { envoy_node_id: node });
}

/** A flush that finds nobody tries to connect. */
async function failedConnections(envoy: Envoy): Promise<string> {
  return await envoy.admin.get("/stats?filter=cluster.metrics.upstream_cx_connect_fail");
}
