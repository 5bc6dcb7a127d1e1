// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import type { PlainValue } from "./plain.ts";
import { parseDocuments, type ParseOptions } from "./source.ts";

function values(text: string, options: ParseOptions = {}): PlainValue[] {
  const { documents, problems } = parseDocuments(text, options);
  assert.deepEqual(problems.map(formatProblem), []);
  return documents.map(({ value }) => value);
}

function problems(text: string, options: ParseOptions = { file: "f.yaml" }): string[] {
  const result = parseDocuments(text, options);
  assert.deepEqual(result.documents, []);
  return result.problems.map(formatProblem);
}

Deno.test("parseDocuments() reads YAML as Envoy does", () => {
  const cases: Record<string, PlainValue> = {
    "a: 1": { a: 1 },
    "a: [1, -1, +1, 0x1F, 017, 0]": { a: [1, -1, 1, 31, 15, 0] },
    "a: [1.5, 1e3, .5, 08, 1_000, .inf]": { a: ["1.5", "1e3", ".5", "08", "1_000", ".inf"] },
    "a: [2147483647, 2147483648, -2147483649]": { a: [2147483647, "2147483648", "-2147483649"] },
    "a: 99999999999999999999": { a: "99999999999999999999" },
    "a: [true, True, yes, ON, y, false, No, off, n]": {
      a: [true, true, true, true, true, false, false, false, false],
    },
    "a: [tRue, yess]": { a: ["tRue", "yess"] },
    "a: [~, null, Null, NULL, '']": { a: [null, null, null, null, ""] },
    "a:\nb:": { a: null, b: null },
    "a: ['1', \"yes\", !!str 5]": { a: ["1", "yes", "5"] },
    "{1: a, true: b, 1.50: c, ~: d}": { "1": "a", "true": "b", "1.50": "c", "~": "d" },
    "a: |\n  x\n  y\n": { a: "x\ny\n" },
    "a: >-\n  x\n  y\n": { a: "x y" },
    "a: x\n  y": { a: "x y" },
    "a: 'it''s' # comment": { a: "it's" },
    "a: x#y": { a: "x#y" },
    'a: "\\x41\\u00e4\\n"': { a: "Aä\n" },
    "- a\n- b": ["a", "b"],
    "a:\n- b\n- c": { a: ["b", "c"] },
    "\uFEFFa: b": { a: "b" },
    "a: b\r\nc: d\r\n": { a: "b", c: "d" },
    '{"a": [1, "b", null, {"c": true}]}': { a: [1, "b", null, { c: true }] },
  };
  for (const [text, wanted] of Object.entries(cases)) {
    assert.deepEqual(values(text), [wanted], text);
  }
});

Deno.test("parseDocuments() resolves anchors, aliases and merge keys", () => {
  const cases: Record<string, PlainValue> = {
    "a: &x {b: 1}\nc: *x": { a: { b: 1 }, c: { b: 1 } },
    "a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}": { a: { b: 1, c: 2 }, d: { c: 3, b: 1 } },
    "a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne: {<<: [*x, *y]}": {
      a: { b: 1 },
      c: { b: 2, d: 3 },
      e: { b: 1, d: 3 },
    },
    "a: &x 1\nb: &x 2\nc: *x": { a: 1, b: 2, c: 2 },
    "'<<': 1": { "<<": 1 },
  };
  for (const [text, wanted] of Object.entries(cases)) {
    assert.deepEqual(values(text), [wanted], text);
  }
});

Deno.test("parseDocuments() reads several documents and leaves out empty ones", () => {
  assert.deepEqual(values("a: 1\n---\nb: 2\n---\n# nothing\n"), [{ a: 1 }, { b: 2 }]);
  assert.deepEqual(values(""), []);
  assert.deepEqual(values("# only a comment"), []);
});

Deno.test("parseDocuments() makes __proto__ a key like any other", () => {
  for (const options of [{}, { format: "json" }] as const) {
    const [value] = values('{"__proto__": {"a": 1}}', options);
    assert.deepEqual(Object.keys(value as object), ["__proto__"]);
    assert.equal((value as { a?: number }).a, undefined);
  }
});

Deno.test("parseDocuments() reads JSON by the name of the file, with exact large integers", () => {
  const file = "f.json";
  assert.deepEqual(values('{"a": 1.5, "b": 12345678901234567890, "c": 5000000000}', { file }), [
    { a: 1.5, b: 12345678901234567890n, c: 5000000000 },
  ]);
  assert.deepEqual(values('{"a\\"b": "c\\":", "c": "\\ud83d\\ude00"}', { file }), [{
    'a"b': 'c":',
    c: "😀",
  }]);
});

Deno.test("parseDocuments() says what is wrong with the syntax and where", () => {
  const cases: [string, string[]][] = [
    ["a: 1\na: 2", ['f.yaml:2:1: key "a" is there twice']],
    ["a: [1", [
      "f.yaml:1:6: flow sequence in block collection must be sufficiently indented and end with a ]",
    ]],
    ["a: *x", ["f.yaml:1:4: alias *x names no anchor before it"]],
    ["a: &a [*a]", ["f.yaml:1:8: alias *a names no anchor before it"]],
    ["? [a]\n: b", ["f.yaml:1:3: a key must be a scalar"]],
    ["a: {<<: {b: 1}, <<: {c: 1}}", [`f.yaml:1:17: key "<<" is there twice`]],
    ["a: {<<: 1}", ["f.yaml:1:9: the merge key << needs a map or a list of maps"]],
    ["a:\n\tb: 1", ["f.yaml:2:1: tabs are not allowed as indentation"]],
    ["a: b: c", ["f.yaml:1:4: nested mappings are not allowed in compact mappings"]],
  ];
  for (const [text, wanted] of cases) assert.deepEqual(problems(text).slice(0, 1), wanted, text);
});

Deno.test("parseDocuments() says where JSON is broken, and finds duplicate keys in it", () => {
  const file = "f.json";
  assert.deepEqual(problems('{"secret": "x",\n }', { file }), ["f.json:2:2: is not valid JSON"]);
  assert.deepEqual(problems('{"a": 1,\n "a": 2}', { file }), [
    'f.json:2:2: key "a" is there twice',
  ]);
  assert.deepEqual(problems('{"a": {"b": 1, "b": 2}}', { file }), [
    'f.json:1:16: key "b" is there twice',
  ]);
});

Deno.test("parseDocuments() bounds what a hostile text costs", () => {
  const bomb = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
  for (const [here, above] of [..."bcdefgh"].map((name, i) => [name, "abcdefg"[i]])) {
    bomb.push(`${here}: &${here} [${Array(10).fill(`*${above}`).join(", ")}]`);
  }
  const deepMap = Array.from({ length: 3000 }, (_, i) => `${" ".repeat(i)}a:`).join("\n");
  const texts = [
    bomb.join("\n"),
    "[".repeat(100_000),
    "{".repeat(100_000),
    "- ".repeat(100_000),
    "{a: ".repeat(20_000),
    "? ".repeat(20_000),
    "[{a: ".repeat(20_000),
    deepMap,
  ];
  for (const text of texts) assert.ok(problems(text).length > 0, text.slice(0, 10));
  assert.match(
    problems("a".repeat(11), { maxLength: 10 })[0] ?? "",
    /at most 10 characters long: length is 11/,
  );
  const json = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
  assert.match(problems(json, { format: "json" })[0] ?? "", /nested deeper than 200/);
  assert.ok(problems("]\n".repeat(1000)).length <= 20);
  const wide = Array.from({ length: 50_000 }, (_, i) => `k${i}: v\n`).join("");
  assert.equal(Object.keys(values(wide)[0] ?? {}).length, 50_000);
});

Deno.test("place() gives the line and column of values and keys, also of merged and aliased ones", () => {
  const text = "a: &x {b: 1}\nc:\n  <<: *x\n  d:\n  - e\n  - fG: 2\nh: *x\n";
  const [document] = parseDocuments(text).documents;
  assert.ok(document);
  const cases: [(string | number)[], "key" | "value", string][] = [
    [[], "value", "1:1"],
    [["a", "b"], "value", "1:11"],
    [["a", "b"], "key", "1:8"],
    [["c", "b"], "value", "1:11"],
    [["c", "d", 0], "value", "5:5"],
    [["c", "d", 1, "f_g"], "key", "6:5"],
    [["h", "b"], "value", "1:11"],
    [["c", "nothing", "x"], "value", "3:3"],
  ];
  for (const [path, at, wanted] of cases) {
    const { line, column } = document.place(path, at);
    assert.equal(`${line}:${column}`, wanted, `${path} ${at}`);
  }
});
