// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { FakeClock } from "@denvoy/base/testing";
import { Metrics } from "./metrics.ts";
import { registerProcessMetrics } from "./process_metrics.ts";
import { MAX_SERIES } from "./series.ts";

async function lines(metrics: Metrics, start: string): Promise<readonly string[]> {
  return (await metrics.scrape()).split("\n").filter((line) => line.startsWith(start));
}

Deno.test("Metrics renders counters, gauges and histograms as Prometheus text", async () => {
  const metrics = new Metrics({ service: "ads" });
  const pushes = metrics.counter("pushes_total", { help: "Pushes.", labels: ["type", "result"] });
  pushes.add(2, { type: "cluster", result: "ok" });
  pushes.with({ type: "cluster", result: "ok" }).add();
  pushes.add(1, { type: 'a"b\n', result: "nack" });
  const nodes = metrics.gauge("connected_nodes", { help: "Nodes." });
  nodes.add(3);
  nodes.with().add(-1);
  const time = metrics.histogram("push_seconds", { help: "Time.", buckets: [0.1, 1] });
  for (const value of [0.05, 0.1, 0.5, 7, NaN]) time.record(value);
  assert.equal(
    await metrics.scrape(),
    [
      "# HELP ads_pushes_total Pushes.",
      "# TYPE ads_pushes_total counter",
      'ads_pushes_total{type="cluster",result="ok"} 3',
      'ads_pushes_total{type="a\\"b\\n",result="nack"} 1',
      "# HELP ads_connected_nodes Nodes.",
      "# TYPE ads_connected_nodes gauge",
      "ads_connected_nodes 2",
      "# HELP ads_push_seconds Time.",
      "# TYPE ads_push_seconds histogram",
      "ads_push_seconds_count 4",
      "ads_push_seconds_sum 7.65",
      'ads_push_seconds_bucket{le="0.1"} 2',
      'ads_push_seconds_bucket{le="1"} 3',
      'ads_push_seconds_bucket{le="+Inf"} 4',
      "",
    ].join("\n"),
  );
});

Deno.test("Metrics renders an unlabelled counter as zero before its first increment", async () => {
  const metrics = new Metrics({ service: "ads" });
  metrics.counter("errors_total", { help: "Errors." });
  assert.deepEqual(await lines(metrics, "ads_errors_total"), ["ads_errors_total 0"]);
});

Deno.test("Metrics asks observers at each scrape and survives those that throw", async () => {
  const metrics = new Metrics({ service: "ads" });
  let size = 1;
  metrics.observeGauge("queue_length", { help: "Q.", labels: ["name"] }, () => [
    { value: size, labels: { name: "a" } },
  ]);
  metrics.observeCounter("bad_total", { help: "B." }, () => {
    throw new Error("gone");
  });
  size = 7;
  assert.deepEqual(await lines(metrics, "ads_queue"), ['ads_queue_length{name="a"} 7']);
  assert.deepEqual(await lines(metrics, "ads_bad"), []);
});

Deno.test("Metrics bounds the series of an instrument and drops removed ones", async () => {
  const metrics = new Metrics({ service: "ads" });
  const gauge = metrics.gauge("node_lag_seconds", { help: "L.", labels: ["node"] });
  for (let node = 0; node < MAX_SERIES * 2; node++) gauge.set(1, { node: `n${node}` });
  const found = await lines(metrics, "ads_node_lag_seconds{");
  assert.equal(found.length, MAX_SERIES + 1);
  assert.ok(found.includes('ads_node_lag_seconds{node="overflow"} 1'));
  gauge.remove({ node: "n1" });
  assert.equal((await lines(metrics, 'ads_node_lag_seconds{node="n1"}')).length, 0);
});

Deno.test("Metrics includes what is recorded through the OpenTelemetry API", async () => {
  const metrics = new Metrics({ service: "ads" });
  metrics.provider.getMeter("lib").createCounter("lib.calls").add(4);
  assert.deepEqual(await lines(metrics, "lib_calls"), ["lib_calls_total 4"]);
});

Deno.test("Metrics throws on a name that breaks the convention or is taken", () => {
  const metrics = new Metrics({ service: "ads" });
  const help = "H.";
  metrics.gauge("nodes", { help });
  assert.throws(() => metrics.gauge("nodes", { help }), /made once: "ads_nodes"/);
  assert.throws(() => metrics.counter("pushes", { help }), /_total/);
  assert.throws(() => metrics.gauge("Nodes", { help }), /snake_case/);
  assert.throws(() => metrics.histogram("x", { help, buckets: [1, 1] }), /ascend/);
});

Deno.test("registerProcessMetrics() reports memory, CPU, uptime, lag and build", async () => {
  const metrics = new Metrics({ service: "ads" });
  const clock = new FakeClock();
  using _probe = registerProcessMetrics(metrics, { clock, service: "ads", version: "1.2.3" });
  clock.advance(1_000);
  const text = await metrics.scrape();
  assert.match(text, /^process_resident_memory_bytes [1-9]\d+$/m);
  assert.match(text, /^process_heap_bytes\{kind="used"\} [1-9]\d+$/m);
  assert.match(text, /^process_cpu_seconds_total 0?\.?\d+/m);
  assert.match(text, /^process_uptime_seconds \d/m);
  assert.match(text, /^ads_event_loop_lag_seconds_count 2$/m);
  assert.match(text, /^denvoy_build_info\{service="ads",version="1.2.3",deno="\d.*"\} 1$/m);
});
