// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { join } from "node:path";
import { restoreTotals } from "../domain/totals.ts";
import { TestFleet, type TestFlush } from "../testing.ts";
import { SqliteTotalsStore } from "./sqlite_totals_store.ts";
import { keepsTotals } from "./totals_store_contract.ts";

const time = "cluster.be.upstream_rq_time";
const flush: TestFlush = {
  counters: { "cluster.be.upstream_rq_total": 5 },
  gauges: { "server.uptime": 100, "cluster.be.upstream_cx_active": 3 },
  histograms: { [time]: { count: 4, sum: 8.5, buckets: [[1, 1], [5, 3]] } },
};

async function withFolder(work: (path: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(join(folder, "metrics.db"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("SqliteTotalsStore keeps totals", () =>
  withFolder(async (path) => {
    await keepsTotals({
      write(nodes) {
        const store = new SqliteTotalsStore(path);
        store.save(nodes);
        store.close();
        return Promise.resolve();
      },
      read(id) {
        const store = new SqliteTotalsStore(path);
        const found = [...store.load()].find(({ info }) => info.id === id);
        store.close();
        return Promise.resolve(found);
      },
    });
  }));

Deno.test("totals of histograms and of restarts are there again after a restart of ours", () =>
  withFolder((path) => {
    const before = new TestFleet();
    before.flush("a", flush);
    before.nowMs += 60_000;
    before.open("a");
    before.flush("a", { ...flush, gauges: { "server.uptime": 1 } });
    const store = new SqliteTotalsStore(path);
    store.save([...before.fleet.nodes()]);
    store.save([...before.fleet.nodes()]);
    store.close();

    const after = new TestFleet();
    after.nowMs = before.nowMs;
    const reopened = new SqliteTotalsStore(path);
    for (const totals of reopened.load()) restoreTotals(after.fleet, totals);
    reopened.close();
    assert.equal(after.text(), "", "nothing is shown before its node reports");
    assert.match(after.text({ sums: true }), /upstream_rq_total\{.*\} 10\n/);
    after.open("a");
    after.flush("a", {
      counters: { "cluster.be.upstream_rq_total": 6 },
      gauges: { "server.uptime": 6 },
      histograms: { [time]: { count: 1, sum: 1, buckets: [[1, 1], [5, 1]] } },
    });
    assert.match(after.text(), /upstream_rq_total\{.*\} 6\n/);
    assert.match(after.text(), /upstream_rq_time_count\{.*\} 5\n/);
    assert.match(after.text(), /upstream_rq_time_sum\{.*\} 9.5\n/);
    assert.match(after.text({ sums: true }), /upstream_rq_time_count\{.*\} 9\n/);
    assert.match(after.text({ sums: true }), /upstream_rq_time_sum\{.*\} 18\n/);
    assert.match(after.text({ sums: true }), /upstream_rq_time_bucket\{.*le="5"\} 7\n/);
    assert.match(after.text({ sums: true }), /upstream_rq_total\{.*\} 11\n/);
    assert.doesNotMatch(after.text(), /cx_active/);
  }));

Deno.test("what is left of forgotten nodes lasts, and the nodes themselves are removed", () =>
  withFolder((path) => {
    const before = new TestFleet();
    before.flush("a", flush);
    const store = new SqliteTotalsStore(path);
    store.save([...before.fleet.nodes()]);
    before.fleet.tick(before.nowMs + 1e9);
    store.save([...before.fleet.forgotten()]);
    store.keep([...before.fleet.nodes(), ...before.fleet.forgotten()]);

    const after = new TestFleet();
    for (const totals of store.load()) restoreTotals(after.fleet, totals);
    store.close();
    assert.equal([...after.fleet.nodes()].length, 0);
    assert.match(after.text({ sums: true }), /upstream_rq_total\{.*\} 5\n/);
  }));
