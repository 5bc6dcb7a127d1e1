// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { HdrLatencyHistogram } from "../adapters/hdr_latency_histogram.ts";
import { type SignalEntry, SignalTable } from "./golden_signals.ts";

function tableOf(maxKeys = 100): SignalTable {
  return new SignalTable({ maxKeys, createHistogram: () => new HdrLatencyHistogram() });
}

function entry(more: Partial<SignalEntry> = {}): SignalEntry {
  return { source: "edge", destination: "shop", route: "r", ok: true, latencyUs: 1_000, ...more };
}

const start = Date.UTC(2026, 0, 1);

Deno.test("SignalTable counts a request for its service, its edge and its route", () => {
  const table = tableOf();
  table.record(entry(), start);
  table.record(entry({ source: "mobile", ok: false }), start);
  table.record(entry({ route: "" }), start);
  const of = (kind: "service" | "edge" | "route") =>
    table.present(kind, start).map(({ key, signals }) => {
      const { kind: _kind, ...names } = key;
      return [Object.values(names).join(">"), signals.requests, signals.failures];
    });
  assert.deepEqual(of("service"), [["shop", 3, 1]]);
  assert.deepEqual(of("edge"), [["edge>shop", 2, 0], ["mobile>shop", 1, 1]]);
  assert.deepEqual(of("route"), [["edge>r>shop", 1, 0], ["mobile>r>shop", 1, 1]]);
});

Deno.test("SignalTable tells quantiles of the last minute within 1 %", () => {
  const table = tableOf();
  for (let request = 0; request < 6_000; request++) {
    table.record(entry({ latencyUs: (request % 1_000) * 1_000 }), start + request * 9);
  }
  const [service] = table.present("service", start + 54_000);
  const { p50 = 0, p90 = 0, p99 = 0 } = service?.signals.latencyMs ?? {};
  for (const [found, wanted] of [[p50, 500], [p90, 900], [p99, 990]] as const) {
    assert.ok(Math.abs(found - wanted) <= wanted * 0.011, `${found} is not ${wanted}`);
  }
});

Deno.test("SignalTable forgets the last minute after a minute and the last hour after an hour", () => {
  const table = tableOf();
  const key = { kind: "service", service: "shop" } as const;
  table.record(entry(), start);
  assert.equal(table.present("service", start + 59_999)[0]?.signals.requests, 1);
  assert.deepEqual(table.present("service", start + 60_000)[0]?.signals, {
    requests: 0,
    failures: 0,
  });
  const steps = table.series(key, start + 60_000) ?? [];
  assert.equal(steps.length, 360);
  assert.deepEqual(
    steps.filter(({ requests }) => requests > 0).map(({ startMs, latencyMs }) => [
      startMs,
      Math.round(latencyMs?.p50 ?? 0),
    ]),
    [[start, 1]],
  );
  table.tick(start + 3_600_001);
  assert.equal(table.series(key, start + 3_600_001), undefined);
  assert.equal(table.size, 0);
});

Deno.test("SignalTable counts what it has no room for as one, and a clock that steps back as now", () => {
  const table = tableOf(3);
  table.record(entry(), start);
  table.record(entry({ source: "other" }), start - 60_000);
  for (let number = 0; number < 1_000; number++) {
    table.record(entry({ source: `s${number}`, destination: `d${number}` }), start);
  }
  assert.ok(table.size <= 6, `${table.size}`);
  const names = table.present("service", start).map((
    { key, signals },
  ) => [key.service, signals.requests]);
  assert.deepEqual(names, [["shop", 2], ["(others)", 1_000]]);
  assert.ok(table.overflowed >= 2_000);
});
