// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import type { NamedLabels } from "./cardinality_rules.ts";
import { readRuleFile } from "./rule_file.ts";

const file = `
default: keep
rules:
- { action: drop, name: "cluster.*.circuit_breakers*" }
- action: drop
  labels: { envoy.cluster_name: "test-*" }
- { action: drop_labels, name: "listener.*", remove: [envoy.worker_id] }
- { action: rewrite_label, label: envoy.cluster_name, pattern: "^(.+)-[0-9a-f]{8}$", replacement: "$1" }
- { action: keep, name: "cluster.upstream_rq*" }
- { action: drop, name: "cluster.*" }
`;

function labels(pairs: Readonly<Record<string, string>>) {
  return Object.entries(pairs).map(([name, value]) => ({ name: `envoy.${name}`, value }));
}

const cases: Readonly<Record<string, readonly [NamedLabels, NamedLabels | undefined]>> = {
  "drop by name": [{ name: "cluster.default.circuit_breakers.open", labels: [] }, undefined],
  "drop by label": [
    { name: "cluster.upstream_rq", labels: labels({ cluster_name: "test-1" }) },
    undefined,
  ],
  "do not drop by a label that is absent": [
    { name: "server.live", labels: [] },
    { name: "server.live", labels: [] },
  ],
  "drop labels": [
    { name: "listener.worker_cx", labels: labels({ worker_id: "1", listener_address: "x" }) },
    { name: "listener.worker_cx", labels: labels({ listener_address: "x" }) },
  ],
  "rewrite labels, and go on": [
    { name: "cluster.upstream_rq", labels: labels({ cluster_name: "shop-deadbeef" }) },
    { name: "cluster.upstream_rq", labels: labels({ cluster_name: "shop" }) },
  ],
  "keep what a later rule would drop": [
    { name: "cluster.upstream_rq_total", labels: [] },
    { name: "cluster.upstream_rq_total", labels: [] },
  ],
  "drop what no earlier rule keeps": [{ name: "cluster.upstream_cx", labels: [] }, undefined],
};

for (const [name, [series, wanted]] of Object.entries(cases)) {
  Deno.test(`rules ${name}`, () => {
    const { rules, problems } = readRuleFile(file, "rules.yaml");
    assert.deepEqual(problems, []);
    assert.deepEqual(rules?.apply(series), wanted);
  });
}

const mistakes: Readonly<Record<string, readonly string[]>> = {
  "rules: [{ action: dorp, name: x }]": [
    'rules.yaml:1:19: rules[0].action: must be one of keep, drop, drop_labels, rewrite_label: is "dorp" (did you mean "drop"?)',
  ],
  "rule: []": [
    'rules.yaml:1:1: rule: unknown key "rule", expected one of default, rules (did you mean "rules"?)',
  ],
  "rules: [{ name: x }]": [
    "rules.yaml:1:9: rules[0]: needs an `action`, one of keep, drop, drop_labels, rewrite_label",
  ],
  "rules: [{ action: drop, labels: { a: ~ } }]": [
    'rules.yaml:1:38: rules[0].labels.a: must be a pattern: is empty, "" is for absent labels',
  ],
  "rules: [{ action: rewrite_label, label: l, pattern: '(' }]": [
    "rules.yaml:1:53: rules[0].pattern: must be a regular expression: Invalid regular expression: /(/u: Unterminated group",
  ],
  "rules: [{ action: drop_labels }]": [
    "rules.yaml:1:9: rules[0].remove: must name the labels to drop",
  ],
  "rules: [{ action: drop, labels: [a] }]": [
    "rules.yaml:1:33: rules[0].labels: must be a map: is a list",
  ],
  "default: maybe": [
    'rules.yaml:1:10: default: must be one of keep, drop: is "maybe"',
  ],
};

for (const [text, wanted] of Object.entries(mistakes)) {
  Deno.test(`a file of rules is refused: ${text}`, () => {
    const { rules, problems } = readRuleFile(text, "rules.yaml");
    assert.equal(rules, undefined);
    assert.deepEqual(problems.map(formatProblem), wanted);
  });
}

Deno.test("a file with default drop keeps only what is named", () => {
  const { rules } = readRuleFile(
    "default: drop\nrules: [{action: keep, name: server.*}]",
    "r.yaml",
  );
  assert.equal(rules?.apply({ name: "cluster.x", labels: [] }), undefined);
  assert.ok(rules?.apply({ name: "server.live", labels: [] }));
});
