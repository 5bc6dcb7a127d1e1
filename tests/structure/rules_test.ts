// SPDX-License-Identifier: Apache-2.0
// That each rule bites: a table of small graphs, and what must be said of them.
import assert from "node:assert/strict";
import {
  cycleBreaches,
  layerBreaches,
  libraryBreaches,
  missingBreaches,
  npmBreaches,
  serviceBreaches,
  specifierBreaches,
} from "./graph_rules.ts";
import { importTarget, type Module } from "./module_graph.ts";
import { mainBreaches, nameBreaches, pinBreaches } from "./name_rules.ts";

/** Importer, then what it imports: a path, or a specifier and `=` and a path or URL. */
type Line = readonly [string, ...string[]];

function graphOf(...lines: readonly Line[]): readonly Module[] {
  return lines.map(([path, ...imports]) => ({
    path,
    imports: imports.map((text) => {
      const [specifier = text, resolved = text] = text.split("=");
      if (/^[a-z]+:/.test(resolved)) return { specifier, target: importTarget(resolved) };
      return { specifier, target: { kind: "file", path: resolved } as const };
    }),
  }));
}

function testRule(
  rule: (modules: readonly Module[]) => readonly string[],
  rows: Readonly<Record<string, readonly [graph: readonly Module[], breaches: readonly string[]]>>,
): void {
  for (const [name, [graph, breaches]] of Object.entries(rows)) {
    Deno.test(`${rule.name}() ${name}`, () => assert.deepEqual(rule(graph), breaches));
  }
}

testRule(missingBreaches, {
  "refuses an import that leads nowhere": [
    [{ path: "a.ts", imports: [{ specifier: "./b.ts", target: { kind: "missing" } }] }],
    ["a.ts imports ./b.ts, which cannot be read"],
  ],
});

testRule(layerBreaches, {
  "takes what is to the left": [
    graphOf(
      ["libs/xds/a.ts", "libs/proto/mod.ts", "libs/base/mod.ts"],
      ["services/ads/domain/a.ts", "libs/xds/mod.ts"],
      ["services/ads/handlers/a.ts", "services/ads/domain/a.ts", "libs/grpc/mod.ts"],
      ["services/ads/app.ts", "services/ads/adapters/a.ts", "services/ads/handlers/a.ts"],
      ["services/ads/main.ts", "services/ads/app.ts", "libs/runtime/mod.ts"],
      ["cli/main.ts", "services/ads/mod.ts"],
    ),
    [],
  ],
  "takes anything from tests, benches and tools": [
    graphOf(
      ["libs/base/a_test.ts", "libs/xds/mod.ts"],
      ["tests/envoy/a_test.ts", "services/ads/domain/a.ts"],
      ["tools/a.ts", "libs/runtime/mod.ts"],
    ),
    [],
  ],
  "refuses a library that imports to its right": [
    graphOf(["libs/base/a.ts", "libs/proto/mod.ts"], ["libs/grpc/a.ts", "libs/runtime/mod.ts"]),
    [
      "libs/base/a.ts imports libs/proto/mod.ts but base must not import proto",
      "libs/grpc/a.ts imports libs/runtime/mod.ts but grpc must not import runtime",
    ],
  ],
  "refuses a domain that does I/O through a library": [
    graphOf(["services/ads/domain/a.ts", "libs/grpc/mod.ts"]),
    ["services/ads/domain/a.ts imports libs/grpc/mod.ts but domain must not import grpc"],
  ],
  "refuses a domain that knows its handlers": [
    graphOf(["services/ads/domain/a.ts", "services/ads/handlers.ts"]),
    ["services/ads/domain/a.ts imports services/ads/handlers.ts but domain must not import handlers"],
  ],
  "refuses adapters that know handlers": [
    graphOf(["services/ads/adapters/a.ts", "services/ads/http/a.ts"]),
    ["services/ads/adapters/a.ts imports services/ads/http/a.ts but adapters must not import handlers"],
  ],
  "refuses a library that knows a service": [
    graphOf(["libs/xds/a.ts", "services/ads/mod.ts"]),
    ["libs/xds/a.ts imports services/ads/mod.ts but xds must not import app"],
  ],
  "refuses a product that imports tools": [
    graphOf(["cli/a.ts", "tools/child.ts"]),
    ["cli/a.ts imports tools/child.ts but cli must not import free"],
  ],
  "refuses a product that imports what is for tests": [
    graphOf(["libs/xds/a.ts", "libs/base/testing.ts"]),
    ["libs/xds/a.ts imports libs/base/testing.ts which is for tests only"],
  ],
});

testRule(serviceBreaches, {
  "takes a service's own files": [graphOf(["services/ads/app.ts", "services/ads/config.ts"]), []],
  "refuses another service, also from a test": [
    graphOf(["services/sds/app_test.ts", "services/ads/mod.ts"]),
    ["services/sds/app_test.ts imports services/ads/mod.ts but a service must not import another"],
  ],
});

testRule(specifierBreaches, {
  "takes names outside and relative paths inside": [
    graphOf(["libs/xds/a.ts", "@denvoy/base=libs/base/mod.ts", "./b.ts=libs/xds/b.ts"]),
    [],
  ],
  "refuses a relative path into another package": [
    graphOf(["libs/xds/a.ts", "../base/mod.ts=libs/base/mod.ts"]),
    ["libs/xds/a.ts imports libs/base/mod.ts as ../base/mod.ts, but must use the package's name"],
  ],
  "refuses a package that imports itself by name": [
    graphOf(["libs/xds/a.ts", "@denvoy/xds=libs/xds/mod.ts"]),
    ["libs/xds/a.ts imports libs/xds/mod.ts as @denvoy/xds, but must use a relative path"],
  ],
});

testRule(npmBreaches, {
  "takes a package at home, and anything in tests": [
    graphOf(
      ["libs/proto/a.ts", "protobufjs/minimal.js=npm:/protobufjs@8.8.1/minimal.js"],
      ["libs/xds/a_test.ts", "protobufjs=npm:protobufjs@8.8.1"],
      ["libs/grpc/a.ts", "node:net"],
    ),
    [],
  ],
  "refuses a package away from home": [
    graphOf(["services/ads/a.ts", "@grpc/grpc-js=npm:/@grpc/grpc-js@1.14.7"]),
    ["services/ads/a.ts imports @grpc/grpc-js, whose home is libs/grpc"],
  ],
  "refuses a package without a home": [
    graphOf(["libs/grpc/a.ts", "left-pad=npm:left-pad@1.0.0"]),
    ["libs/grpc/a.ts imports left-pad, which has no home"],
  ],
  "refuses the web": [
    graphOf(["tests/a.ts", "https://example.org/a.ts"]),
    ["tests/a.ts imports https://example.org/a.ts from the web"],
  ],
});

testRule(cycleBreaches, {
  "takes a diamond": [graphOf(["a.ts", "b.ts", "c.ts"], ["b.ts", "d.ts"], ["c.ts", "d.ts"]), []],
  "takes a cycle of types": [
    [
      ...graphOf(["a.ts", "b.ts"]),
      {
        path: "b.ts",
        imports: [{ specifier: "a.ts", target: { kind: "file", path: "a.ts" }, typeOnly: true }],
      },
    ],
    [],
  ],
  "names a cycle once": [
    graphOf(["a.ts", "b.ts"], ["b.ts", "c.ts"], ["c.ts", "b.ts"]),
    ["b.ts -> c.ts -> b.ts"],
  ],
});

const threeServices = [
  ["services/ads/a.ts"],
  ["services/rls/a.ts"],
  ["services/sds/a.ts"],
] as const;
testRule(libraryBreaches, {
  "takes one user while there are few services": [
    graphOf(["libs/xds/mod.ts"], ["services/ads/a.ts", "libs/xds/mod.ts"]),
    [],
  ],
  "wants two users once there are three services": [
    graphOf(["libs/xds/mod.ts"], ["cli/a.ts", "libs/xds/mod.ts"], ...threeServices),
    ["libs/xds must have 2 users: it has 1"],
  ],
  "does not count tests and tools": [
    graphOf(["libs/xds/mod.ts"], ["tools/a.ts", "libs/xds/mod.ts"]),
    ["libs/xds must have 1 users: it has 0"],
  ],
});

Deno.test("nameBreaches() refuses names that say nothing and other cases", () => {
  assert.deepEqual(nameBreaches(["libs/base/status_error.ts", "README.md", "a/b2.d.ts"]), []);
  assert.deepEqual(nameBreaches(["libs/utils/a.ts", "libs/base/types.ts", "libs/aB.ts"]), [
    'libs/utils/a.ts: the name "utils" says nothing',
    'libs/base/types.ts: the name "types" says nothing',
    'libs/aB.ts: "aB" must be in snake_case',
  ]);
});

Deno.test("mainBreaches() refuses a main.ts of more than 15 lines", () => {
  assert.deepEqual(mainBreaches("services/ads/main.ts", "x\n".repeat(15)), []);
  assert.deepEqual(mainBreaches("cli/main.ts", "x\n".repeat(16)), []);
  const breach = "services/ads/main.ts must have at most 15 lines: it has 16";
  assert.deepEqual(mainBreaches("services/ads/main.ts", "x\n".repeat(16)), [breach]);
});

Deno.test("pinBreaches() refuses ranges and the web", () => {
  assert.deepEqual(pinBreaches({ a: "npm:a@1.2.3", "a/": "npm:/@b/a@1.2.3-rc.1/" }), []);
  const breach = "a must be pinned to an exact npm version: it is npm:a@^1.2.3";
  assert.deepEqual(pinBreaches({ a: "npm:a@^1.2.3" }), [breach]);
  assert.equal(pinBreaches({ a: "https://example.org/a.ts" }).length, 1);
});
