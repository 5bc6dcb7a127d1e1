// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { TextPattern } from "./text_pattern.ts";

Deno.test("TextPattern.matches() takes the whole text, `*` for any part of it", async (t) => {
  const table: readonly [pattern: string, text: string, expected: boolean][] = [
    ["spiffe://shop/ops", "spiffe://shop/ops", true],
    ["spiffe://shop/ops", "spiffe://shop/ops2", false],
    ["spiffe://shop/ops/*", "spiffe://shop/ops/ada", true],
    ["spiffe://shop/ops/*", "spiffe://shop/ops", false],
    ["spiffe://shop/ops/*", "x-spiffe://shop/ops/ada", false],
    ["*.ops.shop", "ada.ops.shop", true],
    ["*.ops.shop", "ada.ops.shop.evil", false],
    ["a.c", "abc", false],
    ["ab*ba", "aba", false],
    ["a*b*c", "a-c-b-c", true],
    ["a*b*c", "a-c-c", false],
    ["*", "", true],
    ["", "", true],
    ["", "a", false],
    ["key_foo*", "key_foo", true],
    ["key_foo*", "key_foobar", true],
    ["key_foo*", "key_fo", false],
    ["key_*bar", "key_foobarx", false],
    ["key_a*b*c", "key_acb", false],
    ["key_a*bb*b", "key_abb", false],
    ["key_**", "key_x", true],
  ];
  for (const [pattern, text, expected] of table) {
    await t.step(`"${pattern}" and "${text}"`, () => {
      assert.equal(new TextPattern(pattern).matches(text), expected);
    });
  }
});
