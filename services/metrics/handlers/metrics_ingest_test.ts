// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { CardinalityRules } from "../domain/cardinality_rules.ts";
import { TestFleet, type TestFlush } from "../testing.ts";

const rq = "cluster.be.upstream_rq_total";
const shownRq = `envoy_cluster_upstream_rq_total{envoy_cluster_name="be"`;

/** The values of a series in a text, by node or cluster. */
function valuesIn(text: string, start: string): readonly string[] {
  return text.split("\n").filter((line) => line.startsWith(start))
    .map((line) => line.slice(line.lastIndexOf(" ") + 1));
}

interface CounterCase {
  readonly mode?: "cumulative" | "delta";
  /** Flushes; a new stream at once, or a minute later; the moment of the flush before once more. */
  readonly script:
    readonly (readonly [uptime: number, value: number] | "stream" | "later" | "same")[];
  /** What Envoy itself has. */
  readonly shown: string;
  /** What was ever counted. */
  readonly sum: string;
}

const counterCases: Readonly<Record<string, CounterCase>> = {
  "rise": { script: [[10, 5], [15, 8]], shown: "8", sum: "8" },
  "rise by a repeated message once": { script: [[10, 5], "same", [10, 5]], shown: "5", sum: "5" },
  "go on over a new stream": { script: [[10, 5], "stream", [15, 8]], shown: "8", sum: "8" },
  "begin anew with Envoy": { script: [[10, 5], "later", [1, 2]], shown: "2", sum: "7" },
  "begin anew with more than before": {
    script: [[10, 5], "later", [1, 9]],
    shown: "9",
    sum: "14",
  },
  "begin anew though uptime is higher than it was": {
    script: [[1, 5], "later", [2, 9]],
    shown: "9",
    sum: "14",
  },
  "are added up as deltas": { mode: "delta", script: [[10, 5], [15, 8]], shown: "13", sum: "13" },
  "are added up as deltas over a restart": {
    mode: "delta",
    script: [[10, 5], [15, 8], "later", [1, 2], [6, 1]],
    shown: "3",
    sum: "16",
  },
};

for (const [name, { mode = "cumulative", script, shown, sum }] of Object.entries(counterCases)) {
  Deno.test(`counters ${name}`, () => {
    const test = new TestFleet({ counterMode: () => mode });
    for (const step of script) {
      if (step === "same") test.nowMs -= 5_000;
      else if (typeof step !== "string") {
        const [uptime, value] = step;
        test.flush("a", { counters: { [rq]: value }, gauges: { "server.uptime": uptime } });
      } else {
        if (step === "later") test.nowMs += 60_000;
        test.open("a");
      }
    }
    assert.deepEqual(valuesIn(test.text(), shownRq), [shown]);
    assert.deepEqual(valuesIn(test.text({ sums: true }), shownRq), [sum]);
  });
}

Deno.test("a restart of Envoy takes away what the new process does not have", () => {
  const test = new TestFleet();
  test.flush("a", {
    counters: { [rq]: 5, "cluster.be.old": 3 },
    gauges: { "server.uptime": 50, "cluster.be.upstream_cx_active": 2 },
  });
  test.open("a");
  test.flush("a", { counters: { [rq]: 1 }, gauges: { "server.uptime": 1 } });
  assert.doesNotMatch(test.text(), /old|cx_active/);
  assert.match(test.text({ sums: true }), /envoy_cluster_old\{.*\} 3\n/);
});

Deno.test("a stat that Envoy sends no more is shown no more, and comes back with its total", () => {
  const test = new TestFleet();
  test.flush("a", { counters: { [rq]: 5, other: 1 } });
  for (let flush = 0; flush < 6; flush++) test.flush("a", { counters: { other: 1 } });
  assert.deepEqual(valuesIn(test.text(), shownRq), []);
  test.flush("a", { counters: { [rq]: 6, other: 1 } });
  assert.deepEqual(valuesIn(test.text(), shownRq), ["6"]);
  assert.deepEqual(valuesIn(test.text({ sums: true }), shownRq), ["6"]);
});

Deno.test("counters that fall within one stream are told as a sign of deltas", () => {
  const test = new TestFleet();
  const node = test.open("a");
  test.flush("a", { counters: { [rq]: 5 }, gauges: { "server.uptime": 1 } });
  test.flush("a", { counters: { [rq]: 3 }, gauges: { "server.uptime": 6 } });
  assert.equal(node.fallen, 1);
});

const time = "cluster.be.upstream_rq_time";

Deno.test("histograms add up what each flush brought, with the bucket of everything", () => {
  const test = new TestFleet();
  const flush: TestFlush = {
    histograms: { [time]: { count: 5, sum: 32.5, buckets: [[1, 2], [5, 4]] } },
  };
  test.flush("a", flush);
  test.flush("a", flush);
  test.flush("a", { histograms: { [time]: { count: 0, sum: 0, buckets: [[1, 0], [5, 0]] } } });
  assert.equal(
    test.text(),
    `# TYPE envoy_cluster_upstream_rq_time histogram
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="be",envoy_node_id="a",envoy_node_cluster="edge",le="1"} 4
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="be",envoy_node_id="a",envoy_node_cluster="edge",le="5"} 8
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="be",envoy_node_id="a",envoy_node_cluster="edge",le="+Inf"} 10
envoy_cluster_upstream_rq_time_sum{envoy_cluster_name="be",envoy_node_id="a",envoy_node_cluster="edge"} 65
envoy_cluster_upstream_rq_time_count{envoy_cluster_name="be",envoy_node_id="a",envoy_node_cluster="edge"} 10
`,
  );
});

Deno.test("histograms with other bounds begin anew; sums keep the bounds that all have", () => {
  const test = new TestFleet();
  test.flush("a", { histograms: { [time]: { count: 9, sum: 9, buckets: [[1, 9]] } } });
  test.flush("a", { histograms: { [time]: { count: 4, sum: 8, buckets: [[1, 1], [5, 3]] } } });
  test.flush("b", { histograms: { [time]: { count: 2, sum: 4, buckets: [[5, 1], [9, 2]] } } });
  assert.match(test.text(), /node_id="a".*le="\+Inf"\} 4\n/);
  const sums = test.text({ sums: true });
  assert.deepEqual(valuesIn(sums, "envoy_cluster_upstream_rq_time_bucket"), ["4", "6"]);
  assert.match(sums, /le="5"\} 4\n/);
});

Deno.test("histograms begin anew with Envoy, and sums of them go on", () => {
  const test = new TestFleet({ forgetMs: 600_000 });
  const of = (count: number, bound = 5) => ({
    [time]: { count, sum: count, buckets: [[bound, count]] as const },
  });
  const name = "envoy_cluster_upstream_rq_time";
  const counts = () => [
    ...valuesIn(test.text(), `${name}_count`),
    ...valuesIn(test.text({ sums: true }), `${name}_count`),
    ...valuesIn(test.text({ sums: true }), `${name}_bucket`),
  ];
  const restart = (histograms: NonNullable<TestFlush["histograms"]>) => {
    test.nowMs += 60_000;
    test.open("a");
    test.flush("a", { gauges: { "server.uptime": 1 }, histograms });
  };
  test.flush("a", { gauges: { "server.uptime": 50 }, histograms: of(9) });
  assert.deepEqual(counts(), ["9", "9", "9", "9"]);
  restart(of(4));
  assert.deepEqual(counts(), ["4", "13", "13", "13"]);
  restart({});
  assert.deepEqual(counts(), ["13", "13", "13"], "it has none yet");
  test.flush("a", { gauges: { "server.uptime": 6 }, histograms: of(1) });
  assert.deepEqual(counts(), ["1", "14", "14", "14"]);
  restart(of(2, 7));
  assert.deepEqual(counts(), ["2", "16", "16"], "no bound is common, and the count is right");
  test.fleet.tick(test.nowMs + 600_001);
  assert.deepEqual(counts(), ["16", "16"], "and stays when the node is forgotten");
});

Deno.test("summaries give way to histograms of the same name, whichever comes first", () => {
  const quantiles = { count: 5, sum: 9, buckets: [[0.5, 1.5], [0.99, NaN]] as const };
  const histogram = { count: 5, sum: 9, buckets: [[1, 5]] as const };
  const test = new TestFleet();
  test.flush("a", { summaries: { [time]: quantiles } });
  assert.match(
    test.text(),
    /# TYPE envoy_cluster_upstream_rq_time summary\n.*quantile="0.5"\} 1.5\n/,
  );
  assert.doesNotMatch(test.text(), /NaN/);
  test.flush("a", { summaries: { [time]: quantiles }, histograms: { [time]: histogram } });
  test.flush("a", { summaries: { [time]: quantiles }, histograms: { [time]: histogram } });
  assert.match(test.text(), /^# TYPE envoy_cluster_upstream_rq_time histogram\n/);
  assert.doesNotMatch(test.text(), /quantile/);
  assert.ok((test.fleet.node("a")?.cuts.summary ?? 0) > 0);
  test.fleet.index.setRules(CardinalityRules.none);
  assert.match(test.text(), /^# TYPE envoy_cluster_upstream_rq_time histogram\n/);
});

Deno.test("series of nodes that do not report expire, and stay in sums when they are forgotten", () => {
  const test = new TestFleet({ expireMs: 60_000, forgetMs: 600_000 });
  const histograms = { [time]: { count: 2, sum: 3, buckets: [[1, 1]] as const } };
  test.flush("a", { counters: { [rq]: 5 }, gauges: { "server.live": 1 }, histograms });
  test.flush("b", { counters: { [rq]: 7 } });
  test.nowMs += 61_000;
  test.flush("b", { counters: { [rq]: 8 } });
  test.fleet.tick(test.nowMs);
  assert.deepEqual(valuesIn(test.text(), shownRq), ["8"]);
  assert.deepEqual(valuesIn(test.text({ sums: true }), shownRq), ["13"]);

  test.fleet.tick(test.nowMs + 3_600_000);
  assert.equal([...test.fleet.nodes()].length, 0);
  const sums = test.text({ sums: true });
  assert.deepEqual(valuesIn(sums, shownRq), ["13"]);
  assert.deepEqual(valuesIn(sums, "envoy_cluster_upstream_rq_time_count"), ["2"]);
  assert.doesNotMatch(sums, /server_live/);
});

Deno.test("bounds: series of a node, of all, nodes; what has no room is counted", () => {
  const test = new TestFleet({ maxSeriesPerNode: 3, maxSeries: 5, maxNodes: 2 });
  const many = Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`c${at}`, at]));
  test.flush("a", { counters: many });
  test.flush("a", { counters: many });
  test.flush("b", { counters: many });
  assert.equal(test.fleet.seriesCount, 5);
  assert.equal(test.fleet.node("a")?.cuts.node_limit, 14);
  assert.equal(test.fleet.node("b")?.cuts.fleet_limit, 8);
  assert.throws(() => test.open("c"), /full/);
  assert.equal(test.fleet.refusedNodes, 1);
  test.fleet.tick(test.nowMs + 61_000);
  test.open("c");
  assert.equal(test.fleet.node("a"), undefined, "the oldest that is gone makes room");
});
