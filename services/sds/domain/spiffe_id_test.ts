// SPDX-License-Identifier: Apache-2.0
/** Which texts are SPIFFE IDs. @module */
import assert from "node:assert/strict";
import { parseSpiffeId } from "./spiffe_id.ts";

Deno.test("parseSpiffeId() returns trust domain and path", () => {
  const parsed = parseSpiffeId("spiffe://shop.example/ns/a_b/sa/Cart-1.x");
  assert.deepEqual(parsed, {
    ok: true,
    value: { trustDomain: "shop.example", path: "/ns/a_b/sa/Cart-1.x" },
  });
  assert.deepEqual(parseSpiffeId("spiffe://shop"), {
    ok: true,
    value: { trustDomain: "shop", path: "" },
  });
});

const bad: readonly (readonly [string, RegExp])[] = [
  ["", /must start with "spiffe:\/\/"/],
  ["http://shop/cart", /must start with/],
  ["SPIFFE://shop/cart", /must start with/],
  ["spiffe:///cart", /must not be empty/],
  ["spiffe://Shop/cart", /lower-case/],
  ["spiffe://shop:80/cart", /lower-case/],
  ["spiffe://user@shop/cart", /lower-case/],
  ["spiffe://shop/", /end with a slash/],
  ["spiffe://shop/a//b", /empty segments/],
  ["spiffe://shop/a/", /end with a slash/],
  ["spiffe://shop/a/../b", /"\.\."/],
  ["spiffe://shop/./b", /"\."/],
  ["spiffe://shop/a?b", /letters, digits/],
  ["spiffe://shop/a#b", /letters, digits/],
  ["spiffe://shop/a%20b", /letters, digits/],
  ["spiffe://shop/ä", /letters, digits/],
  [`spiffe://${"d".repeat(256)}/a`, /at most 255 bytes/],
  [`spiffe://shop/${"a".repeat(2048)}`, /at most 2048 bytes/],
];

for (const [text, expected] of bad) {
  Deno.test(`parseSpiffeId() refuses "${text.slice(0, 40)}"`, () => {
    const parsed = parseSpiffeId(text);
    assert.ok(!parsed.ok);
    assert.match(parsed.error, expected);
  });
}
