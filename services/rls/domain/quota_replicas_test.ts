// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { MemoryQuotaHall } from "./testing/memory_quota_exchange.ts";
import { SimulatedFleet } from "./testing/simulated_fleet.ts";

const LIMIT = 100;
const LEASE_MS = 12_000;

/** Replicas under one clock, which claim their parts twice a second. */
class SimulatedReplicas {
  readonly fleets: readonly SimulatedFleet[];
  readonly #hall = new MemoryQuotaHall(() => this.fleets[0]?.nowMs ?? 0);
  readonly #down = new Set<SimulatedFleet>();

  readonly #limit: number;

  constructor(count: number, perSecond = LIMIT) {
    this.#limit = perSecond;
    const perMinute = perSecond * 60;
    const limits = `domain: d\ndescriptors: [{key: k, rate_limit: ${perMinute} per minute}]`;
    const settings = { ttlSeconds: 10, isShared: true };
    this.fleets = Array.from({ length: count }, () => new SimulatedFleet({ limits, settings }));
  }

  get rate(): number {
    return this.fleets.flatMap((fleet) => fleet.rates()).reduce((sum, rate) => sum + rate, 0);
  }

  /** Ends a replica; its Envoys live on alone. */
  kill(fleet: SimulatedFleet): void {
    for (const envoy of fleet.envoys) fleet.disconnect(envoy);
    this.#down.add(fleet);
  }

  run(seconds: number): void {
    for (let tenths = 0; tenths < seconds * 10; tenths++) {
      for (const [index, fleet] of this.fleets.entries()) {
        if ((tenths + 2 * index) % 5 === 0 && !this.#down.has(fleet)) this.#claim(fleet, index);
        fleet.run(0.1);
      }
      assert.ok(this.rate <= this.#limit + 1e-6, `${this.rate} requests a second`);
    }
  }

  #claim({ book, nowMs }: SimulatedFleet, index: number): void {
    this.#hall.release(`${index}`, book.pools.takeEnded());
    for (const limit of book.pools.nextInTurn(10)) {
      const claim = { key: limit.key, ...limit.pool.claim(nowMs) };
      limit.grant(this.#hall.claim(`${index}`, { claim, ttlMs: LEASE_MS }).part, nowMs);
    }
  }
}

Deno.test("replicas: what all Envoys let pass is the limit at most, and shared by need", () => {
  const replicas = new SimulatedReplicas(3);
  const [one, two, three] = replicas.fleets;
  assert.ok(one && two && three);
  const a = one.add("a", { load: 500 });
  replicas.run(3);
  assert.equal(a.rate, LIMIT, "alone it has all");
  const [b, c] = [two.add("b", { load: 500 }), two.add("c", { load: 500 })];
  const d = three.add("d", { load: 500 });
  replicas.run(8);
  for (const { rate } of [a, b, c, d]) assert.ok(rate > 22 && rate < 28, `${rate}`);
  [b.load, c.load, d.load] = [0, 0, 0];
  replicas.run(20);
  assert.ok(a.rate > 85, `${a.rate}`);
  [b.load, c.load, d.load] = [500, 500, 500];
  replicas.run(8);
  for (const { rate } of [a, b, c, d]) assert.ok(rate > 21 && rate < 29, `${rate}`);
  replicas.kill(two);
  replicas.run(30);
  assert.ok(a.rate > 45 && d.rate > 45, `${a.rate} ${d.rate}`);
});

Deno.test("replicas: a slow limit is used up, too", () => {
  const replicas = new SimulatedReplicas(2, 12 / 60);
  const [one, two] = replicas.fleets;
  assert.ok(one && two);
  const envoys = [one.add("a"), one.add("b"), two.add("c"), two.add("d")];
  for (const envoy of envoys) envoy.load = 0.3;
  replicas.run(120);
  const before = envoys.reduce((sum, { passed }) => sum + passed, 0);
  for (let round = 0; round < 60; round++) {
    for (const [index, envoy] of envoys.entries()) {
      envoy.load = (round * 7 + index * 3) % 4 === 0 ? 0.6 : 0.15;
    }
    replicas.run(10);
  }
  const passed = envoys.reduce((sum, envoy) => sum + envoy.passed, -before);
  assert.ok(passed >= 0.8 * 120 && passed <= 130, `${passed} of 120 in 10 minutes`);
});

Deno.test("replicas: a changed limit is changed on all, at different moments", () => {
  const replicas = new SimulatedReplicas(2);
  const [one, two] = replicas.fleets;
  assert.ok(one && two);
  const [a, b] = [one.add("a", { load: 500 }), two.add("b", { load: 500 })];
  replicas.run(6);
  const lower = "domain: d\ndescriptors: [{key: k, rate_limit: 40 per second}]";
  one.rules(lower);
  replicas.run(2);
  two.rules(lower);
  replicas.run(5);
  assert.ok(a.rate > 18 && b.rate > 18 && a.rate + b.rate <= 40, `${a.rate} ${b.rate}`);
});
