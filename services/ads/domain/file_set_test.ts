// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import { FileSet } from "./file_set.ts";
import type { ResourceDraft } from "./resource_document.ts";
import { testSelector, textOf, textResource } from "./testing.ts";

function drafts(...names: readonly string[]): readonly ResourceDraft[] {
  return names.map((name, index) => {
    const [text = "", selector = ""] = name.split("@");
    return { resource: textResource(text), selector: testSelector(selector), line: index + 1 };
  });
}

function change(...entries: readonly (readonly [string, readonly ResourceDraft[] | undefined])[]) {
  return new Map(entries);
}

function texts(staged: ReturnType<FileSet["stage"]>): readonly string[] {
  return staged.edits.map((edit) =>
    edit.layer === "files" && edit.entry
      ? `${textOf(edit.entry.resource)} from ${edit.entry.place.file}:${edit.entry.place.line}`
      : `no ${edit.key.name}`
  ).sort();
}

Deno.test("FileSet.stage() makes edits of the files that changed", async (t) => {
  const files = new FileSet();
  const first = files.stage(change(["a", drafts("x", "y")], ["b", drafts("z")]));
  assert.deepEqual(texts(first), ["x from a:1", "y from a:2", "z from b:1"]);
  first.keep();
  await t.step("a resource that goes", () => {
    assert.deepEqual(texts(files.stage(change(["a", drafts("x")]))), ["no y", "x from a:1"]);
  });
  await t.step("a file that goes", () => {
    assert.deepEqual(texts(files.stage(change(["a", undefined]))), ["no x", "no y"]);
  });
  await t.step("a resource that moves to another file at once", () => {
    const moved = files.stage(change(["a", drafts("x")], ["b", drafts("z", "y")]));
    assert.deepEqual(moved.problems, []);
    assert.deepEqual(texts(moved), ["x from a:1", "y from b:2", "z from b:1"]);
  });
  await t.step("what is not kept has not happened", () => {
    assert.deepEqual(files.files(), ["a", "b"]);
    assert.deepEqual(texts(files.stage(change(["b", undefined]))), ["no z"]);
  });
});

Deno.test("FileSet.stage() finds names that are given twice, with both places", async (t) => {
  const files = new FileSet();
  files.stage(change(["a", drafts("x")])).keep();
  const cases: readonly (readonly [string, Parameters<FileSet["stage"]>[0], RegExp | undefined])[] =
    [
      [
        "in one file",
        change(["b", drafts("y", "y")]),
        /^b:2: cluster "y" is given twice, also at b:1$/,
      ],
      ["in two new files", change(["b", drafts("y")], ["c", drafts("y")]), /^c:1: .* also at b:1$/],
      ["in a file that did not change", change(["b", drafts("x")]), /^b:1: .* also at a:1$/],
      [
        "for the same nodes",
        change(["b", drafts("y@id=e", "y@id=e")]),
        /for nodes id=e is given twice/,
      ],
      ["but not for other nodes", change(["b", drafts("x@id=e")]), undefined],
      ["but not when the other file changes too", change(["a", []], ["b", drafts("x")]), undefined],
    ];
  for (const [name, changes, expected] of cases) {
    await t.step(name, () => {
      const problems = files.stage(changes).problems.map(formatProblem).join("\n");
      if (expected === undefined) assert.equal(problems, "");
      else assert.match(problems, expected);
    });
  }
});
