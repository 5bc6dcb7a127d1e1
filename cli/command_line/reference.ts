// SPDX-License-Identifier: Apache-2.0
/**
 * The reference page of the command line, from the same tables as `--help`.
 * @module
 */
import type { Command, CommandEntry } from "./command.ts";
import { exitCodeMeanings } from "./exit_code.ts";
import { renderCommandHelp } from "./help.ts";
import type { Program } from "./run_command_line.ts";

/** Returns the page as Markdown: each command with what its `--help` prints, and the exit codes. */
export function renderCommandReference(program: Program): string {
  const { name, commands } = program;
  return [
    `# The commands of ${name}`,
    "",
    "What each command says with `--help`. Worked examples: [the guide](../guides/cli.md).",
    "",
    ...commands.flatMap((entry) => sectionsOf(name, entry)),
    "## Exit codes",
    "",
    "| code | meaning |",
    "|---|---|",
    ...exitCodeMeanings.map(([code, meaning]) => `| ${code} | ${meaning} |`),
    "",
  ].join("\n");
}

function sectionsOf(program: string, entry: CommandEntry): readonly string[] {
  const path = `${program} ${entry.name}`;
  if (entry.kind === "group") return entry.commands.flatMap((one) => sectionOf(path, one));
  return sectionOf(program, entry);
}

function sectionOf(program: string, command: Command): readonly string[] {
  const path = `${program} ${command.name}`;
  return [`## ${path}`, "", "```text", renderCommandHelp(command, path).trimEnd(), "```", ""];
}
