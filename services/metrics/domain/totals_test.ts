// SPDX-License-Identifier: Apache-2.0
// What becomes of a node when another replica takes it over, and of the sums of both.
import assert from "node:assert/strict";
import { decodeTotals, encodeTotals } from "../adapters/totals_numbers.ts";
import { TestFleet, type TestFlush } from "../testing.ts";
import type { CounterMode } from "./node_metrics.ts";
import type { Series } from "./series.ts";
import { type NodeTotals, takeOverTotals } from "./totals.ts";

/** Returns what is written of a node, as it is read again. */
function written(from: TestFleet, id: string): NodeTotals {
  const node = from.fleet.node(id);
  assert.ok(node);
  const list: Series[] = [];
  const numbers = Float64Array.from(encodeTotals(node, (series) => list.push(series) - 1));
  const names = new Map(list.entries());
  const { info, startMs, sinceMs, seenMs } = node;
  const series = [...decodeTotals(numbers, { names, used: new Set() })];
  return { info, startMs, sinceMs, seenMs, series };
}

function flushOf(
  value: number,
  more: { readonly count: number; readonly uptime: number },
): TestFlush {
  const { count, uptime } = more;
  return {
    counters: { x: value },
    gauges: { "server.uptime": uptime, g: value },
    histograms: { h: { count, sum: count * 2, buckets: [[1, 0], [5, count]] } },
  };
}

interface Shown {
  /** Counter and samples of the histogram, as the node shows them. */
  readonly node: readonly [number | undefined, number | undefined];
  /** The same in the sum over the cluster. */
  readonly sum: readonly [number | undefined, number | undefined];
}

function shown(fleet: TestFleet): Shown {
  const read = (text: string, name: string) => {
    const value = new RegExp(`^envoy_${name}\\{.*\\} (.+)$`, "m").exec(text)?.[1];
    return value === undefined ? undefined : Number(value);
  };
  const [own, sums] = [fleet.text(), fleet.text({ sums: true })];
  return {
    node: [read(own, "x"), read(own, "h_count")],
    sum: [read(sums, "x"), read(sums, "h_count")],
  };
}

interface Case {
  readonly mode?: CounterMode;
  /** What the new owner has heard before it learns what the old one has counted. */
  readonly alone?: readonly TestFlush[];
  /** What it hears then. */
  readonly after: TestFlush;
  readonly node: Shown["node"];
  readonly sum: Shown["sum"];
}

/** The old owner has seen a counter of 100 and 40 samples. */
const cases: Readonly<Record<string, Case>> = {
  "a node that goes on": {
    after: flushOf(130, { count: 5, uptime: 200 }),
    node: [130, 45],
    sum: [30, 5],
  },
  "a node that has started anew": {
    after: flushOf(7, { count: 5, uptime: 1 }),
    node: [7, 5],
    sum: [7, 5],
  },
  "a node whose counters are deltas": {
    mode: "delta",
    after: flushOf(30, { count: 5, uptime: 200 }),
    node: [130, 45],
    sum: [30, 5],
  },
  "a node that was counted alone for a while": {
    alone: [flushOf(110, { count: 3, uptime: 190 })],
    after: flushOf(130, { count: 5, uptime: 195 }),
    node: [130, 48],
    sum: [30, 8],
  },
  "deltas that were counted alone for a while": {
    mode: "delta",
    alone: [flushOf(10, { count: 3, uptime: 190 })],
    after: flushOf(20, { count: 5, uptime: 195 }),
    node: [130, 48],
    sum: [30, 8],
  },
  "a node that started anew and was counted alone": {
    alone: [flushOf(4, { count: 3, uptime: 1 })],
    after: flushOf(9, { count: 5, uptime: 6 }),
    node: [9, 8],
    sum: [9, 8],
  },
};

for (const [name, { mode = "cumulative", alone = [], after, node, sum }] of Object.entries(cases)) {
  Deno.test(`takeOverTotals() takes over ${name}`, () => {
    const old = new TestFleet({ counterMode: () => mode });
    old.flush("a", flushOf(100, { count: 40, uptime: 100 }));
    const totals = written(old, "a");
    const taken = old.fleet.node("a");
    assert.ok(taken);
    old.fleet.handOver(taken);
    assert.deepEqual(shown(old), { node: [undefined, undefined], sum: [100, 40] });

    const next = new TestFleet({ counterMode: () => mode });
    next.nowMs = old.nowMs + 95_000 - alone.length * 5_000;
    for (const flush of alone) next.flush("a", flush);
    takeOverTotals(next.fleet, totals);
    if (alone.length === 0) next.open("a");
    next.flush("a", after);
    assert.deepEqual(shown(next), { node, sum });
    assert.equal(next.fleet.node("a")?.sinceMs, totals.sinceMs);

    // Back again: sums of both are what was counted in all, and neither falls.
    const back = written(next, "a");
    const there = next.fleet.node("a");
    assert.ok(there);
    next.fleet.handOver(there);
    assert.deepEqual(shown(next).sum, sum);
    takeOverTotals(old.fleet, back);
    assert.deepEqual(shown(old).sum, [100, 40]);
    old.nowMs = next.nowMs;
    old.open("a");
    assert.deepEqual(shown(old).sum, [100, 40]);
  });
}
