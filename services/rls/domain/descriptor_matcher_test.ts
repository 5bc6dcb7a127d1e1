// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  counterKeyOf,
  type Match,
  matchDescriptor,
  matchDescriptors,
} from "./descriptor_matcher.ts";
import { explain } from "./explain.ts";
import type { CountedLimit } from "./limit_rule.ts";
import { entriesOf, limitsOf } from "./testing.ts";

const set = limitsOf(`
domain: d
descriptors:
  - { key: k, value: exact, rate_limit: 1 per second }
  - { key: k, value: foo*, rate_limit: 2 per second }
  - { key: k, value: foob*, rate_limit: 3 per second }
  - { key: k, rate_limit: 4 per second }
  - key: deep
    value: a
    rate_limit: 5 per second
    descriptors: [{ key: sub, value: x, rate_limit: 6 per second }]
  - key: deep
    rate_limit: 7 per second
    descriptors: [{ key: sub, rate_limit: 8 per second }]
  - { key: open }
  - { key: free, rate_limit: { unlimited: true } }
  - { key: a, value: b_c, rate_limit: 9 per second }
  - { key: any*, rate_limit: 10 per second }
  - { key: p, value: "*", share_threshold: true, rate_limit: 12 per second }
  - key: share
    value: s*
    share_threshold: true
    descriptors: [{ key: leaf, rate_limit: 11 per second }]
`);

function match(text: string): Match {
  return matchDescriptor(set, { domain: "d", descriptor: { entries: entriesOf(text) } });
}

function outcome(found: Match): string {
  if (found.kind === "none") return found.why;
  return found.kind === "unlimited" ? "unlimited" : String(found.limit.requestsPerUnit);
}

Deno.test("matchDescriptor() finds the limit as envoyproxy/ratelimit does", () => {
  const rows: readonly (readonly [entries: string, outcome: string])[] = [
    ["k=exact", "1"],
    ["k=foobar", "2"], // the first wildcard of the file, not the longest
    ["k=other", "4"],
    ["k=", "4"],
    ["deep=a", "5"], // a limit on the way down counts for the shorter descriptor
    ["deep=a sub=x", "6"],
    ["deep=a sub=y", "no rule"], // no way back to the rule without a value
    ["deep=b sub=y", "8"],
    ["deep=a sub=x more=z", "no deeper rules"],
    ["k=exact sub=x", "no deeper rules"],
    ["open=1", "rule without limit"],
    ["free=1", "unlimited"],
    ["a=b_c", "9"],
    ["a_b=c", "9"], // key and value are compared joined
    ["anything=1", "10"], // a wildcard in the key
    ["share=s1", "rule without limit"],
    ["nobody=1", "no rule"],
    ["", "no entries"],
  ];
  for (const [entries, expected] of rows) assert.equal(outcome(match(entries)), expected, entries);
  const elsewhere = matchDescriptor(set, {
    domain: "x",
    descriptor: { entries: entriesOf("k=1") },
  });
  assert.equal(outcome(elsewhere), "domain not found");
});

function counterKey(text: string): string {
  const found = match(text);
  return found.kind === "counted" ? counterKeyOf(found) : found.kind;
}

Deno.test("matchDescriptor() names counters by their values, or by a pattern that shares", () => {
  assert.equal(counterKey("k=v"), "d_k_v_");
  assert.equal(counterKey("k="), "d_k__");
  assert.equal(counterKey("k=foobar"), "d_k_foobar_");
  assert.equal(counterKey("deep=b sub=y"), "d_deep_b_sub_y_");
  assert.equal(counterKey("share=s1 leaf=2"), "d_share_s*_leaf_2_");
  assert.equal(counterKey("p_q=1"), "d_p_q_p_*_");
});

Deno.test("matchDescriptor() names metrics by rule, and by value where the rule asks for it", () => {
  const metrics = limitsOf(`
domain: d
descriptors:
  - { key: exact, value: v, value_to_metric: true, rate_limit: 1 per second }
  - { key: plain, rate_limit: 1 per second }
  - { key: shown, value_to_metric: true, rate_limit: 1 per second }
  - { key: wild, value: w*, rate_limit: 1 per second }
  - { key: shared, value: s*, value_to_metric: true, share_threshold: true, rate_limit: 1 per second }
  - key: top
    descriptors: [{ key: leaf, detailed_metric: true, rate_limit: 1 per second }]
  - key: mixed
    value: m*
    share_threshold: true
    descriptors: [{ key: leaf, detailed_metric: true, rate_limit: 1 per second }]
`);
  const rows: readonly (readonly [entries: string, metricKey: string])[] = [
    ["exact=v", "d.exact_v"],
    ["plain=x", "d.plain"],
    ["shown=x", "d.shown_x"],
    ["shown=", "d.shown"],
    ["wild=w1", "d.wild_w*"],
    ["shared=s1", "d.shared_s*"],
    ["top=1 leaf=2", "d.top_1.leaf_2"],
    ["top= leaf=", "d.top_.leaf_"],
    ["mixed=m1 leaf=", "d.mixed_m*.leaf"],
    ["mixed=m1 leaf=2", "d.mixed_m*.leaf_2"],
  ];
  for (const [text, metricKey] of rows) {
    const descriptor = { entries: entriesOf(text) };
    const found = matchDescriptor(metrics, { domain: "d", descriptor });
    assert.equal(found.kind === "counted" && found.metricKey, metricKey);
  }
});

Deno.test("matchDescriptor() takes the limit that a request brings along, if the domain is known", () => {
  const override = { ...countedLimit(match("k=v")), requestsPerUnit: 77 };
  const descriptor = { entries: entriesOf("nobody=1 at=all"), override };
  const found = matchDescriptor(set, { domain: "d", descriptor });
  assert.equal(outcome(found), "77");
  assert.deepEqual(found.kind === "counted" && [counterKeyOf(found), found.metricKey, found.rule], [
    "d_nobody_1_at_all_",
    "d.nobody_1.at_all",
    undefined,
  ]);
  assert.equal(outcome(matchDescriptor(set, { domain: "x", descriptor })), "domain not found");
});

function countedLimit(found: Match): CountedLimit {
  assert.equal(found.kind, "counted");
  return found.limit as CountedLimit;
}

Deno.test("matchDescriptors() drops limits that another one of the request replaces", () => {
  const replacing = limitsOf(`
domain: d
descriptors:
  - { key: basic, rate_limit: { unit: second, requests_per_unit: 1, name: basic } }
  - { key: gold, rate_limit: { unit: second, requests_per_unit: 2, name: gold, replaces: [{ name: basic }] } }
  - { key: vip, rate_limit: { unlimited: true, name: vip, replaces: [{ name: gold }, { name: basic }] } }
  - { key: over, rate_limit: { unit: second, requests_per_unit: 3, replaces: [{ name: vip }] } }
`);
  const rows: readonly (readonly [entries: readonly string[], outcomes: readonly string[]])[] = [
    [["basic=1"], ["1"]],
    [["basic=1", "gold=1"], ["replaced", "2"]],
    [["gold=1", "basic=1"], ["2", "replaced"]],
    [["basic=1", "gold=1", "vip=1"], ["replaced", "replaced", "unlimited"]],
    [["over=1", "vip=1"], ["3", "unlimited"]],
  ];
  for (const [texts, outcomes] of rows) {
    const descriptors = texts.map((text) => ({ entries: entriesOf(text) }));
    assert.deepEqual(
      matchDescriptors(replacing, { domain: "d", descriptors }).map(outcome),
      outcomes,
    );
  }
});

Deno.test("explain() says which rule was taken and why not the others", () => {
  const descriptor = { entries: entriesOf("k=foobar") };
  const { steps: [step], summary } = explain(set, { domain: "d", descriptor });
  assert.equal(summary, "d.k_foo*: 2 per second, fixed-window");
  const why = Object.fromEntries(step?.candidates.map(({ path, why }) => [path, why]) ?? []);
  assert.equal(why["d.k_exact"], 'its value is "exact"');
  assert.equal(why["d.k_foo*"], "it is the first wildcard that fits");
  assert.equal(why["d.k_foob*"], "a wildcard before it in the file fits, too");
  assert.equal(why["d.k"], "a rule for this value comes first");
  assert.equal(why["d.any*"], 'its pattern does not fit "k_foobar"');
  assert.equal(why["d.open"], 'its key is "open"');
});

Deno.test("explain() says why there is no limit", () => {
  const rows: readonly (readonly [entries: string, summary: RegExp])[] = [
    ["deep=a sub=y", /^no limit: no rule takes sub="y" \(entry 2\)$/],
    ["k=exact sub=y", /^no limit: the rule of k="exact" \(entry 1 of 2\) has no rules below it/],
    ["open=1", /^no limit: the rule of open="1" has no limit of its own$/],
  ];
  for (const [text, summary] of rows) {
    const descriptor = { entries: entriesOf(text) };
    assert.match(explain(set, { domain: "d", descriptor }).summary, summary);
  }
  const unknown = explain(set, { domain: "x", descriptor: { entries: entriesOf("k=1") } });
  assert.equal(unknown.summary, 'no limit: there is no domain "x"');
});
