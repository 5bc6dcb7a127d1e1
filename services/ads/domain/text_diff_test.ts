// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { unifiedDiff } from "./text_diff.ts";

const names = { oldName: "a", newName: "b" };

function diff(before: string | undefined, after: string | undefined, context = 1): string {
  return unifiedDiff({ before, after }, { ...names, context });
}

Deno.test("unifiedDiff() shows changes with their surroundings", async (t) => {
  const cases: readonly (readonly [string, string | undefined, string | undefined, string])[] = [
    ["equal texts", "a\nb\n", "a\nb\n", ""],
    [
      "a changed line",
      "a\nb\nc\nd\n",
      "a\nb\nX\nd\n",
      "--- a\n+++ b\n@@ -2,3 +2,3 @@\n b\n-c\n+X\n d\n",
    ],
    ["an added text", undefined, "x\ny\n", "--- /dev/null\n+++ b\n@@ -0,0 +1,2 @@\n+x\n+y\n"],
    ["a removed text", "x\n", undefined, "--- a\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"],
    [
      "two hunks",
      "1\n2\n3\n4\n5\n6\n7\n",
      "0\n1\n2\n3\n4\n5\n7\n",
      "--- a\n+++ b\n@@ -1 +1,2 @@\n+0\n 1\n@@ -5,3 +6,2 @@\n 5\n-6\n 7\n",
    ],
    ["an inserted line", "a\nb\n", "a\nx\nb\n", "--- a\n+++ b\n@@ -1,2 +1,3 @@\n a\n+x\n b\n"],
  ];
  for (const [name, before, after, expected] of cases) {
    await t.step(name, () => assert.equal(diff(before, after), expected));
  }
});

Deno.test("unifiedDiff() can be applied: random edits give back the new text", () => {
  let seed = 7;
  const random = (below: number) => (seed = Math.imul(seed, 48271) >>> 0) % below;
  for (let round = 0; round < 300; round++) {
    const before = Array.from({ length: random(30) }, () => `line ${random(6)}`);
    const after = before.flatMap((line) => {
      const choice = random(6);
      return choice === 0 ? [] : choice === 1 ? [line, `new ${random(9)}`] : [line];
    });
    const text = diff(before.join("\n"), after.join("\n"), 99);
    if (text === "") assert.deepEqual(after, before);
    else {
      const body = text.split("\n").slice(3, -1);
      const kept = (drop: string) => body.filter((l) => l[0] !== drop).map((l) => l.slice(1));
      assert.deepEqual(kept("+"), before);
      assert.deepEqual(kept("-"), after);
    }
  }
});

Deno.test("unifiedDiff() of large texts without common lines stays within its bound", () => {
  const lines = (word: string) => Array.from({ length: 5000 }, (_, i) => `${word} ${i}`).join("\n");
  const text = diff(lines("old"), lines("new"));
  assert.equal(text.split("\n").filter((line) => line.startsWith("+new")).length, 5000);
});
