// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { join } from "node:path";
import { repositoryRoot } from "@denvoy/tools/real_parts";
import {
  cycleBreaches,
  layerBreaches,
  libraryBreaches,
  missingBreaches,
  npmBreaches,
  serviceBreaches,
  specifierBreaches,
} from "./graph_rules.ts";
import { type Module, readModuleGraph } from "./module_graph.ts";
import { mainBreaches, nameBreaches, pinBreaches } from "./name_rules.ts";
import { typescriptFiles } from "./source_files.ts";

type Rule = (modules: readonly Module[]) => readonly string[];

const graphRules: Readonly<Record<string, Rule>> = {
  "every import can be read": missingBreaches,
  "a layer imports only layers to its left": layerBreaches,
  "services never import services": serviceBreaches,
  "packages are imported by name, and by relative path inside": specifierBreaches,
  "each npm package has one home": npmBreaches,
  "no import cycles": cycleBreaches,
  "a library has two users": libraryBreaches,
};

const paths = typescriptFiles();
const graph = await readModuleGraph(paths);

for (const [name, rule] of Object.entries(graphRules)) {
  Deno.test(`import rules: ${name}`, () => assert.deepEqual(rule(graph), []));
}

Deno.test("import rules: the graph holds every file", () => {
  const read = new Set(graph.map((module) => module.path));
  assert.deepEqual(paths.filter((path) => !read.has(path)), []);
});

Deno.test("name rules: every name says what is inside", () => {
  assert.deepEqual(nameBreaches(paths), []);
});

Deno.test("name rules: a main.ts only calls the app", async () => {
  const read = (path: string) => Deno.readTextFile(join(repositoryRoot, path));
  const breaches = await Promise.all(
    paths.map(async (path) => mainBreaches(path, await read(path))),
  );
  assert.deepEqual(breaches.flat(), []);
});

Deno.test("name rules: imports are pinned", async () => {
  const config = JSON.parse(await Deno.readTextFile(join(repositoryRoot, "deno.json")));
  assert.deepEqual(pinBreaches(config.imports), []);
});
