// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { askedOnBehalfOf, ON_BEHALF_OF, onBehalfOf } from "./on_behalf_of.ts";

Deno.test("onBehalfOf() and askedOnBehalfOf() agree, and nobody poses as a second identity", () => {
  const a = "spiffe://shop/a";
  const cases: readonly (readonly [string, readonly string[] | RegExp])[] = [
    [a, [a]],
    ["urn:uuid:1", ["urn:uuid:1"]],
    [`spiffe://shop/${"a".repeat(2034)}`, [`spiffe://shop/${"a".repeat(2034)}`]],
    [`spiffe://shop/${"a".repeat(2035)}`, /at most 2048 bytes: has 2049/],
    ["", /visible ASCII/],
    [`${a},b`, /without a comma: is "spiffe:\/\/shop\/a,b"/],
    [`${a},spiffe://shop/b`, /without a comma/],
    [`${a} b`, /visible ASCII/],
    [`${a}\n`, /visible ASCII/],
    ["spiffe://shop/ä", /visible ASCII/],
  ];
  for (const [identity, wanted] of cases) {
    const headers = onBehalfOf(identity);
    if (wanted instanceof RegExp) {
      assert.ok(!headers.ok, identity);
      assert.match(headers.error, wanted);
    } else {
      assert.ok(headers.ok, identity);
      assert.deepEqual(askedOnBehalfOf(headers.value), wanted);
    }
  }
});

Deno.test("askedOnBehalfOf() tells a header that cannot be believed from none", () => {
  assert.equal(askedOnBehalfOf(new Map()), undefined);
  assert.deepEqual(askedOnBehalfOf(new Map([[ON_BEHALF_OF, ["a, b", "c"]]])), ["a", "b", "c"]);
  assert.deepEqual(askedOnBehalfOf(new Map([[ON_BEHALF_OF, [""]]])), []);
  assert.deepEqual(askedOnBehalfOf(new Map([[ON_BEHALF_OF, [new Uint8Array(1)]]])), []);
  assert.deepEqual(askedOnBehalfOf(new Map([[ON_BEHALF_OF, ["a,".repeat(17)]]])), []);
});
