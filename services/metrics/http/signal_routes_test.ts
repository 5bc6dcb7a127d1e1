// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { type ApiRequest, parseQuery } from "@denvoy/runtime";
import { SignalTable } from "../domain/golden_signals.ts";
import type { LatencyHistogram, LatencyQuantiles } from "../domain/latency_histogram.ts";
import { signalRoutes } from "./signal_routes.ts";
import { trafficMetrics } from "./traffic_metrics.ts";

const nowMs = Date.UTC(2026, 0, 1, 10);

/** Exact, as all requests take the same time. */
class OneLatency implements LatencyHistogram {
  #us: number | undefined;

  record(us: number): void {
    this.#us = us;
  }

  add(other: LatencyHistogram): void {
    if (other instanceof OneLatency) this.#us ??= other.#us;
  }

  quantiles(): LatencyQuantiles | undefined {
    const ms = (this.#us ?? 0) / 1000;
    return this.#us === undefined ? undefined : { p50: ms, p90: ms, p99: ms };
  }

  reset(): void {
    this.#us = undefined;
  }
}

/** A request in each of the last four steps, the present one included. */
function tableOf(latencyUs: number): SignalTable {
  const table = new SignalTable({ maxKeys: 10, createHistogram: () => new OneLatency() });
  const entry = { source: "edge", destination: "shop", route: "", ok: true, latencyUs };
  for (const back of [3, 2, 1, 0]) table.record(entry, nowMs - back * 10_000);
  return table;
}

async function starts(given: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const routes = signalRoutes({ table: tableOf(1_000), nowMs: () => nowMs });
  const route = routes.find(({ path }) => path === "/v1/series");
  const text = new URLSearchParams({ service: "shop", ...given }).toString();
  const query = parseQuery(text, route?.query ?? {});
  const request = { query } as unknown as ApiRequest<never, never>;
  const response = await route?.handle(request);
  if (response?.kind !== "bytes") throw new Error(`it is ${response?.kind}`);
  const { steps } = JSON.parse(new TextDecoder().decode(response.bytes)) as {
    readonly steps: readonly { readonly start: string }[];
  };
  return steps.map(({ start }) => start.slice(11, 19));
}

const chosen: Readonly<Record<string, readonly [Readonly<Record<string, string>>, unknown]>> = {
  "the last steps": [{ steps: "2" }, ["09:59:50", "10:00:00"]],
  "those since a time, itself included": [
    { since: "2026-01-01T09:59:40Z" },
    ["09:59:40", "09:59:50", "10:00:00"],
  ],
  "those since a time of another zone": [{ since: "2026-01-01T11:00:00.000+01:00" }, ["10:00:00"]],
  "what both allow": [{ since: "2026-01-01T09:59:40Z", steps: "1" }, ["10:00:00"]],
  "nothing of what is to come": [{ since: "2027-01-01T00:00:00Z" }, []],
};

for (const [name, [query, wanted]] of Object.entries(chosen)) {
  Deno.test(`/v1/series gives ${name}`, async () => assert.deepEqual(await starts(query), wanted));
}

Deno.test("/v1/series gives an hour, and refuses what makes no sense", async () => {
  assert.equal((await starts({})).length, 360);
  for (const query of [{ steps: "0" }, { steps: "-1" }, { steps: "361" }]) {
    await assert.rejects(() => starts(query), /"steps" must be a whole number from 1 to 360/);
  }
  for (const since of ["", "yesterday", "5", "2026-01-01", "2026-13-01T00:00:00Z"]) {
    await assert.rejects(() => starts({ since }), /"since" must be a time/);
  }
});

const quantities: readonly (readonly [us: number, quantity: string])[] = [
  [635, "635m"],
  [1_000, "1"],
  [1_500, "1500m"],
  [12_000, "12"],
];

for (const [us, wanted] of quantities) {
  Deno.test(`SMI says ${wanted} ms for ${us} µs`, () => {
    const { items } = trafficMetrics(tableOf(us), { nowMs, windowSeconds: 60 });
    const [{ metrics }] = items as [{ readonly metrics: readonly Record<string, unknown>[] }];
    const p50 = metrics.find(({ name }) => name === "p50_response_latency");
    assert.deepEqual(p50, { name: "p50_response_latency", unit: "ms", value: wanted });
  });
}
