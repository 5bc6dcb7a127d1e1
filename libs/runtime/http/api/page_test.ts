// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { pageOf } from "./page.ts";

const words = ["d", "a", "c", "b"];

const pages: readonly (readonly [
  name: string,
  query: { readonly limit: number; readonly after: string | undefined },
  page: { readonly items: readonly string[]; readonly next: { readonly next?: string } },
])[] = [
  ["the first", { limit: 2, after: undefined }, { items: ["a", "b"], next: { next: "b" } }],
  ["the last, full", { limit: 2, after: "b" }, { items: ["c", "d"], next: {} }],
  ["one after a key that has gone", { limit: 1, after: "bb" }, {
    items: ["c"],
    next: { next: "c" },
  }],
  ["one after all", { limit: 2, after: "d" }, { items: [], next: {} }],
  ["all at once", { limit: 9, after: undefined }, { items: ["a", "b", "c", "d"], next: {} }],
];

for (const [name, query, page] of pages) {
  Deno.test(`pageOf() gives ${name}`, () => {
    assert.deepEqual(pageOf(words, { ...query, keyOf: (word) => word }), page);
  });
}
