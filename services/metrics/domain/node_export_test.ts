// SPDX-License-Identifier: Apache-2.0
// What is sent on of histograms, from flush to flush and over restarts of Envoy.
import assert from "node:assert/strict";
import { TestFleet } from "../testing.ts";
import { type ExportPoint, NodeExporter, type Temporality } from "./node_export.ts";

const time = "cluster.be.upstream_rq_time";
type Buckets = readonly (readonly [bound: number, count: number])[];

/** An Envoy, and what is sent of its histogram after each flush. */
class Scene {
  readonly test = new TestFleet();
  readonly #exporter: NodeExporter;
  readonly beginMs = this.test.nowMs;

  constructor(temporality: Temporality) {
    this.#exporter = new NodeExporter(this.test.open("a"), temporality);
  }

  flush(uptime: number, buckets: Buckets): ExportPoint | undefined {
    const count = buckets.at(-1)?.[1] ?? 0;
    this.test.flush("a", {
      gauges: { "server.uptime": uptime },
      histograms: { [time]: { count, sum: 2 * count, buckets } },
    });
    const taken = this.#exporter.take();
    taken.commit();
    return taken.metrics.find(({ kind }) => kind === "histogram")?.points[0];
  }

  restart(): void {
    this.test.nowMs += 60_000;
    this.test.open("a");
  }
}

function shown(point: ExportPoint | undefined) {
  const { count, sum, bounds = [], values = [] } = point?.distribution ?? {};
  return [count, sum, [...bounds], [...values]];
}

Deno.test("cumulative histograms begin anew with Envoy, and say since when", () => {
  const scene = new Scene("cumulative");
  const first = scene.flush(100, [[1, 1], [5, 3]]);
  assert.deepEqual(shown(first), [3, 6, [1, 5], [1, 3]]);
  assert.equal(first?.startMs, scene.beginMs, "what came before the node was known is not in it");
  scene.restart();
  const startedMs = scene.test.nowMs - 1_000;
  const second = scene.flush(1, [[1, 0], [5, 2]]);
  assert.deepEqual(shown(second), [2, 4, [1, 5], [0, 2]]);
  assert.equal(second?.startMs, startedMs);
});

Deno.test("deltas of histograms hold each sample once, over restarts and other bounds", () => {
  const scene = new Scene("delta");
  assert.deepEqual(shown(scene.flush(100, [[1, 1], [5, 3]])), [3, 6, [1, 5], [1, 3]]);
  assert.deepEqual(shown(scene.flush(105, [[1, 1], [5, 1]])), [1, 2, [1, 5], [1, 1]]);
  assert.equal(scene.flush(110, [[1, 0], [5, 0]]), undefined);
  scene.restart();
  assert.deepEqual(shown(scene.flush(1, [[1, 0], [5, 2]])), [2, 4, [1, 5], [0, 2]]);
  scene.restart();
  assert.deepEqual(shown(scene.flush(1, [[5, 1], [9, 4]])), [4, 8, [5], [1]]);
  assert.deepEqual(shown(scene.flush(6, [[5, 1], [9, 1]])), [1, 2, [5], [1]]);
  scene.restart();
  assert.deepEqual(shown(scene.flush(1, [[7, 2]])), [2, 4, [], []]);
  scene.restart();
  assert.deepEqual(shown(scene.flush(1, [[7, 3]])), [3, 6, [], []]);
});
