// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { StatusError } from "@denvoy/base";
import type { QuotaAssignment } from "./quota_assignment.ts";
import { SimulatedFleet } from "./testing/simulated_fleet.ts";

function limits(rule: string): string {
  return `domain: d\ndescriptors: [{ key: k, ${rule} }]`;
}

const hundred = limits("rate_limit: 100 per second");

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function assertNear(actual: number | undefined, expected: number, tolerance = 0.05): void {
  const text = `${actual} is not about ${expected}`;
  assert.ok(actual !== undefined && Math.abs(actual - expected) <= expected * tolerance, text);
}

function lastAssignment(fleet: SimulatedFleet): QuotaAssignment | undefined {
  const action = fleet.envoys[0]?.actions.at(-1);
  return action?.kind === "assign" ? action.assignment : undefined;
}

type AssignmentRow = readonly [rule: string, assignment: QuotaAssignment];

const assignments: Readonly<Record<string, AssignmentRow>> = {
  "a limit of many": ["rate_limit: 5000 per minute", bucket(5000, 5000, 60)],
  "a small limit is stretched": ["rate_limit: 3 per minute", bucket(3, 1002, 20_040)],
  "several units": ["rate_limit: 2000 per 15 minutes", bucket(2000, 2000, 900)],
  "an own burst": [
    "rate_limit: {unit: second, requests_per_unit: 1000, algorithm: token_bucket, burst: 20}",
    bucket(20, 1000, 1),
  ],
  "several limits: the slowest, with the smallest burst": [
    "rate_limit: [10 per second, 3000 per hour]",
    bucket(10, 3000, 3600),
  ],
  "unlimited": ["rate_limit: {unlimited: true}", { kind: "allow-all" }],
  "shadow mode": ["shadow_mode: true, rate_limit: 1 per second", { kind: "allow-all" }],
  "nothing": ["rate_limit: {unit: day, requests_per_unit: 0}", { kind: "deny-all" }],
};

function bucket(maxTokens: number, tokensPerFill: number, fillSeconds: number): QuotaAssignment {
  return { kind: "token-bucket", maxTokens, tokensPerFill, fillSeconds };
}

for (const [name, [rule, assignment]] of Object.entries(assignments)) {
  Deno.test(`quotas: ${name}`, () => {
    const fleet = new SimulatedFleet({ limits: limits(rule) });
    fleet.add("a");
    assert.deepEqual(lastAssignment(fleet), assignment);
  });
}

Deno.test("quotas: shares by unit of time, where the unit is one", () => {
  const settings = { strategy: "requests-per-time-unit" } as const;
  const fleet = new SimulatedFleet({ limits: limits("rate_limit: 7 per hour"), settings });
  fleet.add("a");
  const share = { kind: "requests-per-time-unit", requests: 7, unit: "hour" };
  assert.deepEqual(lastAssignment(fleet), share);
  const other = new SimulatedFleet({ limits: limits("rate_limit: 1000 per 2 hours"), settings });
  other.add("a");
  assert.deepEqual(lastAssignment(other), bucket(1000, 1000, 7200));
});

Deno.test("quotas: one limit is shared fairly, and within a few reports", () => {
  const fleet = new SimulatedFleet({ limits: hundred });
  const a = fleet.add("a", { load: 500 });
  assert.deepEqual(fleet.rates(), [100], "alone it has all at once");
  fleet.run(3);
  const b = fleet.add("b", { load: 500 });
  fleet.run(2);
  assertNear(a.rate, 50);
  assertNear(b.rate, 50);
  const c = fleet.add("c", { load: 10 });
  fleet.run(6);
  assert.ok(c.rate >= 10 && c.rate < 15, `${c.rate}`);
  assertNear(a.rate, 44.5);
  assert.equal(Math.round(sum(fleet.rates())), 100);
});

Deno.test("quotas: what the idle leave is used, and they get it back when they need it", () => {
  const fleet = new SimulatedFleet({ limits: hundred });
  const [a, b] = [fleet.add("a", { load: 500 }), fleet.add("b", { load: 500 })];
  fleet.run(3);
  b.load = 0;
  fleet.run(10);
  assert.ok(a.rate > 90, `${a.rate}`);
  assert.ok(b.rate > 1, "the idle keep a small share");
  const passed = a.passed;
  fleet.run(10);
  assertNear(a.passed - passed, 10 * a.rate, 0.02);
  b.load = 500;
  fleet.run(3);
  assertNear(b.rate, 50);
});

Deno.test("quotas: demand below the limit passes whole, however it is spread", () => {
  const fleet = new SimulatedFleet({ limits: hundred });
  const envoys = [70, 20, 5, 0].map((load, index) => fleet.add(`e${index}`, { load }));
  fleet.run(10);
  const before = envoys.map(({ passed }) => passed);
  fleet.run(20);
  const passed = envoys.map((envoy, index) => envoy.passed - (before[index] ?? 0));
  for (const [index, load] of [70, 20, 5].entries()) assertNear(passed[index], load * 20, 0.03);
});

Deno.test("quotas: assignments are renewed in time, and only changes are told in between", () => {
  const fleet = new SimulatedFleet({ limits: hundred, settings: { ttlSeconds: 10 } });
  const a = fleet.add("a", { load: 50 });
  fleet.run(60);
  assert.equal(a.rate, 100, "it never ran out");
  const { length } = a.actions;
  assert.ok(length >= 11 && length <= 14, `${length} messages`);
});

Deno.test("quotas: a share stays with an Envoy that is gone until its lease ends", () => {
  const fleet = new SimulatedFleet({ limits: hundred });
  const [a, b] = [fleet.add("a", { load: 500 }), fleet.add("b", { load: 500 })];
  fleet.run(3);
  fleet.disconnect(b);
  fleet.run(10);
  assertNear(a.rate, 50);
  fleet.run(25);
  assertNear(a.rate, 100);
});

Deno.test("quotas: an Envoy that comes back goes on with its share", () => {
  const fleet = new SimulatedFleet({ limits: hundred });
  const [a, b] = [fleet.add("a", { load: 500 }), fleet.add("b", { load: 500 })];
  fleet.run(3);
  fleet.connect(b);
  fleet.run(3);
  assertNear(a.rate, 50);
  assertNear(b.rate, 50);
});

Deno.test("quotas: who does not read holds its share until the lease ends, and harms nobody else", () => {
  const fleet = new SimulatedFleet({ limits: hundred, settings: { ttlSeconds: 10 } });
  const a = fleet.add("a", { load: 500 });
  fleet.run(3);
  a.reads = false;
  const b = fleet.add("b", { load: 500 });
  fleet.run(3);
  assert.equal(b.rate, 0, "there is nothing to be told yet");
  fleet.run(15);
  assert.ok(b.rate >= 49, `${b.rate}`);
  a.reads = true;
  fleet.run(2);
  assertNear(a.rate, 50);
});

Deno.test("quotas: new limits are told at once", () => {
  const fleet = new SimulatedFleet({ limits: hundred });
  const [a, b] = [fleet.add("a", { load: 500 }), fleet.add("b", { load: 500 })];
  fleet.run(3);
  fleet.rules(limits("rate_limit: 10 per second"));
  fleet.run(0.3);
  assertNear(a.rate, 5);
  assertNear(b.rate, 5);
  fleet.rules(limits("rate_limit: 10000 per minute"));
  fleet.run(0.3);
  assertNear(a.rate, 83.3);
  fleet.rules(limits("rate_limit: {unlimited: true}"));
  fleet.run(0.3);
  assert.deepEqual(lastAssignment(fleet), { kind: "allow-all" });
  fleet.rules(limits("rate_limit: 20 per second"));
  fleet.run(2.5);
  assertNear(b.rate, 10);
  fleet.rules("domain: d\ndescriptors: [{key: other, rate_limit: 1 per second}]");
  fleet.run(0.3);
  assert.equal(a.actions.at(-1)?.kind, "abandon");
  assert.equal(fleet.book.buckets, 0);
  assert.equal(fleet.book.limits, 0);
});

Deno.test("quotas: a bucket without requests is abandoned, and taken in again with the next one", () => {
  const settings = { idleMs: 20_000 };
  const fleet = new SimulatedFleet({ limits: hundred, settings });
  const [a, b] = [fleet.add("a", { load: 50 }), fleet.add("b")];
  fleet.run(18);
  assert.equal(fleet.book.buckets, 2);
  fleet.run(4);
  assert.equal(b.actions.at(-1)?.kind, "abandon");
  assert.equal(fleet.book.buckets, 1);
  assert.ok(a.rate >= 95, "its share is free");
  b.load = 50;
  fleet.run(3);
  assertNear(b.rate, 50, 0.1);
});

Deno.test("quotas: what a bucket without a rule is told can be chosen", () => {
  const rows = [["abandon", undefined], ["allow", "allow-all"], ["deny", "deny-all"]] as const;
  for (const [withoutRule, kind] of rows) {
    const fleet = new SimulatedFleet({ limits: hundred, settings: { withoutRule } });
    const envoy = fleet.add("a", { bucket: { other: "x" } });
    assert.equal(lastAssignment(fleet)?.kind, kind);
    assert.equal(envoy.actions.length, 1);
    assert.equal(fleet.book.buckets, kind === undefined ? 0 : 1);
    if (kind !== undefined) continue;
    assert.equal(envoy.actions[0]?.kind, "abandon");
    assert.deepEqual(fleet.refused, ["no rule"]);
  }
});

Deno.test("quotas: buckets that share a threshold share one limit", () => {
  const fleet = new SimulatedFleet({
    limits: limits('value: "v*", share_threshold: true, rate_limit: 100 per second'),
  });
  const a = fleet.add("a", { load: 500, bucket: { k: "v1" } });
  const b = fleet.add("a", { load: 500, bucket: { k: "v2" } });
  fleet.run(3);
  assertNear(a.rate, 50);
  assertNear(b.rate, 50);
  assert.equal(fleet.book.limits, 1);
});

Deno.test("quotas: more Envoys than the limit has requests still share it", () => {
  const fleet = new SimulatedFleet({ limits: limits("rate_limit: 2 per minute") });
  for (let index = 0; index < 10; index++) fleet.add(`e${index}`, { load: 5 });
  fleet.run(10);
  const before = sum(fleet.envoys.map(({ passed }) => passed));
  fleet.run(600);
  assertNear(sum(fleet.envoys.map(({ passed }) => passed)) - before, 20, 0.2);
  for (const rate of fleet.rates()) assertNear(rate * 60, 0.2, 0.1);
});

Deno.test("quotas: a slow limit is used up although its Envoys come and go in need", () => {
  const fleet = new SimulatedFleet({
    ...{ limits: limits("rate_limit: 12 per minute"), intervalMs: 5000 },
  });
  for (let index = 0; index < 4; index++) fleet.add(`e${index}`, { load: 0.3 });
  fleet.run(120);
  const before = sum(fleet.envoys.map(({ passed }) => passed));
  for (let round = 0; round < 120; round++) {
    for (const [index, envoy] of fleet.envoys.entries()) {
      envoy.load = (round * 7 + index * 3) % 4 === 0 ? 0.6 : 0.15;
    }
    fleet.run(10);
  }
  const passed = sum(fleet.envoys.map(({ passed }) => passed)) - before;
  assert.ok(passed >= 0.85 * 240 && passed <= 250, `${passed} of 240 in 20 minutes`);
});

Deno.test("quotas: the first report must name a domain, later ones cannot change it", () => {
  const { book, nowMs } = new SimulatedFleet({ limits: hundred });
  const client = { name: "a", address: "10.0.0.1:1", identity: "a" };
  const stream = book.open(client, nowMs);
  assert.throws(() => stream.report({ domain: "", usages: [] }, nowMs), StatusError);
  stream.report({ domain: "d", usages: [] }, nowMs);
  const usage = { bucketId: { k: "v" }, allowed: 1, denied: 0, elapsedSeconds: 0 };
  stream.report({ domain: "e", usages: [usage] }, nowMs);
  assert.deepEqual(stream.pull(nowMs, 10).map(({ kind }) => kind), ["assign"]);
  book.close(stream, nowMs);
  book.close(stream, nowMs);
  assert.equal(book.streams.size, 0);
});

Deno.test("quotas: a flood of buckets is bounded, for a stream and in all", () => {
  const settings = { maxBuckets: 150, maxBucketsPerStream: 100 };
  const fleet = new SimulatedFleet({ limits: hundred, settings });
  const { book, nowMs } = fleet;
  const flood = (prefix: string) =>
    Array.from({ length: 100_000 }, (_, index) => ({
      bucketId: { k: `${prefix}${index}` },
      ...{ allowed: 1, denied: 0, elapsedSeconds: 0 },
    }));
  const client = { name: "a", address: "10.0.0.1:1", identity: "a" };
  const [one, two] = [book.open(client, nowMs), book.open(client, nowMs)];
  one.report({ domain: "d", usages: flood("a") }, nowMs);
  assert.equal(book.buckets, 100);
  two.report({ domain: "d", usages: flood("b") }, nowMs);
  assert.equal(book.buckets, 150);
  assert.equal(one.pull(nowMs, 1000).length, 1000, "a response is bounded");
  let [assigned, abandoned] = [0, 1000];
  for (let actions = one.pull(nowMs, 1000); actions.length > 0; actions = one.pull(nowMs, 1000)) {
    assigned += actions.filter(({ kind }) => kind === "assign").length;
    abandoned += actions.filter(({ kind }) => kind === "abandon").length;
  }
  assert.deepEqual([assigned, abandoned], [100, 99_900]);
  book.close(one, nowMs);
  book.close(two, nowMs);
  assert.equal(book.buckets, 0);
  fleet.run(60);
  assert.equal(book.limits, 0, "leases of those who are gone have ended");
  assert.equal(book.isAtRest, true);
});
