// SPDX-License-Identifier: Apache-2.0
/**
 * An hour of a thousand endpoints and a hundred Envoys, with faults at random from a fixed seed.
 * @module
 */
import assert from "node:assert/strict";
import { assign, type Assignment, type AssignmentPolicy, noAssignment } from "./assignment.ts";
import type { EndpointRecord } from "./endpoint_record.ts";
import { isFailing } from "./health.ts";
import { HealthTable } from "./health_table.ts";
import type { ReportedHealth } from "./prober_report.ts";
import { cluster, prober } from "./testing.ts";

const ENDPOINTS = 1000;
const ENVOYS = 100;
const COPIES = 3;
const INTERVAL_MS = 5000;
const HOUR_MS = 3_600_000;
/** Opinions settle within the warm-up and the interval in which the truth changed. */
const SETTLING_MS = 3 * INTERVAL_MS;
const policy: AssignmentPolicy = { mode: "spread", probers: COPIES, maxPerProber: 1000 };

interface SimulatedEndpoint {
  readonly address: string;
  healthy: boolean;
  sinceMs: number;
}

/** `lying` says the contrary of what is, `cut-off` fails everything, `silent` says nothing. */
type Mood = "sane" | "lying" | "cut-off" | "silent" | "gone";

interface SimulatedEnvoy {
  readonly name: string;
  mood: Mood;
  sinceMs: number;
}

/** Numbers from 0 to 1 that are the same in each run (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Simulation {
  readonly table = new HealthTable({
    agreement: "majority",
    rise: 1,
    fall: 1,
    reportIntervalMs: INTERVAL_MS,
    doubtFrom: 3,
    keepShare: 0.2,
    flapLimit: 4,
    flapWindowMs: 300_000,
    flapHoldMs: 30_000,
  });
  readonly endpoints: readonly SimulatedEndpoint[];
  readonly envoys: readonly SimulatedEnvoy[];
  readonly random = randomFrom(7);
  assignment: Assignment = noAssignment;
  nowMs = 0;
  evictions = 0;
  readonly #byAddress: ReadonlyMap<string, SimulatedEndpoint>;
  readonly #cluster;

  constructor() {
    this.endpoints = Array.from({ length: ENDPOINTS }, (_, index) => ({
      address: `10.0.${index >> 8}.${index & 255}:80`,
      healthy: true,
      sinceMs: -HOUR_MS,
    }));
    this.envoys = Array.from({ length: ENVOYS }, (_, index) => ({
      name: `envoy-${index}`,
      mood: "sane",
      sinceMs: -HOUR_MS,
    }));
    this.#byAddress = new Map(this.endpoints.map((endpoint) => [endpoint.address, endpoint]));
    this.#cluster = cluster("web", this.endpoints.map(({ address }) => address));
    this.table.setClusters(new Map([["web", this.#cluster]]), 0);
    this.assign();
  }

  assign(): void {
    const present = this.envoys.filter(({ mood }) => mood !== "gone").map(({ name }) =>
      prober(name)
    );
    const previous = this.assignment;
    this.assignment = assign({ clusters: [this.#cluster], probers: present, policy, previous });
    this.table.setAssignment(this.assignment, this.nowMs);
    assertBalanced(this.assignment);
  }

  /** An interval: things go wrong and right, Envoys report. */
  step(): void {
    this.nowMs += INTERVAL_MS;
    for (const endpoint of this.endpoints) {
      if (this.random() >= (endpoint.healthy ? 0.0005 : 0.02)) continue;
      endpoint.healthy = !endpoint.healthy;
      endpoint.sinceMs = this.nowMs;
    }
    let membership = 0;
    for (const envoy of this.envoys) membership += Number(this.#changeMood(envoy));
    if (membership > 0) this.assign();
    for (const envoy of this.envoys) this.#report(envoy);
    this.table.tick(this.nowMs);
  }

  /** Evictions of endpoints that were healthy while most of their probers were sane. */
  wrongs(): readonly string[] {
    const wrongs: string[] = [];
    for (const { address, after, reason } of this.table.takeChanges()) {
      const record = this.table.get("web", address);
      if (!isFailing(after) || reason !== "found" || record === undefined) continue;
      this.evictions++;
      if (this.#isWrong(record)) wrongs.push(`${address} at ${this.nowMs}: ${record.by}`);
    }
    return wrongs;
  }

  /** Endpoints that have failed for long, and are still in load balancing. */
  missed(): readonly string[] {
    return this.endpoints.filter(({ healthy, sinceMs, address }) => {
      const record = this.table.get("web", address);
      const isOld = this.nowMs - sinceMs > 2 * SETTLING_MS;
      return !healthy && isOld && record !== undefined && !isFailing(record.health) &&
        this.#mostAreSane(record, 2 * SETTLING_MS);
    }).map(({ address }) => address);
  }

  #isWrong(record: EndpointRecord): boolean {
    const truth = this.#byAddress.get(record.address);
    if (truth === undefined || !truth.healthy) return false;
    return this.nowMs - truth.sinceMs > SETTLING_MS && this.#mostAreSane(record, SETTLING_MS);
  }

  #mostAreSane({ probers }: EndpointRecord, forMs: number): boolean {
    const sane = this.envoys.filter(({ name, mood, sinceMs }) =>
      mood === "sane" && this.nowMs - sinceMs > forMs && probers.includes(name)
    );
    return sane.length * 2 > probers.length;
  }

  /** Tells whether it came or went. */
  #changeMood(envoy: SimulatedEnvoy): boolean {
    const { mood } = envoy;
    if (this.random() >= (mood === "sane" ? 0.003 : 0.05)) return false;
    const moods: readonly Mood[] = ["lying", "cut-off", "silent", "gone"];
    envoy.mood = mood === "sane"
      ? moods[Math.floor(this.random() * moods.length)] ?? "gone"
      : "sane";
    envoy.sinceMs = this.nowMs;
    if (mood === "gone") this.table.beginStream(envoy.name, this.nowMs);
    return mood === "gone" || envoy.mood === "gone";
  }

  #report({ name, mood }: SimulatedEnvoy): void {
    if (mood === "silent" || mood === "gone") return;
    const reported: ReportedHealth[] = [];
    for (const address of this.assignment.byProber.get(name)?.get("web") ?? []) {
      const truth = this.#byAddress.get(address)?.healthy === true;
      const passes = mood === "sane" ? truth : mood === "lying" ? !truth : false;
      const health = passes ? "HEALTHY" : "UNHEALTHY";
      reported.push({ cluster: "web", probed: address, health });
    }
    this.table.report(name, reported, this.nowMs);
  }
}

function assertBalanced({ byProber }: Assignment): void {
  const loads = [...byProber.values()].map((clusters) => clusters.get("web")?.size ?? 0);
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  for (const load of loads) {
    assert.ok(
      Math.abs(load - mean) <= Math.max(1, 0.1 * mean),
      `${load} where the mean is ${mean}`,
    );
  }
}

Deno.test("in an hour of faults nobody is evicted whom most sane probers find healthy", () => {
  const simulation = new Simulation();
  const wrongs: string[] = [];
  const missed: string[] = [];
  while (simulation.nowMs < HOUR_MS) {
    simulation.step();
    wrongs.push(...simulation.wrongs());
    missed.push(...simulation.missed());
  }
  assert.deepEqual(wrongs, []);
  assert.deepEqual(missed, []);
  assert.ok(simulation.evictions > 100, `only ${simulation.evictions} evictions were tried`);
});

Deno.test("when one of a hundred Envoys leaves, at most its share of the checks moves", () => {
  const simulation = new Simulation();
  for (const envoy of simulation.envoys.slice(0, 10)) {
    const before = simulation.assignment;
    envoy.mood = "gone";
    simulation.assign();
    let changed = 0;
    for (const [key, names] of simulation.assignment.byTarget) {
      const old = before.byTarget.get(key) ?? [];
      if (names.some((name) => !old.includes(name))) changed++;
    }
    const present = simulation.envoys.filter(({ mood }) => mood !== "gone").length + 1;
    assert.ok(changed <= Math.ceil(ENDPOINTS * COPIES / present), `${changed} moved`);
  }
});
