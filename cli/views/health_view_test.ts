// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import type { EndpointHealthAnswer } from "../api/health_answers.ts";
import { stylesFor } from "../output/styles.ts";
import { healthEventLine, healthView } from "./health_view.ts";

const styles = stylesFor(false);
const nowMs = Date.UTC(2026, 0, 1, 12, 0, 30);

function endpoint(port: number, more: Partial<EndpointHealthAnswer>): EndpointHealthAnswer {
  return {
    cluster: "web",
    address: `10.0.0.1:${port}`,
    health: "HEALTHY",
    found: "HEALTHY",
    reason: "found",
    since: "2026-01-01T12:00:00.000Z",
    probers: [{ name: "a", says: "pass" }, { name: "b", says: "none" }],
    ...more,
  };
}

Deno.test("healthView() shows what is out first, and why a verdict is not what was found", () => {
  const kept = endpoint(1, { found: "UNHEALTHY", reason: "kept-share", probers: [] });
  const out = endpoint(2, { health: "TIMEOUT", found: "TIMEOUT" });
  assert.deepEqual(healthView([kept, out], { styles, nowMs }), [
    "CLUSTER   ADDRESS      HEALTH    SINCE   WHY                           PROBERS",
    "web       10.0.0.1:2   TIMEOUT   30s     found                         1 of 2 pass",
    "web       10.0.0.1:1   HEALTHY   30s     kept-share, found UNHEALTHY   none",
  ]);
  assert.deepEqual(healthView([], { styles, nowMs }), ["no endpoint is checked"]);
});

Deno.test("healthEventLine() says who found what when", () => {
  const data = { cluster: "web", address: "10.0.0.1:1" };
  const change = {
    ...data,
    at: "2026-01-01T12:00:00.000Z",
    before: "HEALTHY",
    after: "TIMEOUT",
    reason: "found",
    by: ["a", "b"],
  };
  const cases: readonly (readonly [string, unknown, string | undefined])[] = [
    ["change", change, "12:00:00 web 10.0.0.1:1 HEALTHY -> TIMEOUT (found by a, b)"],
    ["added", data, "web 10.0.0.1:1 is checked from now on"],
    ["removed", data, "web 10.0.0.1:1 is checked no more"],
    ["ready", {}, undefined],
  ];
  for (const [event, data, wanted] of cases) {
    assert.equal(healthEventLine(JSON.stringify({ event, data }), styles), wanted);
  }
});
