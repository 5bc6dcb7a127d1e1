// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import { isLimitText, readLimitFile } from "./limit_file.ts";
import { type CountedLimit, type LimitRule, limitsTogether, windowName } from "./limit_rule.ts";
import { readLimitSet } from "./limit_set.ts";

function problemsOf(text: string): readonly string[] {
  return readLimitFile(text, { file: "a.yaml" }).problems.map(formatProblem);
}

function rulesOf(text: string): readonly LimitRule[] {
  const { limits, problems } = readLimitFile(text);
  assert.deepEqual(problems, []);
  return limits?.rules ?? [];
}

function limitOf(policy: string): CountedLimit {
  const [rule] = rulesOf(`{domain: d, descriptors: [{key: k, rate_limit: ${policy}}]}`);
  assert.equal(rule?.limit?.kind, "counted");
  return rule.limit as CountedLimit;
}

Deno.test("readLimitFile() reads everything that envoyproxy/ratelimit knows", () => {
  const [rule] = rulesOf(`
domain: shop
descriptors:
  - key: client
    value: gold*
    share_threshold: true
    quota_mode: true
    rate_limit: { unlimited: true, name: gold, replaces: [{ name: basic }] }
    descriptors:
      - key: path
        value: /cart
        shadow_mode: true
        detailed_metric: true
        value_to_metric: true
        metadata: { tier: { name: gold, level: 3 } }
        rate_limit: { unit: Hour, requests_per_unit: 5 }
`);
  assert.equal(rule?.composite, "client_gold*");
  assert.equal(rule.shareThreshold && rule.quotaMode, true);
  assert.deepEqual(rule.limit, { kind: "unlimited", name: "gold", replaces: ["basic"] });
  const child = rule.children?.byComposite.get("path_/cart");
  assert.equal(child?.path, "shop.client_gold*.path_/cart");
  assert.equal(child.place.line, 10);
  assert.equal(child.shadowMode && child.detailedMetric && child.valueToMetric, true);
  assert.deepEqual(child.metadata, { tier: { name: "gold", level: 3 } });
  assert.equal((child.limit as CountedLimit).windowSeconds, 3600);
});

Deno.test("readLimitFile() reads windows of any unit and of several", () => {
  const rows: readonly (readonly [policy: string, requests: number, windowSeconds: number])[] = [
    ["{unit: second, requests_per_unit: 4294967295}", 4_294_967_295, 1],
    ["{unit: MINUTE}", 0, 60],
    ["{unit: day, requests_per_unit: 1}", 1, 86_400],
    ["{unit: week, requests_per_unit: 1}", 1, 604_800],
    ["{unit: month, requests_per_unit: 1}", 1, 2_592_000],
    ["{unit: year, requests_per_unit: 1}", 1, 31_536_000],
    ["{unit: minute, unit_multiplier: 15, requests_per_unit: 100}", 100, 900],
    ["100 per 15 minutes", 100, 900],
    ["100 per minute", 100, 60],
    ["5/second", 5, 1],
  ];
  for (const [policy, requests, windowSeconds] of rows) {
    const limit = limitOf(policy);
    assert.deepEqual([limit.requestsPerUnit, limit.windowSeconds], [requests, windowSeconds]);
  }
});

Deno.test("readLimitFile() reads how a limit counts and what it does while nothing counts", () => {
  assert.deepEqual(limitOf("{unit: hour}").algorithm, { kind: "fixed-window" });
  assert.deepEqual(limitOf("{unit: hour, algorithm: sliding_window}").algorithm, {
    kind: "sliding-window",
  });
  assert.deepEqual(limitOf("{unit: hour, algorithm: token_bucket, burst: 7}").algorithm, {
    kind: "token-bucket",
    burst: 7,
  });
  assert.equal(limitOf("{unit: hour}").onStoreFailure, undefined);
  assert.equal(limitOf("{unit: hour, on_store_failure: local}").onStoreFailure, "local");
});

Deno.test("readLimitFile() reads several limits of one rule", () => {
  const limit = limitOf("[10/second, {unit: hour, requests_per_unit: 100, name: hourly}]");
  const all = limitsTogether(limit).map((one) => [one.requestsPerUnit, one.windowSeconds]);
  assert.deepEqual(all, [[10, 1], [100, 3600]]);
  assert.deepEqual(limitsTogether(limit).map(windowName), ["second", "hourly"]);
  assert.equal(limitOf("[10/second]").also, undefined);
});

Deno.test("readLimitFile() takes unquoted numbers and booleans as the text that they are", () => {
  const text = "domain: 1\ndescriptors:\n" +
    ["007", "yes", "1.50", "true", "~", '"x y"'].map((value) =>
      `  - {key: k${value.length}${value.charCodeAt(0)}, value: ${value}}`
    )
      .join("\n");
  const values = rulesOf(text).map(({ value }) => value);
  assert.deepEqual(values, ["007", "yes", "1.50", "true", undefined, "x y"]);
});

Deno.test("readLimitFile() refuses what envoyproxy/ratelimit refuses, and says where", () => {
  const head = "domain: d\ndescriptors:\n";
  const policy = (text: string) => `${head}- key: k\n  rate_limit: ${text}`;
  const rows: readonly (readonly [text: string, problem: RegExp])[] = [
    ["domain: [", /^a.yaml:1:/],
    ["", /^a.yaml:1:1: must have a `domain`: the file is empty$/],
    ["- a", /^a.yaml:1:1: must be a map with/],
    ["domain: ''\ndescriptors: []", /^a.yaml:1:9: domain: `domain` must not be empty$/],
    ["descriptors: []", /`domain` must not be empty/],
    [`${head}- value: v`, /^a.yaml:3:3: descriptors\[0\]: `key` must not be empty$/],
    [`${head}- x`, /descriptors\[0\]: must be a map: is "x"/],
    ["domain: d\ndescriptors: 1", /^a.yaml:2:14: descriptors: must be a list: is "1"/],
    [`${head}- key: k\n  vlaue: v`, /^a.yaml:4:3: .*unknown key "vlaue".*did you mean "value"/],
    [
      `${head}- key: k\n  value: v\n- key: k\n  value: v`,
      /^a.yaml:5:3: .*duplicate descriptor "d.k_v"/,
    ],
    [`${head}- key: [k]`, /key: must be a text: is a list/],
    [`${head}- key: k\n  shadow_mode: 3`, /shadow_mode: must be true or false: is "3"/],
    [`${head}- key: k\n  share_threshold: true`, /needs a `\*` in key or value/],
    [`${head}- key: k\n  metadata: 3`, /metadata: must be a map: is "3"/],
    [policy("{requests_per_unit: 3}"), /must have a `unit` unless it is `unlimited`/],
    [policy("{unit: fortnight}"), /unit: must be one of second, minute.*is "fortnight"/],
    [policy("{unit: day, unlimited: true}"), /must not have both `unit` and `unlimited`/],
    [policy("{unit: day, requests_per_unit: -1}"), /whole number from 0 to 4294967295: is "-1"/],
    [policy("{unit: day, requests_per_unit: 4294967296}"), /whole number from 0/],
    [policy("{unit: day, requests_per_unit: 1.5}"), /whole number from 0 .* is "1.5"/],
    [policy("{unit: day, replaces: [{name: ''}]}"), /replaces\[0\]\.name: must name the limit/],
    [policy("{unit: day, name: a, replaces: [{name: a}]}"), /must not replace itself: is "a"/],
    [policy("{unit: day, unit_multiplier: 0}"), /unit_multiplier: must be a whole number from 1/],
    [policy("{unit: year, unit_multiplier: 11}"), /must not be longer than ten years/],
    [policy("{unit: day, burst: 3}"), /burst: must go with the algorithm token_bucket/],
    [policy("{unit: day, algorithm: magic}"), /algorithm: must be one of fixed_window/],
    [policy("{unit: day, on_store_failure: pass}"), /must be one of error, allow, deny, local/],
    [policy("100 per 15 parsecs"), /must be like `100 per 15 minutes`/],
    [policy("1"), /rate_limit: must be a map, or a text/],
    [policy("[1]"), /rate_limit\[0\]: must be a map, or a text/],
    [policy("[]"), /rate_limit: must have 1 to 10 limits: has 0/],
    [policy("[1/day, {unlimited: true}]"), /\[1\]: must not be `unlimited` beside other limits/],
    [
      policy("[1/day, 2/day]"),
      /\[1\]: must differ from the others in window or algorithm: .*"day"/,
    ],
    [
      policy("[1/day, {unit: day, requests_per_unit: 1, algorithm: token_bucket}]"),
      /\[1\]: must have a `name`, as another limit of the rule is called "day", too/,
    ],
    [
      policy("[1/day, {unit: hour, name: a}, {unit: second, replaces: [{name: a}]}]"),
      /\[2\]: must not replace another limit of its own rule/,
    ],
  ];
  for (const [text, problem] of rows) {
    const problems = problemsOf(text);
    assert.equal(readLimitFile(text).limits, undefined, text);
    assert.match(problems[0] ?? "", problem);
    assert.equal(problems.length, 1, problems.join("\n"));
  }
});

Deno.test("readLimitFile() says all problems at once, in order of the file", () => {
  const problems = problemsOf("domain: ''\ndescriptors:\n- {key: ''}\n- {key: k, rate_limit: {}}");
  assert.deepEqual(problems.map((line) => line.split(":")[1]), ["1", "3", "4"]);
});

Deno.test("readLimitFile() only warns of what envoyproxy/ratelimit ignores", () => {
  const { limits, problems } = readLimitFile(
    "domain: d\ndescriptors: [{key: k, unit: day}]\n---\nx: 1",
  );
  assert.equal(limits?.rules.length, 1);
  assert.deepEqual(problems.map(({ severity }) => severity), ["warning", "warning"]);
});

Deno.test("readLimitSet() takes all files or none", () => {
  const good = "{domain: a, descriptors: [{key: k}]}";
  const { set, problems } = readLimitSet(new Map([["a.yaml", good], ["b.yaml", "x: 1"]]));
  assert.equal(set, undefined);
  assert.equal(problems.every(({ file }) => file === "b.yaml"), true);
});

Deno.test("readLimitSet() refuses a domain in two files unless they are to be merged", () => {
  const files = (second: string) =>
    new Map([["a.yaml", "{domain: d, descriptors: [{key: k}]}"], ["b.yaml", second]]);
  const other = files("{domain: d, descriptors: [{key: j}]}");
  const [problem] = readLimitSet(other).problems;
  assert.match(
    formatProblem(problem ?? { severity: "error", message: "" }),
    /^b.yaml:1: .*a.yaml:1/,
  );
  const merged = readLimitSet(other, { mergeDomains: true }).set;
  assert.deepEqual([...merged?.domains.get("d")?.byComposite.keys() ?? []], ["k", "j"]);
  const same = files("{domain: d, descriptors: [{key: k}]}");
  const clash = readLimitSet(same, { mergeDomains: true });
  assert.match(clash.problems[0]?.message ?? "", /duplicate descriptor "d.k": it is in a.yaml:1/);
});

Deno.test("readLimitFile() says which part of a limit in one line is wrong", () => {
  const rows: readonly (readonly [text: string, wrong: RegExp])[] = [
    ["100 per 15 fortnights", /"fortnight" must be one of second, /],
    ["100 per 0 minutes", /a window must have at least one unit$/],
    ["5000000000 per minute", /5000000000 requests are more than 4294967295$/],
  ];
  for (const [text, wrong] of rows) {
    const file = `{domain: d, descriptors: [{key: k, rate_limit: ${text}}]}`;
    assert.match(readLimitFile(file).problems[0]?.message ?? "", wrong);
  }
});

Deno.test("readLimitSet() tells of a domain that is there twice beside other errors", () => {
  const wrong = "{domain: d, descriptors: [{key: k, rate_limit: 5}]}";
  const texts = new Map([["a.yaml", wrong], ["b.yaml", "domain: d"], ["c.yaml", wrong]]);
  const { set, problems } = readLimitSet(texts);
  assert.equal(set, undefined);
  const twice = problems.filter(({ message }) => message.startsWith("duplicate domain"));
  assert.deepEqual(twice.map(({ file }) => file), ["b.yaml", "c.yaml"]);
});

Deno.test("isLimitText() tells limit files from resources by their root", () => {
  const rows: readonly (readonly [text: string, isLimits: boolean])[] = [
    ["domain: d\ndescriptors: []", true],
    ["descriptors: []", true],
    ["{domain: d}", true],
    ['resources: [{ "@type": x, domain: d }]', false],
    ['"@type": x\ndomain: d', false],
    ["virtual_hosts: [{ domains: [d] }]", false],
    ["- domain", false],
    ["domain: [", false],
    ["", false],
  ];
  for (const [text, isLimits] of rows) assert.equal(isLimitText(text), isLimits, text);
});
