// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { identityProblem } from "./caller.ts";

Deno.test("identityProblem() takes SPIFFE IDs and words, and nothing between", () => {
  const cases: readonly (readonly [string, RegExp | undefined])[] = [
    ["spiffe://shop/web", undefined],
    ["web.shop.example", undefined],
    ["batch", undefined],
    ["", /must not be empty/],
    ["spiffe://shop/a/../victim", /segments "\."/],
    ["spiffe://shop/./victim", /segments "\."/],
    ["spiffe://shop//victim", /empty segments/],
    ["spiffe://shop/victim/", /end with a slash/],
    ["spiffe://shop/%76ictim", /must consist of/],
    ["spiffe://shop/a,b", /must consist of/],
    ["SPIFFE://shop/victim", /must start with/],
    ["https://shop/victim", /must start with/],
    ["shop/victim", /must start with/],
    ["urn:victim", /must start with/],
  ];
  for (const [identity, wanted] of cases) {
    const problem = identityProblem(identity);
    if (wanted === undefined) assert.equal(problem, undefined, identity);
    else assert.match(problem ?? "", wanted, identity);
  }
});
