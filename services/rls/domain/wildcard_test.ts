// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { Wildcard } from "./wildcard.ts";

Deno.test("Wildcard takes texts by anchored prefix and suffix, and parts in order between them", () => {
  const rows: readonly (readonly [pattern: string, text: string, matches: boolean])[] = [
    ["key_foo*", "key_foo", true],
    ["key_foo*", "key_foobar", true],
    ["key_foo*", "key_fo", false],
    ["key_*bar", "key_foobar", true],
    ["key_*bar", "key_foobarx", false],
    ["key_a*b*c", "key_abc", true],
    ["key_a*b*c", "key_a1b2c", true],
    ["key_a*b*c", "key_acb", false],
    ["key_ab*ba", "key_aba", false],
    ["key_ab*ba", "key_abba", true],
    ["key_a*bb*b", "key_abb", false],
    ["key_*", "key_", true],
    ["*_x", "anything_x", true],
    ["*", "", true],
    ["key_**", "key_x", true],
    ["key_a.c*", "key_abc", false],
  ];
  for (const [pattern, text, matches] of rows) {
    assert.equal(new Wildcard(pattern).matches(text), matches, `${pattern} and ${text}`);
  }
});
