// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { Chance } from "@denvoy/base/testing";
import { toBinary } from "@bufbuild/protobuf";
import { parseAllDocuments } from "yaml";
import { messageFromBinary } from "./message.ts";
import type { PlainValue } from "./plain.ts";
import { loadRegistry, typeUrlOf } from "./registry.ts";
import { RandomMessages } from "./testing.ts";
import { toYaml } from "./to_json.ts";
import { readSimpleYaml } from "./yaml_blocks.ts";
import { toPlain } from "./yaml_document.ts";

/** The result of the full parser; undefined when it finds anything wrong. */
function full(text: string): PlainValue | undefined {
  const trees = parseAllDocuments(text, { schema: "failsafe", prettyErrors: false });
  const [tree] = trees;
  if (trees.length !== 1 || !tree || !("contents" in tree) || tree.errors.length > 0) {
    return undefined;
  }
  try {
    return toPlain(tree as never).value;
  } catch {
    return undefined;
  }
}

/** Whatever the fast path takes must be what the full parser makes of it. */
function assertAgrees(text: string): boolean {
  const simple = readSimpleYaml(text);
  if (simple) assert.deepEqual(full(text), simple.value, JSON.stringify(text));
  return simple !== undefined;
}

const EXAMPLES = ["edge.yaml", "clusters.yaml", "tcp.yaml"].map((file) =>
  Deno.readTextFileSync(new URL(`./testdata/good/${file}`, import.meta.url))
);

Deno.test("readSimpleYaml() takes what configurations are made of, as the full parser does", () => {
  for (
    const text of [
      "a: b",
      "a: b\nc:\n  d: 1\n  e:\n  - f\n  - g: h\n    i: j\n  -   k: l\n      m: n\no: ~\n",
      "- a\n- - b\n  - c\n-\n  d: e\n-\n- f",
      "---\na: b # c\n# d\n\n  # e\nf: 'g''h' # i\nj: \"k\\n\\u00e4\\\\\"\n",
      "a:\nb:\n- c\n-\nd:",
      'a: {b: {}, "c": [1, -2, [], d e], \'f\': "g"}\nh: []\n',
      "a: |\n  x\n   y: z\n\n  # w\nb: |-\n    v\n\nc:\n- |\n  u\n- t\n",
      'a: http://b:80/c#d\ne: f:g\n"h i": j\nenvoy.k-l/m: -5\nn: -1.5\n',
      "a: yes\nb: 017\nc: 1.5\nd: null\ne: 0x1f\n",
      '{"a": 1}',
    ]
  ) {
    const taken = assertAgrees(text);
    assert.equal(taken, text !== '{"a": 1}', text);
  }
});

Deno.test("readSimpleYaml() leaves to the full parser what is unusual or wrong", () => {
  for (
    const text of [
      "",
      "a",
      "a: &x b\nc: *x",
      "a: !!str b",
      "<<: {a: b}",
      "a: b\n  c",
      "a: 'b\n  c'",
      "a: {b: c,\n d: e}",
      "a: >\n  b",
      "a: |2\n  b",
      "a: |+\n  b\n",
      "a: b\na: c",
      "a: {b: 1, b: 2}",
      "a: b: c",
      "a:b",
      "a:\tb",
      "\ta: b",
      "a: b\r\nc: d",
      "a: b\n---\nc: d",
      "a: b\n...\n",
      "? a\n: b",
      "a: [b, c",
      "a: [b: c]",
      "a: 'b' c",
      'a: "\\x41"',
      "a:\n  b: c\n d: e",
      "- a\nb: c",
      "a: @b",
      "a: -",
      "%YAML 1.2\n---\na: b",
    ]
  ) {
    assert.equal(readSimpleYaml(text), undefined, text);
    assertAgrees(text);
  }
});

Deno.test("readSimpleYaml() agrees with the full parser on random messages as YAML", () => {
  const random = new RandomMessages(loadRegistry(), 11);
  let taken = 0;
  for (let round = 0; round < 400; round++) {
    const desc = random.type();
    const bytes = toBinary(desc, random.message(desc));
    if (assertAgrees(toYaml(messageFromBinary(typeUrlOf(desc.typeName), bytes)))) taken++;
  }
  assert.ok(taken > 200, `took ${taken} of 400`);
});

Deno.test("readSimpleYaml() agrees with the full parser on damaged configurations", () => {
  const chance = new Chance(5);
  const pieces = [
    " ",
    "\n",
    "-",
    ":",
    "- ",
    ": ",
    "#",
    " #",
    "'",
    '"',
    "{",
    "}",
    "[",
    "]",
    ",",
    "|",
    ">",
    "&a",
    "*a",
    "\t",
    "a",
    "\\",
    "  ",
    "~",
    "!",
    "%",
    "---",
    "?",
  ];
  const lines = EXAMPLES.flatMap((text) => text.split("\n"));
  let taken = 0;
  for (let round = 0; round < 6000; round++) {
    const start = chance.below(lines.length);
    let text = lines.slice(start, start + 1 + chance.below(12)).join("\n");
    for (let hits = chance.below(4); hits > 0; hits--) {
      const at = chance.below(text.length + 1);
      const piece = pieces[chance.below(pieces.length)] ?? "";
      text = text.slice(0, at) + piece + text.slice(at + (chance.happens(0.5) ? 1 : 0));
    }
    if (assertAgrees(text)) taken++;
  }
  assert.ok(taken > 300, `took ${taken} of 6000`);
});
