// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { FakeClock, RecordingLogger } from "@denvoy/base/testing";
import { Metrics, Readiness } from "@denvoy/runtime";
import type { OtlpOutcome } from "./adapters/otlp_metric_exporter.ts";
import type { NodeExport, Temporality } from "./domain/node_export.ts";
import type { NodeMetrics } from "./domain/node_metrics.ts";
import type { SeriesTotals } from "./domain/series_totals.ts";
import {
  type NodeTotals,
  restoreTotals,
  type SeriesName,
  takeOverTotals,
  totalsOf,
} from "./domain/totals.ts";
import { OtlpSender } from "./otlp_sender.ts";
import { TestFleet } from "./testing.ts";

const total = "cluster.upstream_rq_total";
const time = "cluster.upstream_rq_time";

/** A sender to a collector that answers as it is told, on a clock that stands still. */
class Scene {
  readonly test = new TestFleet();
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly readiness = new Readiness(this.clock);
  readonly metrics = new Metrics({ service: "metrics", clock: this.clock });
  readonly received: string[] = [];
  outcome: OtlpOutcome = { kind: "sent" };
  readonly sender: OtlpSender;

  constructor(temporality: Temporality) {
    this.sender = new OtlpSender({
      fleet: this.test.fleet,
      send: (info, taken) => {
        this.received.push(`${info.id}: ${pointsOf(taken)}`);
        return Promise.resolve(this.outcome);
      },
      ...{ temporality, intervalMs: 10_000, concurrency: 1, clock: this.clock },
      health: this.readiness.component("otlp"),
      ...{ metrics: this.metrics, logger: this.logger },
    });
  }

  flush(id: string, counter: number): void {
    this.test.flush(id, {
      counters: { [`cluster.be.upstream_rq_total`]: counter },
      histograms: { "cluster.be.upstream_rq_time": { count: 2, sum: 3, buckets: [[1, 1]] } },
    });
  }

  /** Lets time pass, and returns what was sent meanwhile. */
  async pass(ms: number): Promise<readonly string[]> {
    this.received.length = 0;
    this.clock.advance(ms);
    for (let turn = 0; turn < 1_000; turn++) await Promise.resolve();
    return [...this.received];
  }
}

function pointsOf({ metrics }: NodeExport): string {
  return metrics.flatMap(({ name, points }) =>
    points.map(({ value, distribution }) =>
      `${name === total ? "total" : name === time ? "time" : name} ${distribution?.count ?? value}`
    )
  ).join(", ");
}

Deno.test("what a collector did not take is part of what is sent next: deltas lose nothing", async () => {
  const scene = new Scene("delta");
  scene.flush("a", 5);
  assert.deepEqual(await scene.pass(10_000), ["a: time 2, total 5"]);
  assert.deepEqual(await scene.pass(10_000), [], "nothing new is not sent");

  scene.outcome = { kind: "failed", why: "503" };
  scene.flush("a", 8);
  assert.deepEqual(await scene.pass(10_000), ["a: time 2, total 3"]);
  assert.equal(scene.readiness.report().components.otlp?.status, "degraded");
  scene.flush("a", 9);
  await scene.pass(10_000);
  scene.outcome = { kind: "sent" };
  assert.deepEqual(await scene.pass(60_000), ["a: time 4, total 4"]);
  assert.equal(scene.readiness.report().components.otlp?.status, "ok");
  assert.deepEqual(
    scene.logger.lines.map(({ message }) => message),
    ["cannot send metrics on", "the collector takes metrics again"],
  );
  assert.match(await scene.metrics.scrape(), /otlp_points_total\{outcome="sent"\} 4\n/);
  await scene.sender[Symbol.asyncDispose]();
});

Deno.test("totals stay totals, and what a collector refuses is counted and not sent again", async () => {
  const scene = new Scene("cumulative");
  scene.flush("a", 5);
  scene.flush("b", 1);
  scene.outcome = { kind: "refused", why: "400" };
  assert.equal((await scene.pass(10_000)).length, 2);
  assert.deepEqual(await scene.pass(10_000), []);
  assert.match(await scene.metrics.scrape(), /otlp_points_total\{outcome="refused"\} 4\n/);
  scene.outcome = { kind: "sent" };
  scene.flush("a", 8);
  assert.deepEqual(await scene.pass(10_000), ["a: time 4, total 8"]);
  await scene.sender[Symbol.asyncDispose]();
});

Deno.test("one request is enough to see that a collector is away, and the last ones go at the end", async () => {
  const scene = new Scene("cumulative");
  for (let node = 0; node < 50; node++) scene.flush(`n${node}`, 1);
  scene.outcome = { kind: "failed", why: "away" };
  assert.equal((await scene.pass(10_000)).length, 1);
  scene.outcome = { kind: "sent" };
  await scene.pass(10_000);
  assert.equal(scene.received.length, 50);
  scene.flush("n1", 2);
  scene.received.length = 0;
  await scene.sender[Symbol.asyncDispose]();
  assert.deepEqual(scene.received, ["n1: time 4, total 2"]);
});

Deno.test("deltas leave out what another process has counted, in a node and under one", async () => {
  const old = new Scene("delta");
  old.flush("a", 5);
  const node = old.test.fleet.node("a");
  assert.ok(node);
  const series = [...seriesTotals(node)];
  const { info, seenMs } = node;
  const totals: NodeTotals = { info, startMs: undefined, sinceMs: 1, seenMs, series };
  await old.sender[Symbol.asyncDispose]();

  for (const alone of [false, true]) {
    for (const put of alone ? [takeOverTotals] : [restoreTotals, takeOverTotals]) {
      const scene = new Scene("delta");
      if (alone) scene.flush("a", 6);
      put(scene.test.fleet, totals);
      if (!alone) scene.test.open("a");
      scene.flush("a", 9);
      const wanted = alone ? "a: time 4, total 4" : "a: time 2, total 4";
      assert.deepEqual(await scene.pass(10_000), [wanted]);
      await scene.sender[Symbol.asyncDispose]();
    }
  }
});

function* seriesTotals(node: NodeMetrics): Generator<readonly [SeriesName, SeriesTotals]> {
  for (let slot = 0; slot < node.series.slots; slot++) {
    const series = node.series.seriesAt(slot);
    if (series === undefined) continue;
    for (const totals of totalsOf(node, slot)) yield [series, totals];
  }
}
