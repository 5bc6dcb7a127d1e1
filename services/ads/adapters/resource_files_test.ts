// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import { rootOf } from "@denvoy/runtime";
import { isResourcePath, readResourceFiles } from "./resource_files.ts";

Deno.test("isResourcePath() takes YAML and JSON that is not hidden, and whatever the root is", () => {
  const table: readonly [path: string, counts: boolean][] = [
    ["/r/a.yaml", true],
    ["/r/a.yml", true],
    ["/r/sub/a.json", true],
    ["/r/a.txt", false],
    ["/r/.a.yaml", false],
    ["/r/.git/a.yaml", false],
    ["/r/#a.yaml", false],
    ["/r/a.yaml~", false],
    ["/r", true],
  ];
  for (const [path, counts] of table) assert.equal(isResourcePath(path, "/r"), counts, path);
});

Deno.test("rootOf() drops slashes at the end and keeps the root", () => {
  assert.deepEqual(["a/", "a//", "/", "a"].map(rootOf), ["a", "a", "/", "a"]);
});

Deno.test("readResourceFiles() reads each file once and reports what is not there", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/a.yaml`, "one");
    await Deno.mkdir(`${folder}/empty`);
    const paths = [`${folder}/`, `${folder}/a.yaml`, `${folder}/gone.yaml`, `${folder}/empty`];
    const { texts, problems } = await readResourceFiles(paths);
    assert.deepEqual([...texts], [[`${folder}/a.yaml`, "one"]]);
    assert.deepEqual(problems.map(formatProblem), [
      `${folder}/gone.yaml: no such file or folder`,
      `${folder}/empty: holds no .yaml, .yml or .json file`,
    ]);
    assert.deepEqual(problems.map(({ severity }) => severity), ["error", "warning"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
