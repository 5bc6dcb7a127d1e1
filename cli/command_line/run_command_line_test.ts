// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { type CommandEntry, defineCommand } from "./command.ts";
import { CommandError } from "./exit_code.ts";
import { runCommandLine } from "./run_command_line.ts";
import { MemoryTerminal } from "./testing.ts";

function command(name: string, run: () => Promise<number>): CommandEntry & { kind: "command" } {
  const examples = [{ line: name, does: "It." }];
  return defineCommand({ name, summary: `Does ${name}`, flags: {}, examples, run });
}

const program = {
  name: "x",
  summary: "X",
  version: "1.2.3",
  commands: [
    command("serve", () => Promise.resolve(0)),
    command("fail", () => Promise.reject(new CommandError("no luck", { exit: 3, advice: "Wait" }))),
    {
      kind: "group" as const,
      name: "inspect",
      summary: "Shows",
      commands: [command("nodes", () => Promise.resolve(7))],
    },
  ],
};

async function run(line: string) {
  const terminal = new MemoryTerminal();
  const exit = await runCommandLine(program, line.split(" ").filter(Boolean), terminal);
  return { exit, out: terminal.stdout, error: terminal.stderr };
}

Deno.test("runCommandLine() finds the command and says what is not one", async (t) => {
  const table: readonly [line: string, exit: number, out: RegExp, error: RegExp][] = [
    ["serve", 0, /^$/, /^$/],
    ["inspect nodes", 7, /^$/, /^$/],
    ["--version", 0, /^1\.2\.3\n$/, /^$/],
    ["", 2, /^$/, /^X\.\n\nUsage: x COMMAND/],
    ["--help", 0, /inspect nodes +Shows\n[\s\S]*Exit codes:/, /^$/],
    ["help serve", 0, /^Does serve\./, /^$/],
    ["help inspect nodes", 0, /^Does nodes\./, /^$/],
    ["inspect --help", 0, /^Shows\.\n\nUsage: x inspect COMMAND/, /^$/],
    ["inspect", 2, /^$/, /Usage: x inspect COMMAND/],
    ["srve", 2, /^$/, /^error: cannot run "srve" .*\(did you mean "serve"\?\)\nTry: x --help\n$/],
    ["zzzzzz", 2, /^$/, /expected one of serve, fail, inspect/],
    ["--nope", 2, /^$/, /as the flag is unknown/],
    ["inspect node", 2, /^$/, /did you mean "nodes"\?\)\nTry: x inspect --help/],
    ["fail", 3, /^$/, /^error: no luck\nWait\n$/],
  ];
  for (const [line, exit, out, error] of table) {
    await t.step(line || "nothing", async () => {
      const result = await run(line);
      assert.equal(result.exit, exit, result.error);
      assert.match(result.out, out);
      assert.match(result.error, error);
    });
  }
});
