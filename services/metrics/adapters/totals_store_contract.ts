// SPDX-License-Identifier: Apache-2.0
/**
 * What every store of totals promises, whoever else uses it.
 * @module
 */
import assert from "node:assert/strict";
import type { Fleet } from "../domain/fleet.ts";
import type { NodeMetrics } from "../domain/node_metrics.ts";
import type { SeriesTotals } from "../domain/series_totals.ts";
import { type NodeTotals, restoreTotals, totalsOf } from "../domain/totals.ts";
import { TestFleet, type TestFlush } from "../testing.ts";

/** A store as a process sees it that writes nodes, ends, and is followed by another. */
export interface TotalsPlace {
  /** Writes nodes down. */
  write(nodes: readonly NodeMetrics[]): Promise<void>;
  /** Returns a node as the process that follows has it. */
  read(id: string): Promise<NodeTotals | undefined>;
}

const time = "cluster.be.upstream_rq_time";
const first: TestFlush = {
  counters: { "cluster.be.upstream_rq_total": 5, 'odd."name"\\\n€': 2 ** 53, "fraction": 0.1 },
  gauges: { "server.uptime": 100, "cluster.be.upstream_cx_active": 3 },
  histograms: { [time]: { count: 4, sum: 8.5, buckets: [[1, 1], [5, 3]] } },
  summaries: { "quantiles": { count: 2, sum: 3, buckets: [[0.5, 1], [0.99, NaN]] } },
};

/** What is kept of each series of a node, by its key. */
function totalsOfNode(fleet: Fleet, id: string): Readonly<Record<string, readonly SeriesTotals[]>> {
  const node = fleet.node(id);
  assert.ok(node, id);
  const found: Record<string, readonly SeriesTotals[]> = {};
  for (let slot = 0; slot < node.series.slots; slot++) {
    const totals = totalsOf(node, slot);
    const key = node.series.seriesAt(slot)?.key;
    if (key !== undefined && totals.length > 0) found[key] = totals.map((one) => ({ ...one }));
  }
  return found;
}

async function assertKept(place: TotalsPlace, before: TestFleet, id: string): Promise<TestFleet> {
  const node = before.fleet.node(id);
  assert.ok(node);
  await place.write([node]);
  const after = new TestFleet();
  after.nowMs = before.nowMs;
  const totals = await place.read(id);
  assert.ok(totals, id);
  restoreTotals(after.fleet, totals);
  assert.deepEqual(totalsOfNode(after.fleet, id), totalsOfNode(before.fleet, id));
  assert.equal(after.fleet.node(id)?.startMs, node.startMs);
  assert.equal(after.fleet.node(id)?.sinceMs, node.sinceMs);
  return after;
}

/** Puts an empty store to the test of the contract. */
export async function keepsTotals(place: TotalsPlace): Promise<void> {
  const before = new TestFleet();
  before.flush("a", first);
  before.flush('b "\\ €', { counters: { other: 1 } });
  await assertKept(place, before, "a");
  await assertKept(place, before, 'b "\\ €');

  // Envoy starts anew: what the process before it counted is kept beside.
  before.nowMs += 60_000;
  before.open("a");
  before.flush("a", { ...first, counters: { new: 1 }, gauges: { "server.uptime": 1 } });
  const after = await assertKept(place, before, "a");

  assert.equal(after.text(), "", "nothing is shown before its node reports");
  after.open("a");
  after.flush("a", {
    counters: { new: 3 },
    gauges: { "server.uptime": 6 },
    histograms: { [time]: { count: 1, sum: 1, buckets: [[1, 1], [5, 1]] } },
  });
  assert.match(after.text(), /envoy_new\{.*\} 3\n/);
  assert.match(after.text(), /upstream_rq_time_count\{.*\} 5\n/);
  assert.match(after.text(), /upstream_rq_time_sum\{.*\} 9.5\n/);
  assert.equal(after.fleet.node("a")?.restarts, 0, "its process is the one that was known");
}
