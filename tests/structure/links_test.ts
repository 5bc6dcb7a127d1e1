// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "@denvoy/tools/real_parts";
import { type DocumentedRepository, headingAnchors, pageBreaches } from "./markdown_rules.ts";
import { sourceFiles } from "./source_files.ts";

function read(path: string): string {
  return Deno.readTextFileSync(join(repositoryRoot, path));
}

const commandHeading = /^## denvoy (.+)$/gm;
const here: DocumentedRepository = {
  exists: (path) => existsSync(join(repositoryRoot, path)),
  read,
  tasks: new Set(Object.keys(JSON.parse(read("deno.json")).tasks)),
  // The page is made from the table of commands, and a test compares both.
  commands: new Set(
    Array.from(
      read("docs/reference/commands.md").matchAll(commandHeading),
      ([, name = ""]) => name,
    ),
  ),
};

for (const path of sourceFiles().filter((path) => path.endsWith(".md"))) {
  Deno.test(`${path} names only what is there`, () => {
    assert.deepEqual(pageBreaches({ path, text: read(path) }, here), []);
  });
}

const repository: DocumentedRepository = {
  exists: (path) => ["docs", "docs/a.md", "docs/b.md", "libs/base", "cli/main.ts"].includes(path),
  read: () => "# Page b\n\n## What's in `it`?\n",
  tasks: new Set(["start", "bench:ads", "denvoy"]),
  commands: new Set(["serve", "inspect nodes"]),
};

const rows: Readonly<Record<string, readonly [text: string, breaches: readonly string[]]>> = {
  "takes links that lead somewhere": ["[b](b.md) [b](b.md#whats-in-it) [w](https://x.example)", []],
  "takes anything in a code block": ["```md\n[b](no.md)\n```\n`[b](no.md)`", []],
  "refuses a link to nothing": ["[c](c.md)", ["docs/a.md links to c.md, which is not there"]],
  "refuses a link to no heading": [
    "[b](b.md#no) [b](#no)",
    [
      "docs/a.md links to b.md#no, but docs/b.md has no such heading",
      "docs/a.md links to #no, but docs/a.md has no such heading",
    ],
  ],
  "takes paths that are there": ["`libs/base`, `../cli/main.ts`, `domain/x.ts`, `tests/*`", []],
  "refuses paths that are not": [
    "`libs/no.ts` `../no`",
    [
      "docs/a.md names libs/no.ts, which is not there",
      "docs/a.md names ../no, which is not there",
    ],
  ],
  "takes tasks and commands that exist": [
    "`deno task start` `npx -y deno@2.9.5 task bench:ads --x`\n$ denvoy inspect nodes\n`denvoy inspect`",
    [],
  ],
  "refuses tasks that do not": [
    "```sh\nnpx -y deno@2.9.5 task stat\n```",
    ["docs/a.md names the task stat, which deno.json does not have"],
  ],
  "refuses commands that do not": [
    "```sh\ndeno task denvoy inspect node\ndenvoy inspct\n```",
    [
      "docs/a.md names denvoy inspect node, which does not exist",
      "docs/a.md names denvoy inspct, which does not exist",
    ],
  ],
};
for (const [name, [text, breaches]] of Object.entries(rows)) {
  Deno.test(`pageBreaches() ${name}`, () => {
    assert.deepEqual(pageBreaches({ path: "docs/a.md", text }, repository), breaches);
  });
}

Deno.test("headingAnchors() knows headings outside of code blocks only", () => {
  const anchors = headingAnchors("# A b\n```sh\n# no\n```\n## Où est-ce?\n");
  assert.deepEqual([...anchors], ["a-b", "où-est-ce"]);
});
