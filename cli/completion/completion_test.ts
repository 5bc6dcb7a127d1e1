// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { bool, oneOf, path, string } from "@denvoy/runtime";
import { type CommandEntry, defineCommand } from "../command_line/command.ts";
import { bashScript } from "./bash_script.ts";
import { completionModel } from "./completion_model.ts";
import { fishScript } from "./fish_script.ts";
import { zshScript } from "./zsh_script.ts";

const show = defineCommand({
  name: "show",
  summary: "Shows 'it': [all]",
  positionals: [{ name: "KIND", doc: "A kind.", complete: ["red", "blue"] }, {
    name: "PATH",
    doc: "Paths.",
    count: "any",
    complete: "files",
  }],
  flags: {
    format: oneOf(["text", "json"], { doc: "How: as text. Or not." }),
    output: path({ doc: "Where." }),
    label: string({ doc: "A label." }),
    quick: bool({ doc: "Quickly." }),
  },
  short: { output: "o" },
  examples: [{ line: "x", does: "X." }],
  run: () => Promise.resolve(0),
});
const commands: readonly CommandEntry[] = [
  { kind: "group", name: "look", summary: "Looks", commands: [show] },
];
const model = completionModel(commands, []);

Deno.test("completionModel() has a place for the root, each group and each command", () => {
  assert.deepEqual(model.map(({ path }) => path), [[], ["look"], ["look", "show"]]);
  assert.deepEqual(model[1]?.commands, [{ word: "show", doc: "Shows 'it': [all]" }]);
  const { flags = [], positionals, endless } = model[2] ?? {};
  assert.deepEqual(flags.map(({ word, short, value }) => [word, short, value]), [
    ["format", undefined, ["text", "json"]],
    ["output", "o", "files"],
    ["label", undefined, "nothing"],
    ["quick", undefined, undefined],
    ["help", "h", undefined],
  ]);
  assert.deepEqual(flags.map(({ doc }) => doc).slice(0, 2), ["How", "Where"]);
  assert.deepEqual(positionals, [["red", "blue"], "files"]);
  assert.equal(endless, true);
});

interface BashCase {
  readonly words: readonly string[];
  readonly expected: readonly string[];
}

const bashCases: readonly BashCase[] = [
  { words: [""], expected: ["look"] },
  { words: ["l"], expected: ["look"] },
  { words: ["look", ""], expected: ["show"] },
  { words: ["look", "show", "--f"], expected: ["--format"] },
  { words: ["look", "show", "-"], expected: ["--format", "--output", "-o", "--label"] },
  { words: ["look", "show", "--format", ""], expected: ["text", "json"] },
  { words: ["look", "show", "--format", "=", "j"], expected: ["json"] },
  { words: ["look", "show", "--format", "="], expected: ["text", "json"] },
  { words: ["look", "show", "--label", ""], expected: [] },
  { words: ["look", "show", "re"], expected: ["red"] },
  { words: ["look", "show", "-o", "two w"], expected: ["two words"] },
];

Deno.test("bashScript() completes in a real bash", async (t) => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/two words`, "");
  await Deno.writeTextFile(`${folder}/script`, bashScript(model));
  for (const { words, expected } of bashCases) {
    await t.step(words.join(" "), async () => {
      const line = ["denvoy", ...words];
      const script = `source ./script; COMP_WORDS=("$@"); COMP_CWORD=${words.length}; _denvoy; ` +
        `printf '%s\\n' "\${COMPREPLY[@]}"`;
      const args = ["--norc", "-c", script, "bash", ...line];
      const { stdout, stderr } = await new Deno.Command("bash", { args, cwd: folder }).output();
      assert.equal(new TextDecoder().decode(stderr), "");
      const found = new TextDecoder().decode(stdout).split("\n").filter(Boolean);
      assert.deepEqual(found.slice(0, Math.max(expected.length, 1)), expected);
    });
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("zshScript() escapes what descriptions may hold", () => {
  const script = zshScript(model);
  assert.match(script, /'show:Shows '\\''it'\\'': \[all\]'/);
  assert.match(script, /'--format=\[How\]:value:\(text json\)'/);
  assert.match(script, /'\(-o --output\)'\{-o,--output\}'\[Where\]:value:_files'/);
  assert.match(script, /'1: :\(red blue\)'/);
  assert.match(script, /'\*: :_files'/);
});

Deno.test("fishScript() offers commands, flags and words where they belong", () => {
  const script = fishScript(model);
  assert.match(script, /-n "__denvoy_at ''" -a look -d 'Looks'/);
  assert.match(script, /-n "__denvoy_at 'look'" -a show -d 'Shows \\'it\\': \[all\]'/);
  assert.match(script, /-n "__denvoy_at 'look show'" -l format -x -a 'text json' -d 'How'/);
  assert.match(script, /-n "__denvoy_at 'look show'" -s o -l output -r -F -d 'Where'/);
});
