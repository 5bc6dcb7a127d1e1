// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { counterKeyText } from "./counter_key.ts";
import { counterName } from "./window.ts";
import { type ChargeAnswer, decide, type Decision, type DecisionSettings } from "./decision.ts";
import { dynamicMetadata } from "./dynamic_metadata.ts";
import { type HitDescriptor, planRequest, type RateLimitPlan } from "./rate_limit_plan.ts";
import { type HeaderSettings, limitHeaders } from "./response_headers.ts";
import { charged, entriesOf, limitsOf } from "./testing.ts";

const set = limitsOf(`
domain: d
descriptors:
  - { key: a, rate_limit: { unit: minute, requests_per_unit: 10, name: first } }
  - { key: b, rate_limit: 20 per hour }
  - { key: shadow, shadow_mode: true, rate_limit: 10 per minute, metadata: { mode: { dry: yes } } }
  - { key: quota, quota_mode: true, rate_limit: 10 per minute, metadata: { mode: { quota: 1 } } }
  - { key: quota2, quota_mode: true, rate_limit: 10 per minute }
  - { key: free, rate_limit: { unlimited: true } }
  - { key: two, rate_limit: [10/second, { unit: hour, requests_per_unit: 20, name: hourly }] }
  - { key: other, rate_limit: { unit: day, requests_per_unit: 5, replaces: [{ name: hourly }] } }
`);

const settings: DecisionSettings = {
  ...{ shadowMode: false, quotaMode: false, nearRatio: 0.8, uncountedWhenOver: false },
};

function plan(
  texts: readonly string[],
  parts: Partial<HitDescriptor> & { readonly requestHits?: number } = {},
): RateLimitPlan {
  const { requestHits: hits = 0, ...rest } = parts;
  const descriptors = texts.map((text) => ({ entries: entriesOf(text), ...rest }));
  return planRequest(set, { request: { domain: "d", descriptors, hits }, keyPrefix: "p_" });
}

function decided(
  texts: readonly string[],
  answers: readonly ChargeAnswer[],
  changes: Partial<DecisionSettings> = {},
): Decision {
  return decide(plan(texts), { answers, settings: { ...settings, ...changes } });
}

const within = charged(3, 10);
const over = charged(11, 10);

Deno.test("planRequest() charges counted descriptors under the reference's keys", () => {
  const { charges } = plan(["a=1", "free=1", "nobody=1", "b=2"]);
  assert.deepEqual(charges.map(({ key }) => counterKeyText(key)), ["p_d_a_1_", "p_d_b_2_"]);
  assert.deepEqual(charges.map((charge) => counterName(charge, 1_234_000)), [
    "p_d_a_1_1200",
    "p_d_b_2_0",
  ]);
});

Deno.test("planRequest() takes the units of the descriptor, else of the request, else one", () => {
  const rows: readonly (readonly [Parameters<typeof plan>[1], hits: number])[] = [
    [{}, 1],
    [{ requestHits: 5 }, 5],
    [{ requestHits: 5, hits: 3 }, 3],
    [{ requestHits: 5, hits: 0 }, 0],
  ];
  for (const [parts, hits] of rows) assert.equal(plan(["a=1"], parts).charges[0]?.hits, hits);
  assert.equal(plan(["a=1"], { refund: true }).charges[0]?.refund, true);
});

Deno.test("decide() tells the status of each descriptor", () => {
  const { statuses, verdict } = decided(["a=1", "nobody=1", "free=1", "b=1"], [within, over]);
  assert.equal(verdict, "over-limit");
  const shown = statuses.map(({ verdict, limit, remaining }) => [verdict, limit?.unit, remaining]);
  assert.deepEqual(shown, [
    ["ok", "minute", 7],
    ["ok", undefined, 0],
    ["ok", undefined, 4_294_967_295],
    ["over-limit", "hour", 0],
  ]);
});

Deno.test("decide() joins statuses by quota and shadow modes", () => {
  const global = { shadowMode: true };
  const rows: readonly (readonly [
    texts: readonly string[],
    answers: readonly ChargeAnswer[],
    changes: Partial<DecisionSettings>,
    verdict: Decision["verdict"],
  ])[] = [
    [["a=1"], [within], {}, "ok"],
    [["a=1"], [over], {}, "over-limit"],
    [["a=1"], [over], global, "ok"],
    [["shadow=1"], [over], {}, "ok"],
    [["quota=1"], [over], {}, "over-limit"],
    [["quota=1", "quota2=1"], [over, within], {}, "ok"],
    [["quota=1", "quota2=1"], [over, over], {}, "over-limit"],
    [["quota=1", "a=1"], [over, within], {}, "over-limit"],
    [["quota=1", "quota2=1", "a=1"], [within, over, over], {}, "over-limit"],
    [["quota=1", "quota2=1", "a=1"], [within, over, within], {}, "ok"],
    [["a=1", "b=1"], [over, within], { quotaMode: true }, "ok"],
    [["a=1", "b=1"], [over, over], { quotaMode: true }, "over-limit"],
    [["a=1", "nobody=1"], [over], { quotaMode: true }, "ok"],
    [["a=1"], ["deny"], {}, "over-limit"],
    [["a=1"], ["allow"], {}, "ok"],
    [["nobody=1"], [], {}, "ok"],
  ];
  for (const [texts, answers, changes, verdict] of rows) {
    assert.equal(decided(texts, answers, changes).verdict, verdict, texts.join(" "));
  }
});

Deno.test("decide() shows of several limits the nearest, and splits the units of each", () => {
  const late = { resetMs: 3_600_000 };
  const rows: readonly (readonly [
    answers: readonly ChargeAnswer[],
    shown: readonly [verdict: string, name: string, remaining: number],
  ])[] = [
    [[charged(3, 10), charged(3, 20, late)], ["ok", "", 7]],
    [[charged(3, 10), charged(15, 20, late)], ["ok", "hourly", 5]],
    [[charged(3, 10), charged(13, 20, late)], ["ok", "", 7]],
    [[charged(3, 10), charged(20, 20, { ...late, over: true })], ["over-limit", "hourly", 0]],
    [[charged(10, 10, { over: true }), charged(3, 20, late)], ["over-limit", "", 0]],
    [
      [charged(10, 10, { over: true }), charged(20, 20, { ...late, over: true })],
      ["over-limit", "hourly", 0],
    ],
    [["allow", "deny"], ["over-limit", "hourly", 0]],
  ];
  for (const [answers, shown] of rows) {
    const { statuses: [status] } = decided(["two=1"], answers);
    assert.deepEqual([status?.verdict, status?.limit?.name, status?.remaining], shown);
    assert.equal(status?.windows?.length, 2);
  }
  const answers = [charged(10, 10, { over: true }), charged(3, 20)];
  const { statuses: [, status] } = decided(["a=1", "two=1"], [within, ...answers]);
  const tallies = status?.windows?.map(({ tally }) => [tally?.total, tally?.within, tally?.over]);
  assert.deepEqual(tallies, [[1, 0, 1], [1, 0, 0]]);
});

Deno.test("planRequest() charges all limits of a rule that nobody replaces, in one bundle", () => {
  const keys = (texts: readonly string[]) =>
    plan(texts).charges.map(({ key, windowSeconds, bundle }) => [
      counterKeyText(key),
      windowSeconds,
      bundle,
    ]);
  assert.deepEqual(keys(["a=1", "two=1"]), [
    ["p_d_a_1_", 60, undefined],
    ["p_d_two_1_1s_", 1, 1],
    ["p_d_two_1_3600s_", 3600, 1],
  ]);
  assert.deepEqual(keys(["two=1", "other=1"]), [
    ["p_d_two_1_1s_", 1, undefined],
    ["p_d_other_1_", 86_400, undefined],
  ]);
});

Deno.test("decide() keeps statuses as they are in the service's shadow mode, and says what would be", () => {
  const { statuses, verdict, unshadowed } = decided(["a=1"], [over], { shadowMode: true });
  assert.deepEqual([statuses[0]?.verdict, verdict, unshadowed], ["over-limit", "ok", "over-limit"]);
});

Deno.test("decide() shows the last plain limit that is over, else the first with the least left", () => {
  const rows: readonly (readonly [
    texts: readonly string[],
    answers: readonly ChargeAnswer[],
    unit: string | undefined,
  ])[] = [
    [["b=1", "a=1"], [charged(10, 20), charged(3, 10)], "minute"],
    [["b=1", "a=1"], [charged(13, 20), charged(3, 10)], "hour"],
    [["a=1", "b=1"], [over, charged(21, 20)], "hour"],
    [["b=1", "quota=1"], [charged(15, 20), over], "minute"],
    [["free=1", "nobody=1"], [], undefined],
  ];
  for (const [texts, answers, unit] of rows) {
    assert.equal(decided(texts, answers).tightest?.limit?.unit, unit);
  }
});

Deno.test("decide() splits units over within, near and over as envoyproxy/ratelimit does", () => {
  const rows: readonly (readonly [
    hits: number,
    answer: Parameters<typeof charged>,
    split: readonly [within: number, near: number, over: number],
  ])[] = [
    [1, [8, 10], [1, 0, 0]], // near begins above floor(10 * 0.8)
    [1, [9, 10], [1, 1, 0]],
    [4, [9, 10], [4, 1, 0]],
    [1, [10, 10], [1, 1, 0]],
    [1, [11, 10], [0, 0, 1]],
    [3, [11, 10], [0, 2, 1]],
    [7, [13, 10], [0, 2, 3]],
    [3, [9, 10, { over: true }], [0, 0, 3]],
    [5, [20, 10], [0, 0, 5]],
    [5, [20, 10, { fromNearCache: true }], [0, 0, 5]],
  ];
  for (const [hits, answer, split] of rows) {
    const made = plan(["a=1"], { hits });
    const { statuses } = decide(made, { answers: [charged(...answer)], settings });
    const { within, near, over } = statuses[0]?.tally ?? {};
    assert.deepEqual([within, near, over], split, `${hits} hits, ${answer[0]} after`);
  }
});

Deno.test("decide() counts nothing as passed that did not count", () => {
  const { statuses } = decided(["a=1", "b=1"], [within, charged(21, 20)], {
    uncountedWhenOver: true,
  });
  assert.deepEqual([statuses[0]?.tally?.total, statuses[0]?.tally?.within], [1, 0]);
});

Deno.test("decide() counts what a rule in shadow mode would have refused", () => {
  const { statuses: [status] } = decided(["shadow=1"], [over]);
  assert.deepEqual([status?.verdict, status?.remaining], ["ok", 0]);
  assert.deepEqual([status?.tally?.over, status?.tally?.shadow], [1, 1]);
});

Deno.test("limitHeaders() writes the reference's headers and those of the later IETF drafts", () => {
  const names = { limit: "X-Limit", remaining: "X-Remaining", reset: "X-Reset" };
  const { tightest } = decided(["a=1"], [charged(3, 10, { resetMs: 29_001 })]);
  const text = (style: HeaderSettings["style"]) =>
    limitHeaders(tightest, { style, ...names }).map(({ key, value }) => `${key}: ${value}`);
  const separate = ["X-Limit: 10", "X-Remaining: 7", "X-Reset: 30"];
  const structured = ['RateLimit-Policy: "first";q=10;w=60', 'RateLimit: "first";r=7;t=30'];
  assert.deepEqual(text("none"), []);
  assert.deepEqual(text("separate"), separate);
  assert.deepEqual(text("structured"), structured);
  assert.deepEqual(text("both"), [...separate, ...structured]);
  assert.deepEqual(limitHeaders(undefined, { style: "both", ...names }), []);
  const several = decided(["two=1"], [charged(3, 10, { resetMs: 900 }), charged(3, 20)]).tightest;
  assert.deepEqual(
    limitHeaders(several, { style: "structured", ...names }).map(({ value }) => value),
    ['"second";q=10;w=1, "hourly";q=20;w=3600', '"second";r=7;t=1, "hourly";r=17;t=60'],
  );
});

Deno.test("dynamicMetadata() tells the request and merges what rules that passed say", () => {
  const descriptors = ["shadow=1", "quota=2"].map((text) => ({
    entries: entriesOf(text),
    hits: 2,
  }));
  const request = { domain: "d", descriptors, hits: 0 };
  const made = planRequest(set, { request, keyPrefix: "" });
  const answered = (answers: readonly ChargeAnswer[]) =>
    dynamicMetadata(request, { ...made, ...decide(made, { answers, settings }) });
  assert.deepEqual(answered([within, within]), {
    domain: "d",
    descriptors: [
      { entries: ["shadow=1"], hitsAddend: 2 },
      { entries: ["quota=2"], hitsAddend: 2 },
    ],
    metadata: { mode: { dry: true, quota: 1 } },
  });
  assert.deepEqual(answered([within, over]).metadata, { mode: { dry: true } });
  assert.deepEqual(
    answered([within, over]).metadata,
    { mode: { dry: true } },
    "rules are as before",
  );
});
