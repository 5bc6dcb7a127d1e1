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

Deno.test("StoreWatch: not ready before the store was warmed up, once; a start waits for neither", async () => {
  const clock = new FakeClock();
  const readiness = new Readiness(clock);
  const current: { health: StoreHealth } = { health: { kind: "failing", why: "not connected" } };
  const warm = Promise.withResolvers<void>();
  let warmUps = 0;
  using _watch = new StoreWatch({
    store: { health: () => current.health },
    health: readiness.component("store"),
    clock,
    onServing: () => {},
    warmUp: () => {
      warmUps++;
      return warm.promise;
    },
  });
  assert.equal(warmUps, 0, "nothing to warm up while it is away");
  current.health = { kind: "serving" };
  clock.advance(500);
  clock.advance(500);
  assert.deepEqual([warmUps, readiness.report().ready], [1, false]);
  warm.resolve();
  await warm.promise.finally(() => {});
  assert.equal(readiness.report().ready, true);
  clock.advance(5_000);
  assert.equal(warmUps, 1);
});

Deno.test("StoreWatch: not ready whenever the store fails where readiness is to follow it", () => {
  const clock = new FakeClock();
  const readiness = new Readiness(clock);
  const current: { health: StoreHealth } = { health: { kind: "serving" } };
  using _watch = new StoreWatch({
    store: { health: () => current.health },
    health: readiness.component("store"),
    clock,
    onServing: () => {},
    readyFollows: true,
  });
  assert.equal(readiness.report().ready, true);
  for (const kind of ["failing", "serving"] as const) {
    current.health = kind === "serving" ? { kind } : { kind, why: "connection closed" };
    clock.advance(500);
    assert.equal(readiness.report().ready, kind === "serving");
  }
});
