// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { askedOnBehalfOf, ON_BEHALF_OF, onBehalfOf } from "./on_behalf_of.ts";

Deno.test("onBehalfOf() and askedOnBehalfOf() agree, and nobody poses as a second identity", () => {
  const [a, b] = ["spiffe://shop/a", "spiffe://shop/b"];
  const cases: [readonly string[], readonly string[] | undefined][] = [
    [[a], [a]],
    [[a, b], [a, b]],
    [[], undefined],
    [[`${a},${b}`], undefined],
    [[a, `spiffe://shop/c,${b}`], [a]],
    [[`${a}\n`], undefined],
    [["spiffe://shop/ä"], undefined],
    [Array.from({ length: 17 }, (_, index) => `${a}/${index}`), undefined],
  ];
  for (const [uriSans, wanted] of cases) {
    const headers = onBehalfOf(uriSans);
    assert.deepEqual(headers && askedOnBehalfOf(headers), wanted, JSON.stringify(uriSans));
  }
});

Deno.test("askedOnBehalfOf() tells a header that cannot be believed from none", () => {
  assert.equal(askedOnBehalfOf(new Map()), undefined);
  assert.deepEqual(askedOnBehalfOf(new Map([[ON_BEHALF_OF, ["a, b", "c"]]])), ["a", "b", "c"]);
  assert.deepEqual(askedOnBehalfOf(new Map([[ON_BEHALF_OF, [""]]])), []);
  assert.deepEqual(askedOnBehalfOf(new Map([[ON_BEHALF_OF, [new Uint8Array(1)]]])), []);
  assert.deepEqual(askedOnBehalfOf(new Map([[ON_BEHALF_OF, ["a,".repeat(17)]]])), []);
});
