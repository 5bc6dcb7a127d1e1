// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { limitsOf } from "./testing.ts";

Deno.test("ruleLevel() knows the rules that a key alone decides", () => {
  const rows: readonly (readonly [title: string, rules: string, alone: readonly string[]])[] = [
    ["keys", "{key: a}, {key: b}", ["a", "b"]],
    ["a key with values", "{key: a}, {key: a, value: x}, {key: b}", ["a_x", "b"]],
    ["a key with an empty value", '{key: a}, {key: "a_"}', ["a_"]],
    ["a key that others begin with", "{key: a}, {key: a_b}, {key: ab}", ["a_b", "ab"]],
    ["a wildcard of the key", '{key: a}, {key: a, value: "x*"}, {key: b}', ["b"]],
    ["a wildcard of a longer key", '{key: a}, {key: a_b, value: "*"}, {key: b}', ["b"]],
    ["a wildcard in a key", '{key: abc}, {key: "a*"}, {key: b}', ["b"]],
    ["a wildcard of anything", '{key: a}, {key: "*"}', []],
  ];
  for (const [title, rules, alone] of rows) {
    const set = limitsOf(`{domain: d, descriptors: [${rules}]}`);
    assert.deepEqual([...set.domains.get("d")?.byKeyAlone.keys() ?? []], alone, title);
  }
});
