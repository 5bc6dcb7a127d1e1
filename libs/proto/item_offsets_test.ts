// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { blockItemOffsets, jsonItemOffsets } from "./item_offsets.ts";
import { offsetOf } from "./yaml_document.ts";

function byTree(text: string, count: number): number[] {
  const [tree] = [...parseAllDocuments(text, { schema: "failsafe" })];
  if (tree === undefined) throw new Error("no document");
  return Array.from({ length: count }, (_, index) => offsetOf(tree, ["resources", index], "value"));
}

Deno.test("jsonItemOffsets() finds what a syntax tree finds", async (t) => {
  const cases: [name: string, text: string, count: number][] = [
    ["maps", '{"resources": [{"a": 1}, {"b": [1, 2]},\n {"c": "],"}]}', 3],
    [
      "scalars and lists",
      '{"x": {"resources": [9]}, "resources": [1, "two, \\" ]", [3], null]}',
      4,
    ],
    ["nothing in it", '{"resources": []}', 0],
    ["a value that is the key's text", '{"type": "resources", "resources": [{}]}', 1],
    ["escapes before a quote", '{"a": "\\\\", "resources": ["\\\\\\"", {}]}', 2],
  ];
  for (const [name, text, count] of cases) {
    await t.step(
      name,
      () => assert.deepEqual(jsonItemOffsets(text, "resources"), byTree(text, count)),
    );
  }
});

Deno.test("blockItemOffsets() finds what a syntax tree finds", async (t) => {
  const cases: [name: string, text: string, count: number][] = [
    ["indented items", "version_info: a\nresources:\n  - a: 1\n    b:\n      - 2\n  - c: 3\n", 2],
    ["items at the key's column", "resources:\n- a: 1\n- b:\n  - 2\nnodes: x\n", 2],
    ["comments and empty lines", "resources: # all\n\n  # one\n  - a: 1\n\n  #- b\n  - c: 2\n", 2],
    ["literal blocks with dashes", "resources:\n  - a: |\n      - x\n      - y\n  - b: 1\n", 2],
    ["wide dashes", "resources:\n  -   a: 1\n      b: 2\n  -   c: 3\n", 2],
    ["a list that ends before another key", "resources:\n  - a: 1\nmore:\n  - b: 1\n  - c: 1\n", 1],
  ];
  for (const [name, text, count] of cases) {
    await t.step(
      name,
      () => assert.deepEqual(blockItemOffsets(text, "resources"), byTree(text, count)),
    );
  }
});

Deno.test("blockItemOffsets() leaves what it cannot tell to the tree", () => {
  for (const text of ["resources: [a, b]\n", "resources:\n  -\n    a: 1\n", "other:\n  - a\n"]) {
    assert.equal(blockItemOffsets(text, "resources"), undefined, text);
  }
});
