// SPDX-License-Identifier: Apache-2.0
// What the scraper of Prometheus, and promtool, make of our text; skipped where there is no Go.
import assert from "node:assert/strict";
import { getPrometheusScrape } from "@denvoy/tools/real_parts";
import { TestFleet } from "@denvoy/metrics/testing";
import { eventually, startBackend, startDenvoyMetrics, startEnvoy } from "../support/mod.ts";
import { fleetEnvoy } from "./fleet_envoy.ts";
import { askEnvoy } from "./fleet_scrape.ts";
import { type ParsedMetrics, parseWithPrometheus } from "./prometheus_parser.ts";

const program = await getPrometheusScrape();
const skipped = program.kind === "built" ? "" : ` (skipped: ${program.reason})`;

const types = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** Returns what the scraper finds. @throws Error with its words when it refuses the text */
async function scrape(text: string, contentType: string): Promise<ParsedMetrics> {
  assert.ok(program.kind === "built");
  const child = new Deno.Command(program.path, {
    args: [contentType],
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Both parsers read the same in a text; returns how many samples. */
async function assertAccepted(text: string, contentType: string): Promise<number> {
  const isOpenMetrics = contentType.startsWith("application/openmetrics-text");
  const theirs = await scrape(text, contentType);
  const wanted = await parseWithPrometheus(text, isOpenMetrics ? "openmetrics" : "prometheus");
  assert.deepEqual(theirs, wanted);
  return theirs.samples;
}

Deno.test({
  name: `Prometheus's scraper and promtool's parser accept what a real Envoy reported${skipped}`,
  ignore: program.kind !== "built",
  async fn() {
    await using metrics = await startDenvoyMetrics();
    await using backend = startBackend("shop");
    const id = 'edge "1"\\\n€';
    const { port, bootstrap } = fleetEnvoy({ metrics: metrics.grpcAddress, backend, id });
    await using envoy = await startEnvoy({ bootstrap });
    await envoy.admin.ready();
    await askEnvoy(port, "/items/1", 5);
    const get = async (query: string, accept: string) => {
      const response = await fetch(`${metrics.httpUrl}/fleet/metrics${query}`, {
        headers: { accept },
      });
      return { text: await response.text(), type: response.headers.get("content-type") ?? "" };
    };
    await eventually(async () => /upstream_rq_total.* 5\n/.test((await get("", "*/*")).text), {
      what: "the requests to be counted",
      detail: () => metrics.child.lastWords(),
    });
    for (const accept of ["text/plain;version=0.0.4", "application/openmetrics-text"]) {
      for (const query of ["", "?by=cluster", "?by=fleet"]) {
        const { text, type } = await get(query, accept);
        assert.ok(type.startsWith(accept.split(";")[0] ?? ""), type);
        assert.ok(await assertAccepted(text, type) > 100);
      }
    }
  },
});

Deno.test({
  name:
    `Prometheus's scraper and promtool's parser accept numbers and texts of all sorts${skipped}`,
  ignore: program.kind !== "built",
  async fn() {
    const fleet = new TestFleet();
    const label = [{ name: "a.b-c", value: 'x"\\\n\u2028é' }, { name: "0", value: "" }];
    const gauges = [1e21, 1e-9, 0.1, -0, 2 ** 53, Number.MIN_VALUE, Number.MAX_VALUE];
    const buckets = [[0.5, 1], [1, 2], [1e21, 3]] as const;
    fleet.flush("a", {
      counters: { "c": 1e20, "d_total": 2, "9.lives": 9 },
      summaries: { "s": { count: 3, sum: 0.3, buckets: [[0.5, NaN], [1, 1e9]] } },
      histograms: { "h": { count: 4, sum: 1e22, buckets } },
      families: gauges.map((value, at) => ({
        ...{ name: `g${at}`, type: 1 },
        metric: [{ label, gauge: { value } }],
      })),
    });
    for (const format of ["prometheus", "openmetrics"] as const) {
      for (const sums of [false, true]) {
        await assertAccepted(fleet.text({ format, sums }), types[format]);
      }
    }
  },
});
