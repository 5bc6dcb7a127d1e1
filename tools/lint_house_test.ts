// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { housePlugin } from "./lint_house.ts";

/** A row of a table: what is linted, under which path, and what must be said of it. */
interface Row {
  readonly path?: string;
  readonly source: string;
  readonly says?: string;
}

const head = "// SPDX-License-Identifier: Apache-2.0\n/** Decides. @module */\n";

function messages(rule: string, { path = "libs/grpc/a.ts", source }: Row): readonly string[] {
  return Deno.lint.runPlugin(housePlugin, path, source)
    .filter((diagnostic) => diagnostic.id === `house/${rule}`)
    .map((diagnostic) => diagnostic.message);
}

function testRule(rule: string, rows: Readonly<Record<string, Row>>): void {
  for (const [name, row] of Object.entries(rows)) {
    Deno.test(`house/${rule} ${name}`, () => {
      assert.deepEqual(messages(rule, row), row.says === undefined ? [] : [row.says]);
    });
  }
}

function lines(count: number): string {
  return "x();\n".repeat(count);
}

testRule("spdx-first-line", {
  "takes the licence line": { source: head },
  "leaves generated files alone": { path: "libs/proto/gen/a.ts", source: "" },
  "wants it first": {
    source: `\n${head}`,
    says: 'the first line must be "// SPDX-License-Identifier: Apache-2.0"',
  },
});

const noModule = "a doc comment with @module must follow the licence line";
testRule("module-comment", {
  "takes a doc comment with @module": { source: head },
  "leaves tests alone": { path: "libs/grpc/a_test.ts", source: "" },
  "refuses a file without": { source: "// SPDX\nexport {};\n", says: noModule },
  "refuses a doc comment of something else": { source: "// SPDX\n/** A. */\n", says: noModule },
});

testRule("file-length", {
  "takes 400 lines": { source: lines(400) },
  "refuses 401": {
    source: lines(401),
    says: "a file must have at most 400 lines: this one has 401",
  },
});

testRule("named-exports", {
  "takes named ones": { source: "export const a = 1;" },
  "takes a plugin": { source: "/** @defaultexport it must be */\nexport default {};" },
  "refuses a default": { source: "export default 1;", says: "exports must be named, not default" },
});

testRule("exported-doc", {
  "takes documented symbols and members": {
    source: "/** A. */\nexport interface A {\n/** B. */\nb: 1;\n}\n",
  },
  "takes a lint directive between the two": {
    source: "/** A. */\n// deno-lint-ignore no-explicit-any\nexport const a = 1;",
  },
  "takes what is not exported": { source: "const a = 1; interface B { c: 1 }" },
  "takes private, overriding and constructing members": {
    source: "/** A. */\nexport class A extends B {\n#b = 1; override c = 2; constructor() {}\n}",
  },
  "takes later overloads": {
    source: "/** A. */\nexport function a(): 1;\nexport function a() { return 1; }",
  },
  "leaves tests alone": { path: "libs/xds/a_test.ts", source: "export const a = 1;" },
  "refuses a function": {
    source: "// says\nexport function a() {}",
    says: "a is exported and must have a doc comment",
  },
  "refuses a type": {
    source: "/* says */\nexport type A = 1;",
    says: "A is exported and must have a doc comment",
  },
  "refuses a constant after somebody else's comment": {
    source: "/** A. */\nconst a = 1;\nexport const b = a;",
    says: "b is exported and must have a doc comment",
  },
  "refuses a member of an interface": {
    source: "/** A. */\nexport interface A { readonly b: 1 }",
    says: "member b must have a doc comment",
  },
  "refuses a method of a class": {
    source: "/** A. */\nexport class A { [Symbol.dispose]() {} }",
    says: "member Symbol.dispose must have a doc comment",
  },
});

const pure = "libs/xds/a.ts";
testRule("pure-zone", {
  "takes arguments and properties of the same name": {
    path: pure,
    source: "clock.process({ fetch: 1 }).console; interface A { performance: 1 } new Date(5);",
  },
  "leaves other zones alone": { path: "libs/grpc/a.ts", source: "Deno.exit(); Date.now();" },
  "leaves tests alone": { path: "libs/xds/a_test.ts", source: "Deno.test();" },
  "refuses Deno": { path: pure, source: "Deno.env;", says: "Deno must not be used in a pure zone" },
  "refuses a type of Deno": {
    path: pure,
    source: "let a: Deno.Conn;",
    says: "Deno must not be used in a pure zone",
  },
  "refuses timers": {
    path: "services/ads/domain/a.ts",
    source: "setTimeout(a, 1);",
    says: "setTimeout must not be used in a pure zone",
  },
  "refuses fetch in shorthand": {
    path: "services/ads/domain/a.ts",
    source: "f({ fetch });",
    says: "fetch must not be used in a pure zone",
  },
  "refuses node:": {
    path: "libs/base/a.ts",
    source: 'import { join } from "node:path";',
    says: "node:path must not be used in a pure zone",
  },
  "refuses Date.now": {
    path: pure,
    source: "Date.now();",
    says: "Date.now must not be used in a pure zone",
  },
  "refuses the present": {
    path: pure,
    source: "new Date();",
    says: "new Date() without a time must not be used in a pure zone",
  },
  "refuses Math.random": {
    path: pure,
    source: "Math.random();",
    says: "Math.random must not be used in a pure zone",
  },
  "refuses random bytes": {
    path: pure,
    source: "crypto.getRandomValues(a);",
    says: "crypto must not be used in a pure zone",
  },
  "refuses a dynamic import": {
    path: pure,
    source: 'import("./b.ts");',
    says: "a dynamic import must not be used in a pure zone",
  },
});

testRule("function-length", {
  "takes 60 lines": { source: `function a() {\n${lines(58)}}` },
  "refuses 61": {
    source: `function a() {\n${lines(59)}}`,
    says: "a function must have at most 60 lines: it has 61",
  },
  "refuses an arrow of 61": {
    source: `call(() => {\n${lines(59)}});`,
    says: "a function must have at most 60 lines: it has 61",
  },
});

testRule("parameter-count", {
  "takes three": { source: "function a(b, c, { d, e, f }) {}" },
  "refuses four": {
    source: "class A { b(c, d, e, f) {} }",
    says: "a function must have at most 3 parameters: it has 4",
  },
});

testRule("top-level-function", {
  "takes an arrow inside": { source: "function a() { const b = () => 1; }" },
  "takes an arrow in an object": { source: "export const a = { b: () => 1 };" },
  "refuses one at the top": {
    source: "const a = () => 1;",
    says: "a function at the top level must be a declaration",
  },
  "refuses an exported one": {
    source: "export const a = async () => 1;",
    says: "a function at the top level must be a declaration",
  },
});

testRule("hash-private", {
  "takes #name and a private constructor": {
    source: "class A { #b = 1; private constructor() {} }",
  },
  "refuses a property": {
    source: "class A { private b = 1; }",
    says: "a private member must be written #name",
  },
  "refuses a method": {
    source: "class A { private b() {} }",
    says: "a private member must be written #name",
  },
});
