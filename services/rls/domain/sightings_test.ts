// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { decide } from "./decision.ts";
import { planRequest } from "./rate_limit_plan.ts";
import { Sightings } from "./sightings.ts";
import { charged, entriesOf, limitsOf } from "./testing.ts";

const set = limitsOf(`
domain: d
descriptors:
  - key: a
    rate_limit: 10 per minute
    descriptors: [{ key: b, rate_limit: 5 per minute }]
  - key: white
  - { key: shared, value: v*, share_threshold: true, rate_limit: 9 per minute }
`);
const settings = {
  ...{ shadowMode: false, quotaMode: false, nearRatio: 0.8, uncountedWhenOver: false },
};

function note(sightings: Sightings, text: string, { after = 1, nowMs = 0, domain = "d" } = {}) {
  const request = { domain, descriptors: [{ entries: entriesOf(text) }], hits: 0 };
  const plan = planRequest(set, { request, keyPrefix: "" });
  const answers = plan.charges.map(({ limit }) => charged(after, limit));
  sightings.note(plan, decide(plan, { answers, settings }), nowMs);
}

function ruleAt(path: string) {
  const rule = [...set.rules()].find((one) => one.path === path);
  assert.ok(rule?.limit?.kind === "counted");
  return [rule, rule.limit] as const;
}

Deno.test("Sightings tells the hot keys of each limit and how they stand", () => {
  const sightings = new Sightings({ hotKeys: 2 });
  note(sightings, "a=x", { after: 4 });
  note(sightings, "a=y", { after: 1 });
  note(sightings, "a=y", { after: 2 });
  note(sightings, "a=x b=z", { after: 5 });
  const of = (path: string, nowMs = 0) =>
    sightings.hotKeys(...ruleAt(path), nowMs)
      .map(({ entries, remaining, recentHits }) => [entries.at(-1)?.value, recentHits, remaining]);
  assert.deepEqual(of("d.a"), [["y", 2, 8], ["x", 1, 6]]);
  assert.deepEqual(of("d.a.b"), [["z", 1, 0]]);
  assert.deepEqual(of("d.a", 60_000), [["y", 1, 10], ["x", 0.5, 10]], "the window has ended");
});

Deno.test("Sightings forgets limits that are gone, and remembers nothing when it is to", () => {
  const sightings = new Sightings({ hotKeys: 2 });
  note(sightings, "a=x");
  sightings.retain(limitsOf("{domain: d, descriptors: [{key: c, rate_limit: 1 per day}]}"));
  assert.deepEqual(sightings.hotKeys(...ruleAt("d.a"), 0), []);
  const none = new Sightings({ hotKeys: 0 });
  note(none, "a=x");
  assert.deepEqual(none.hotKeys(...ruleAt("d.a"), 0), []);
});

Deno.test("Sightings lists what has no limit by shape, and bounds what it takes of clients", () => {
  const sightings = new Sightings({ hotKeys: 2 });
  note(sightings, "nobody=1");
  note(sightings, `nobody=${"v".repeat(10_000)}`, { nowMs: 5 });
  note(sightings, "white=1");
  note(sightings, "a=1", { domain: "x".repeat(10_000) });
  note(sightings, "a=x b=y c=z");
  const shapes = sightings.unmatched(0);
  assert.deepEqual(shapes.map(({ keys, why, count }) => [keys.join(" "), why, count]), [
    ["nobody", "no rule", 2],
    ["white", "rule without limit", 1],
    ["a", "domain not found", 1],
    ["a b c", "no deeper rules", 1],
  ]);
  assert.equal(shapes[0]?.lastMs, 5);
  assert.ok(JSON.stringify(shapes).length < 2_000);
});

Deno.test("Sightings looks at some of many requests, which stand for the others", () => {
  const sightings = new Sightings({ hotKeys: 10 });
  // Eight keys in turn: one in eight, picked evenly, would only ever see one of them.
  for (let n = 0; n < 41_000; n++) note(sightings, `a=${n % 8}`, { nowMs: 100 });
  const found = sightings.hotKeys(...ruleAt("d.a"), 100);
  assert.equal(found.length, 8);
  for (const { recentHits } of found) {
    assert.ok(recentHits > 4_000 && recentHits < 6_500, `${recentHits} of about 5,125`);
  }
});

Deno.test("Sightings tells values that share a threshold as the one counter that they are", () => {
  const sightings = new Sightings({ hotKeys: 5 });
  note(sightings, "shared=v1", { after: 1 });
  note(sightings, "shared=v2", { after: 2 });
  const found = sightings.hotKeys(...ruleAt("d.shared_v*"), 0);
  assert.deepEqual(found.map(({ recentHits, remaining }) => [recentHits, remaining]), [[2, 7]]);
});
