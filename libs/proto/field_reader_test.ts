// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import { FieldReader, type FieldReaderOptions, type MapAt } from "./field_reader.ts";
import { onlyDocument } from "./testing.ts";

type Read = (reader: FieldReader, root: MapAt) => unknown;

function read(text: string, use: Read, options?: FieldReaderOptions) {
  const reader = new FieldReader(onlyDocument(text, "a.yaml"), options);
  const root = reader.root();
  return {
    value: root && use(reader, root),
    problems: reader.problems.map(formatProblem),
  };
}

const ways = {
  text: (reader, root) => reader.text(root, "x"),
  filled: (reader, root) => reader.filled(root, "x"),
  required: (reader, root) => reader.required(root, "x"),
  texts: (reader, root) => reader.texts(root, "x"),
  flag: (reader, root) => reader.flag(root, "x"),
  flagOn: (reader, root) => reader.flag(root, "x", true),
  whole: (reader, root) => reader.whole(root, "x", { min: 1, max: 9 }),
  word: (reader, root) => reader.word(root, "x", ["URI", "dns_name"]),
  durationMs: (reader, root) => reader.durationMs(root, "x"),
  map: (reader, root) => reader.map(root, "x"),
  maps: (reader, root) => reader.maps(root, "x").map(({ path }) => path),
} satisfies Readonly<Record<string, Read>>;

type Way = keyof typeof ways;

const good: readonly (readonly [document: string, use: Way, wanted: unknown])[] = [
  ["x: a b", "text", "a b"],
  ["x: ''", "text", ""],
  ["y: 1", "text", undefined],
  ["x: ~", "text", undefined],
  ["x: 007", "text", "007"],
  ["x: yes", "text", "yes"],
  ["x: 1.50", "text", "1.50"],
  ["x: 123456789012345678901", "text", "123456789012345678901"],
  ["{y: [{x: 1}], x: true}", "text", "true"],
  ["y: &a 7\nx: *a", "text", "7"],
  ["\uFEFFx: 007", "text", "007"],
  ["x: a", "filled", "a"],
  ["y: a", "filled", undefined],
  ["x: 5", "required", "5"],
  ["x: [a, 7]", "texts", ["a", "7"]],
  ["x: a", "texts", ["a"]],
  ["y: a", "texts", []],
  ["x: yes", "flag", true],
  ["x: ~", "flag", false],
  ["x: ~", "flagOn", true],
  ["x: 9", "whole", 9],
  ["x: '+9'", "whole", 9],
  ["y: 9", "whole", undefined],
  ["x: uri", "word", "URI"],
  ["x: DNS_Name", "word", "dns_name"],
  ["y: a", "word", undefined],
  ["x: 250ms", "durationMs", 250],
  ["x: 1.5s", "durationMs", 1500],
  ["x: 7d", "durationMs", 604_800_000],
  ["x: {a: 1}", "map", { map: { a: 1 }, path: ["x"] }],
  ["y: 1", "map", undefined],
  ["x: [{a: 1}, {}]", "maps", [["x", 0], ["x", 1]]],
  ["x: ~", "maps", []],
];

Deno.test("FieldReader reads what is there", () => {
  for (const [document, use, wanted] of good) {
    assert.deepEqual(read(document, ways[use]), { value: wanted, problems: [] }, document);
  }
});

Deno.test("FieldReader takes numbers of JSON for texts as they are written", () => {
  const reader = new FieldReader(onlyDocument('{"x": 1.50, "y": 2.5}', "a.json"));
  const root = reader.root();
  assert.ok(root);
  assert.equal(reader.text(root, "x"), "1.50");
  assert.equal(reader.whole(root, "y", { min: 0, max: 9 }), undefined);
  assert.match(reader.problems.map(formatProblem).join(), /must be a whole number .* is "2.5"$/);
});

const wrong: readonly (readonly [document: string, use: Way, problem: string])[] = [
  ["- 1", "text", "a.yaml:1:1: must be a map: is a list"],
  ["x: [a]", "text", "a.yaml:1:4: x: must be a text: is a list"],
  ["x: {}", "text", "a.yaml:1:4: x: must be a text: is a map"],
  ["x: ''", "filled", "a.yaml:1:4: x: must not be empty"],
  ["y: a", "required", "a.yaml:1:1: needs `x`"],
  ["x: [a, {}]", "texts", "a.yaml:1:8: x[1]: must be a text: is a map"],
  ["x:\n- ~", "texts", "a.yaml:2:3: x[0]: must be a text: is empty"],
  ["x: ['']", "texts", "a.yaml:1:5: x[0]: must not be empty"],
  ["x: 3", "flag", 'a.yaml:1:4: x: must be true or false: is "3"'],
  ["x: 10", "whole", 'a.yaml:1:4: x: must be a whole number from 1 to 9: is "10"'],
  ["x: 1.5", "whole", 'a.yaml:1:4: x: must be a whole number from 1 to 9: is "1.5"'],
  [
    "x: dns_nam",
    "word",
    'a.yaml:1:4: x: must be one of URI, dns_name: is "dns_nam" (did you mean "dns_name"?)',
  ],
  [
    "x: 90",
    "durationMs",
    'a.yaml:1:4: x: must be a duration such as "90s", "15m", "24h" or "7d": is "90"',
  ],
  ["x: [1]", "map", "a.yaml:1:4: x: must be a map: is a list"],
  ["x: 1", "maps", 'a.yaml:1:4: x: must be a list: is "1"'],
  ["x: [{}, ~]", "maps", "a.yaml:1:9: x[1]: must be a map: is empty"],
];

Deno.test("FieldReader notes what is wrong, and where", () => {
  for (const [document, use, problem] of wrong) {
    assert.deepEqual(read(document, ways[use]).problems, [problem], document);
  }
});

Deno.test("FieldReader does not quote what may be a secret", () => {
  const rows: readonly (readonly [document: string, use: Way, problem: string])[] = [
    ["hush", "text", "a.yaml:1:1: must be a map: is a text"],
    ["x: hush", "map", "a.yaml:1:4: x: must be a map: is a text"],
    ["x: 1234", "maps", "a.yaml:1:4: x: must be a list: is a number"],
    ["x: hush", "flag", "a.yaml:1:4: x: must be true or false: is a text"],
    ["x: yes", "whole", "a.yaml:1:4: x: must be a whole number from 1 to 9: is a boolean"],
    [
      "x: hush",
      "durationMs",
      'a.yaml:1:4: x: must be a duration such as "90s", "15m", "24h" or "7d"',
    ],
  ];
  for (const [document, use, problem] of rows) {
    assert.deepEqual(read(document, ways[use], { isSecret: true }).problems, [problem], document);
  }
});

Deno.test("FieldReader.keys() refuses unknown keys and warns of misplaced ones", () => {
  const { problems } = read("name: a\nvlaue: b\nunit: c", (reader, root) => {
    reader.keys(root, ["name", "value"], { elsewhere: new Set(["unit", "name"]) });
    return reader.problems.map(({ severity }) => severity);
  });
  assert.deepEqual(problems, [
    'a.yaml:2:1: vlaue: unknown key "vlaue", expected one of name, value (did you mean "value"?)',
    "a.yaml:3:1: unit: has no effect here and is ignored",
  ]);
});
