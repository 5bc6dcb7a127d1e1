// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { stylesFor } from "../output/styles.ts";
import { edgesView, routesView, servicesView } from "./signals_view.ts";

const options = { styles: stylesFor(false), nowMs: 0 };
const busy = {
  requests: 600,
  requests_per_second: 10,
  failures: 60,
  success_rate: 0.9,
  p50_ms: 1.25,
  p90_ms: 20,
  p99_ms: 1500.4,
};
const idle = { requests: 0, requests_per_second: 0, failures: 0 };

Deno.test("servicesView() shows rate, success and latency, and what is not known as -", () => {
  assert.deepEqual(
    servicesView([{ service: "shop", ...busy }, { service: "", ...idle }], options),
    [
      "SERVICE   RPS    SUCCESS   P50     P90      P99",
      "shop      10.0   90.00%    1.3ms   20.0ms   1500ms",
      "-         0.0    -         -       -        -",
    ],
  );
  assert.deepEqual(servicesView([], options), ["no request was logged in the last minute"]);
});

Deno.test("edgesView() and routesView() say from where to where", () => {
  const edge = { source: "edge", destination: "shop", ...busy };
  assert.match(edgesView([edge], options)[1] ?? "", /^edge\s+shop\s+10\.0/);
  assert.match(routesView([{ ...edge, route: "r" }], options)[1] ?? "", /^edge\s+r\s+shop\s+10\.0/);
});

Deno.test("servicesView() paints what fails, and never rounds failures away", () => {
  const styles = stylesFor(true);
  const lines = servicesView([
    { service: "bad", ...busy },
    { service: "poor", ...busy, success_rate: 0.99 },
    { service: "good", ...busy, success_rate: 0.99999 },
  ], { styles, nowMs: 0 });
  assert.ok(lines[1]?.includes(styles.red("90.00%")));
  assert.ok(lines[2]?.includes(styles.yellow("99.00%")));
  assert.match(lines[3] ?? "", /99\.99%/);
});
