// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { assign, type Assignment, type AssignmentPolicy, targetKey } from "./assignment.ts";
import { extensionNeed } from "./health_check.ts";
import type { Prober } from "./prober.ts";
import { cluster, endpoint, prober } from "./testing.ts";

const spread: AssignmentPolicy = { mode: "spread", probers: 3, maxPerProber: 10_000 };

function near(zone: string): Pick<Prober, "locality"> {
  return { locality: { region: "eu", zone, subZone: "" } };
}

function names(count: number, word: string): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${word}-${index}`);
}

const thousand = [cluster("web", names(1000, "x").map((_, index) => `10.0.0.1:${index + 1}`))];

function loads({ byProber }: Assignment): readonly number[] {
  return [...byProber.values()].map((clusters) =>
    [...clusters.values()].reduce((sum, { size }) => sum + size, 0)
  );
}

/** Pairs of endpoint and Envoy that are in `after` and were not in `before`. */
function moved(before: Assignment, after: Assignment): number {
  let pairs = 0;
  for (const [key, now] of after.byTarget) {
    const old = before.byTarget.get(key) ?? [];
    pairs += now.filter((name) => !old.includes(name)).length;
  }
  return pairs;
}

Deno.test("assign() spreads endpoints over Envoys with loads within 10 % of each other", () => {
  for (const count of [1, 2, 3, 7, 64, 100]) {
    const probers = names(count, "envoy").map((name) => prober(name));
    const assignment = assign({ clusters: thousand, probers, policy: spread });
    const all = loads(assignment);
    assert.ok(Math.max(...all) <= 1.1 * Math.min(...all), `${count}: ${all}`);
    for (const holders of assignment.byTarget.values()) {
      assert.equal(new Set(holders).size, Math.min(3, count));
    }
  }
});

Deno.test("assign() moves only what an Envoy checked when it leaves, and its share when it comes", () => {
  const probers = names(100, "envoy").map((name) => prober(name));
  const before = assign({ clusters: thousand, probers, policy: spread });
  for (const gone of [0, 17, 99]) {
    const rest = probers.filter((_, index) => index !== gone);
    const after = assign({ clusters: thousand, probers: rest, policy: spread, previous: before });
    assert.ok(moved(before, after) <= 1000 * 3 / 100 + 1, `${moved(before, after)} moved`);
    const back = assign({ clusters: thousand, probers, policy: spread, previous: after });
    assert.ok(moved(after, back) <= 1.1 * 1000 * 3 / 100, `${moved(after, back)} moved back`);
  }
});

Deno.test("assign() is the same whatever the order of Envoys, so that replicas agree", () => {
  const probers = names(10, "envoy").map((name) => prober(name));
  const one = assign({ clusters: thousand, probers, policy: spread });
  const two = assign({ clusters: thousand, probers: probers.toReversed(), policy: spread });
  const sorted = ({ byTarget }: Assignment) =>
    [...byTarget].map(([key, holders]) => [key, holders.toSorted()]);
  assert.deepEqual(sorted(one), sorted(two));
});

Deno.test("assign() keeps to limits, capabilities and resolved names", () => {
  const redis = extensionNeed("envoy.extensions.health_checkers.redis.v3.Redis");
  const clusters = [
    cluster("plain", ["10.0.0.1:1", "10.0.0.2:1"]),
    cluster("cache", ["10.0.1.1:1"], { needs: new Set([redis]) }),
    cluster("named", [endpoint("web:80", { ip: undefined })]),
  ];
  const able = prober("able", { can: new Set(["HTTP", "TCP", redis]), listsExtensions: true });
  const assignment = assign({ clusters, probers: [able, prober("other")], policy: spread });
  assert.deepEqual(assignment.byTarget.get(targetKey("cache", "10.0.1.1:1")), ["able"]);
  assert.equal(assignment.byTarget.get(targetKey("plain", "10.0.0.1:1"))?.length, 2);
  assert.equal(assignment.byTarget.has(targetKey("named", "web:80")), false);

  const policy: AssignmentPolicy = { ...spread, maxPerProber: 1 };
  const limited = assign({ clusters, probers: [able, prober("other")], policy });
  assert.ok(loads(limited).every((load) => load <= 1));
  assert.equal(limited.short, 3);
});

Deno.test("assign() gives endpoints to Envoys of the same place, or of the nearest where anybody is", () => {
  const policy: AssignmentPolicy = { ...spread, mode: "locality" };
  const clusters = [cluster("web", [
    endpoint("10.0.0.1:1", near("a")),
    endpoint("10.0.0.2:1", near("c")),
    endpoint("10.0.0.3:1", { locality: { region: "us", zone: "x", subZone: "" } }),
  ])];
  const probers = [prober("a", near("a")), prober("b", near("b"))];
  const { byTarget } = assign({ clusters, probers, policy });
  const of = (address: string) => byTarget.get(targetKey("web", address))?.toSorted();
  assert.deepEqual(of("10.0.0.1:1"), ["a"]);
  assert.deepEqual(of("10.0.0.2:1"), ["a", "b"]);
  assert.deepEqual(of("10.0.0.3:1"), ["a", "b"]);
});

Deno.test("assign() gives each Envoy its own endpoints, by node or by address", () => {
  const policy: AssignmentPolicy = { ...spread, mode: "self" };
  const clusters = [cluster("web", [
    endpoint("10.0.0.1:1", { node: "one" }),
    endpoint("10.0.0.2:1"),
    endpoint("10.0.0.9:1"),
  ])];
  const probers = [
    prober("one"),
    prober("one#2", { nodeId: "one" }),
    prober("two", { addresses: new Set(["10.0.0.2"]) }),
  ];
  const { byTarget, short } = assign({ clusters, probers, policy });
  assert.deepEqual(byTarget.get(targetKey("web", "10.0.0.1:1"))?.toSorted(), ["one", "one#2"]);
  assert.deepEqual(byTarget.get(targetKey("web", "10.0.0.2:1")), ["two"]);
  assert.deepEqual(byTarget.get(targetKey("web", "10.0.0.9:1")), []);
  assert.equal(short, 1);
});
