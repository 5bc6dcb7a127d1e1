// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { MAX_BUCKET_CHARACTERS, MAX_BUCKET_ENTRIES, quotaBucketOf } from "./quota_bucket.ts";
import { matchBucket } from "./quota_matcher.ts";
import { limitsOf } from "./testing.ts";

const set = limitsOf(`
domain: d
descriptors:
  - key: plan
    value: gold
    rate_limit: 100 per minute
    descriptors:
      - { key: user, rate_limit: 10 per second }
  - key: plan
    descriptors:
      - { key: user, rate_limit: 1 per second }
      - { key: path, value: "/a*", rate_limit: 2 per second }
  - { key: user, descriptors: [{ key: path, rate_limit: 3 per second }] }
  - { key: path, value: "/shared*", share_threshold: true, rate_limit: 5 per second }
  - { key: free, rate_limit: { unlimited: true } }
  - { key: inflight, rate_limit: { unit: second, requests_per_unit: 5, algorithm: concurrency } }
  - { key: bare }
`);

const rows: readonly (readonly [id: Record<string, string>, matched: string])[] = [
  [{ plan: "gold" }, "limited d.plan_gold d_plan_gold_"],
  [{ plan: "iron" }, "none no rule"],
  [{ plan: "gold", user: "u" }, "limited d.plan_gold.user d_plan_gold_user_u_"],
  [{ user: "u", plan: "gold" }, "limited d.plan_gold.user d_plan_gold_user_u_"],
  [{ user: "u", plan: "iron" }, "limited d.plan.user d_plan_iron_user_u_"],
  [{ path: "/abc", plan: "iron" }, "limited d.plan.path_/a* d_plan_iron_path_/abc_"],
  [{ path: "/abc", user: "u" }, "limited d.user.path d_user_u_path_/abc_"],
  [{ path: "/abc", plan: "gold", user: "u" }, "none no rule"],
  [{ path: "/shared/1" }, "limited d.path_/shared* d_path_/shared*_"],
  [{ path: "/shared/2" }, "limited d.path_/shared* d_path_/shared*_"],
  [{ free: "x" }, "unlimited d.free"],
  [{ inflight: "x" }, "none concurrency"],
  [{ bare: "x" }, "none no rule"],
  [{ other: "x" }, "none no rule"],
];

for (const [id, matched] of rows) {
  Deno.test(`matchBucket(): ${JSON.stringify(id)} is ${matched}`, () => {
    const bucket = quotaBucketOf(id);
    assert.ok(bucket !== undefined);
    const match = matchBucket(set, { domain: "d", bucket });
    const parts = match.kind === "none"
      ? [match.why]
      : [match.metricKey, ...(match.kind === "limited" ? [match.poolKey] : [])];
    assert.equal([match.kind, ...parts].join(" "), matched);
  });
}

Deno.test("matchBucket() knows no other domain", () => {
  const bucket = quotaBucketOf({ plan: "gold" });
  assert.ok(bucket !== undefined);
  const match = matchBucket(set, { domain: "e", bucket });
  assert.deepEqual(match, { kind: "none", why: "domain not found" });
});

Deno.test("matchBucket() gives up on rules that could be gone through in too many orders", () => {
  const keys = Array.from({ length: 9 }, (_, index) => `k${index}`);
  const nest = (depth: number): string =>
    depth === 0
      ? ""
      : `[{key: "k*", descriptors: ${nest(depth - 1) || "[{key: z, rate_limit: 1 per second}]"}}]`;
  const rules = limitsOf(`domain: d\ndescriptors: ${nest(9)}`);
  const bucket = quotaBucketOf(Object.fromEntries(keys.map((key) => [key, "v"])));
  assert.ok(bucket !== undefined);
  assert.equal(matchBucket(rules, { domain: "d", bucket }).kind, "none");
});

Deno.test("quotaBucketOf() has one key for one bucket, and refuses what the API forbids", () => {
  const key = (id: Record<string, string>) => quotaBucketOf(id)?.key;
  assert.equal(key({ a: "1", b: "2" }), key({ b: "2", a: "1" }));
  assert.notEqual(key({ a: "1", b: "2" }), key({ a: "1b2" }));
  assert.equal(key({}), undefined);
  assert.equal(key({ a: "" }), undefined);
  assert.equal(key({ "": "a" }), undefined);
  assert.equal(key({ a: "x".repeat(MAX_BUCKET_CHARACTERS) }), undefined);
  const many = Array.from({ length: MAX_BUCKET_ENTRIES + 1 }, (_, index) => [`k${index}`, "v"]);
  assert.equal(key(Object.fromEntries(many)), undefined);
});
