// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { FakeClock } from "@denvoy/base/testing";
import { Readiness } from "@denvoy/runtime";
import type { StoreHealth } from "./domain/counter_store.ts";
import { StoreWatch } from "./store_watch.ts";

Deno.test("StoreWatch: not ready before the store has counted, degraded when it fails later", () => {
  const clock = new FakeClock();
  const readiness = new Readiness(clock);
  const serving: boolean[] = [];
  const failing: StoreHealth = { kind: "failing", why: "not connected" };
  const current: { health: StoreHealth } = { health: failing };
  using _watch = new StoreWatch({
    store: { health: () => current.health },
    health: readiness.component("store"),
    clock,
    onServing: (now) => serving.push(now),
  });
  const rows: readonly (readonly [StoreHealth, status: string, ready: boolean])[] = [
    [failing, "failed", false],
    [{ kind: "serving" }, "ok", true],
    [failing, "degraded", true],
    [{ kind: "serving" }, "ok", true],
  ];
  for (const [health, status, ready] of rows) {
    current.health = health;
    clock.advance(500);
    const report = readiness.report();
    assert.deepEqual([report.status, report.ready], [status, ready]);
  }
  assert.deepEqual(serving, [false, false, true, false, true]);
});
