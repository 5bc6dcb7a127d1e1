// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem, ProblemError, silentLogger } from "@denvoy/base";
import { loadTokenFiles } from "./token_files.ts";

async function withFile(text: string, body: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/operators`, text);
  try {
    await body(`${folder}/operators`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("loadTokenFiles() takes one token a line and names it by its file", async () => {
  await withFile("# rotated in May\n\n0123456789abcdef\r\nfedcba9876543210\n", async (path) => {
    await using files = await loadTokenFiles([path], { logger: silentLogger });
    const { current } = files;
    assert.equal(current.find("0123456789abcdef"), "operators");
    assert.equal(current.find("fedcba9876543210"), "operators");
    for (const text of ["", "0123456789abcde", "# rotated in May", "0123456789abcdeF"]) {
      assert.equal(current.find(text), undefined);
    }
  });
});

Deno.test("loadTokenFiles() refuses short tokens and empty files without quoting them", async () => {
  const table: readonly [string, RegExp][] = [
    ["hunter2\n", /operators:1: .*at least 16 .*: it has 7$/],
    ["# nothing\n", /operators: .*holds no token$/],
    ["0123456789abcdef hunter2", /operators:1: .*without spaces/],
  ];
  for (const [text, pattern] of table) {
    await withFile(text, async (path) => {
      const error = await loadTokenFiles([path], { logger: silentLogger })
        .then(() => undefined, (thrown) => thrown);
      assert.ok(error instanceof ProblemError);
      const lines = error.problems.map(formatProblem).join("\n");
      assert.match(lines, pattern);
      assert.ok(!lines.includes("hunter2"));
    });
  }
});
