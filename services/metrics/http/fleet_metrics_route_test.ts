// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import type { ApiRequest } from "@denvoy/runtime";
import { CardinalityRules } from "../domain/cardinality_rules.ts";
import { NodeLabels } from "../domain/node_labels.ts";
import { readRuleFile } from "../domain/rule_file.ts";
import { TestFleet, testNode } from "../testing.ts";
import { allowsGzip, fleetMetricsRoute, formatOf } from "./fleet_metrics_route.ts";

const formats: Readonly<Record<string, string>> = {
  "": "prometheus",
  "*/*": "prometheus",
  "text/plain": "prometheus",
  "application/openmetrics-text; version=1.0.0": "openmetrics",
  "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2":
    "openmetrics",
  "text/plain;q=0.9,application/openmetrics-text;q=0.1": "prometheus",
  "application/openmetrics-text;q=0": "prometheus",
};

for (const [accept, wanted] of Object.entries(formats)) {
  Deno.test(`/fleet/metrics for "${accept}" is ${wanted}`, () =>
    assert.equal(formatOf(accept), wanted));
}

const encodings: Readonly<Record<string, boolean>> = {
  "": false,
  "gzip": true,
  "deflate, GZIP;q=0.5": true,
  "gzip;q=0": false,
  "gzip;q=x": false,
  "identity": false,
  "*": false,
};

for (const [header, wanted] of Object.entries(encodings)) {
  Deno.test(`/fleet/metrics for Accept-Encoding "${header}" is ${wanted ? "" : "not "}gzip`, () =>
    assert.equal(allowsGzip(header), wanted));
}

async function answer(
  test: TestFleet,
  query: Readonly<Record<string, unknown>>,
  headers: ReadonlyMap<string, string> = new Map(),
) {
  const nodeLabels = new NodeLabels(["region"]);
  const route = fleetMetricsRoute({ fleet: test.fleet, nodeLabels, open: true, onScrape() {} });
  const request = { query: { name: [], ...query }, headers } as unknown as ApiRequest;
  const response = await route.handle(request as ApiRequest<never, never>);
  if (response.kind !== "stream") throw new Error(`it is ${response.kind}`);
  return response;
}

async function get(test: TestFleet, query: Readonly<Record<string, unknown>>): Promise<string> {
  let text = "";
  for await (const chunk of (await answer(test, query)).chunks) {
    text += new TextDecoder().decode(chunk);
  }
  return text;
}

function scene(rules = CardinalityRules.none): TestFleet {
  const test = new TestFleet({}, rules);
  test.open("a", "edge");
  test.open("b", "edge");
  test.open("c", 'in"ner');
  for (const [id, value] of [["a", 1], ["b", 2], ["c", 4]] as const) {
    test.flush(id, { counters: { "cluster.x.rq": value, "http.in.rq": value } });
  }
  return test;
}

Deno.test("/fleet/metrics shows nodes, or sums over clusters or all, and only what is asked for", async () => {
  const test = scene();
  assert.equal(
    await get(test, { node: "a" }),
    `# TYPE envoy_cluster_rq counter
envoy_cluster_rq{envoy_cluster_name="x",envoy_node_id="a",envoy_node_cluster="edge"} 1
# TYPE envoy_http_rq counter
envoy_http_rq{envoy_http_conn_manager_prefix="in",envoy_node_id="a",envoy_node_cluster="edge"} 1
`,
  );
  assert.equal(
    await get(test, { by: "cluster", name: ["envoy_cluster_*"] }),
    `# TYPE envoy_cluster_rq counter
envoy_cluster_rq{envoy_cluster_name="x",envoy_node_cluster="edge"} 3
envoy_cluster_rq{envoy_cluster_name="x",envoy_node_cluster="in\\"ner"} 4
`,
  );
  assert.match(await get(test, { by: "fleet" }), /^envoy_cluster_rq\{envoy_cluster_name="x"\} 7$/m);
  assert.match(await get(test, { cluster: "in*" }), /node_id="c"/);
  assert.equal(await get(test, { node: "nobody" }), "");
});

Deno.test("/fleet/metrics follows changed rules, and sums what they make one", async () => {
  const test = scene();
  const { rules } = readRuleFile(
    "rules: [{ action: drop, name: cluster.* }, { action: drop_labels, remove: [envoy.*] }]",
    "r",
  );
  assert.ok(rules);
  test.fleet.index.setRules(rules);
  test.flush("a", { counters: { "cluster.x.rq": 9, "http.in.rq": 9, "http.out.rq": 5 } });
  assert.equal(
    await get(test, { node: "a" }),
    `# TYPE envoy_http_rq counter\nenvoy_http_rq{envoy_node_id="a",envoy_node_cluster="edge"} 14\n`,
  );
  assert.equal(test.fleet.node("a")?.cuts.rule, 1);
  test.fleet.index.setRules(CardinalityRules.none);
  test.flush("a", { counters: { "cluster.x.rq": 10, "http.in.rq": 9, "http.out.rq": 5 } });
  assert.match(await get(test, { node: "a" }), /^envoy_cluster_rq\{.*\} 10$/m);
});

Deno.test("OpenMetrics: counters end in _total, and no two families have one name", () => {
  const test = new TestFleet();
  test.flush("a", {
    counters: {
      "cluster.x.up_rq_total": 3,
      "cluster.x.up_rq_200": 2,
      "other.requests": 1,
      "y_total": 5,
    },
    gauges: { "y": 1, "members_total": 7 },
    histograms: { t: { count: 1, sum: 2, buckets: [[1, 0], [2.5, 1]] } },
  });
  const lines = test.text({ format: "openmetrics" }).split("\n")
    .map((line) => line.replaceAll(/,?envoy_node_[a-z]+="\w+"/g, ""));
  assert.deepEqual(lines, [
    "# TYPE envoy_cluster_up_rq_tagged counter",
    'envoy_cluster_up_rq_tagged_total{envoy_response_code="200",envoy_cluster_name="x"} 2',
    "# TYPE envoy_cluster_up_rq counter",
    'envoy_cluster_up_rq_total{envoy_cluster_name="x"} 3',
    "# TYPE envoy_members_total gauge",
    "envoy_members_total{} 7",
    "# TYPE envoy_other_requests counter",
    "envoy_other_requests_total{} 1",
    "# TYPE envoy_t histogram",
    'envoy_t_bucket{,le="1.0"} 0',
    'envoy_t_bucket{,le="2.5"} 1',
    'envoy_t_bucket{,le="+Inf"} 1',
    "envoy_t_sum{} 2",
    "envoy_t_count{} 1",
    "# TYPE envoy_y gauge",
    "envoy_y{} 1",
    "# TYPE envoy_y_total counter",
    "envoy_y_total_total{} 5",
    "# EOF",
    "",
  ]);
});

Deno.test("NodeLabels holds what is asked for and not empty, escaped", () => {
  const labels = new NodeLabels(["zone", "metadata.app.name"]);
  assert.deepEqual(labels.metadataPaths, ["app.name"]);
  const info = { ...testNode('a"\n', ""), zone: "z1", metadata: { "app.name": "shop" } };
  assert.equal(
    labels.textOf(info),
    'envoy_node_id="a\\"\\n",envoy_node_zone="z1",envoy_node_metadata_app_name="shop"',
  );
  assert.equal(NodeLabels.problem("zone"), undefined);
  assert.match(NodeLabels.problem("zones") ?? "", /must be one of .* current value is "zones"/);
});

/** Enough for several parts. */
function largeScene(): TestFleet {
  const test = new TestFleet();
  const counters = Array.from({ length: 900 }, (_, at) => [`cluster.c${at}.rq_of_a_kind`, at]);
  for (const id of ["a", "b", "c"]) test.flush(id, { counters: Object.fromEntries(counters) });
  return test;
}

Deno.test("/fleet/metrics compresses for who can read it, and says so", async () => {
  const test = largeScene();
  const headers = new Map([["accept-encoding", "gzip"]]);
  const response = await answer(test, {}, headers);
  assert.equal(response.headers["content-encoding"], "gzip");
  assert.match(response.headers.vary ?? "", /accept-encoding/);
  const chunks = await Array.fromAsync(response.chunks);
  const packed = new Blob(chunks.map((chunk) => chunk.slice()));
  const text = await new Response(packed.stream().pipeThrough(new DecompressionStream("gzip")))
    .text();
  assert.equal(text, await get(test, {}));
  assert.ok(packed.size < text.length / 5, `${packed.size} of ${text.length}`);
});

Deno.test("/fleet/metrics stops compressing when its reader goes", async () => {
  const headers = new Map([["accept-encoding", "gzip"]]);
  const { chunks } = await answer(largeScene(), {}, headers);
  for await (const chunk of chunks) {
    assert.ok(chunk.length > 0);
    break;
  }
});
