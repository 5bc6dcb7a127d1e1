// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import type { LimitAnswer } from "../api/limit_answers.ts";
import { stylesFor } from "../output/styles.ts";
import {
  countersView,
  explainView,
  hotKeysView,
  limitsView,
  unmatchedView,
} from "./limits_view.ts";

const options = { styles: stylesFor(false), nowMs: 0 };
const minute = { requests_per_unit: 10, unit: "minute", unit_multiplier: 1 };
const fixed = { ...minute, algorithm: "fixed_window" };
const key = [{ key: "client", value: "a" }];
const limits: readonly LimitAnswer[] = [
  {
    rule: "shop.client",
    limit: fixed,
    shadow_mode: false,
    counts: { total: 12, over: 0, near: 0, shadow: 0 },
    hot_keys: [],
  },
  { rule: "shop.parent", shadow_mode: false, counts: zero(), hot_keys: [] },
  {
    rule: "shop.user",
    window: "hourly",
    limit: { ...minute, unit_multiplier: 15, algorithm: "token_bucket" },
    shadow_mode: true,
    counts: { total: 30, over: 5, near: 2, shadow: 5 },
    hot_keys: [{ entries: key, recent_hits: 7.6, used: 0.85 }],
  },
];

function zero(): LimitAnswer["counts"] {
  return { total: 0, over: 0, near: 0, shadow: 0 };
}

Deno.test("limitsView() shows limits with what they refused, and how near their hottest key is", () => {
  assert.deepEqual(limitsView(limits, options), [
    "RULE                 LIMIT                                     HITS   OVER   HOTTEST KEY   USED",
    "shop.user (hourly)   10 per 15 minutes, token bucket, shadow   30     5      client=a      85%",
    "shop.client          10 per minute                             12     0      -             -",
  ]);
  assert.deepEqual(limitsView([], options), ["there is no limit"]);
});

Deno.test("hotKeysView(), unmatchedView() and countersView() are tables of theirs", () => {
  assert.deepEqual(hotKeysView(limits, options), [
    "RULE                 KEY        RECENT HITS   USED",
    "shop.user (hourly)   client=a   8             85%",
  ]);
  const shape = { domain: "shop", keys: ["client", "path"], why: "no rule", count: 3 };
  assert.deepEqual(unmatchedView([{ ...shape, example: key }]), [
    "DOMAIN   KEYS          WHY       COUNT   FOR EXAMPLE",
    "shop     client path   no rule   3       client=a",
  ]);
  assert.deepEqual(unmatchedView([]), ["every descriptor has matched a limit"]);
  const counter = { window: "minute", limit: fixed, used: 4, remaining: 6, resets_in_seconds: 9 };
  assert.deepEqual(countersView({ rule: "shop.client", counters: [counter] }), [
    "RULE          LIMIT           USED   LEFT   RESETS IN",
    "shop.client   10 per minute   4      6      9s",
  ]);
});

Deno.test("explainView() says which rule was chosen, and why not the others", () => {
  const candidates = [
    { path: "d.k", place: { file: "d.yaml", line: 3 }, chosen: true, why: "it takes every value" },
    { path: "d.j", place: { line: 4 }, chosen: false, why: 'its key is "j"' },
  ];
  const steps = [{ entry: { key: "k", value: "v" }, candidates, more: 2 }];
  assert.deepEqual(explainView({ descriptors: [{ summary: "d.k: 1 per day", steps }] }), [
    "d.k: 1 per day",
    "",
    "k=v",
    "  * d.k (d.yaml:3): it takes every value",
    '    d.j: its key is "j"',
    "    and 2 more",
  ]);
});
