// SPDX-License-Identifier: Apache-2.0
/**
 * Finds the command that was called, runs it, and says in words what kept it from its work.
 * @module
 */
import { didYouMean } from "@denvoy/base";
import type { Command, CommandEntry } from "./command.ts";
import { CommandError, Exit } from "./exit_code.ts";
import { renderOverview } from "./help.ts";
import type { Terminal } from "./terminal.ts";

/** The program as its user sees it. */
export interface Program {
  /** Its name. */
  readonly name: string;
  /** What it is, as one sentence. */
  readonly summary: string;
  /** Its version. */
  readonly version: string;
  /** What can follow its name. */
  readonly commands: readonly CommandEntry[];
}

/** Runs the command line; returns the exit code. Rejects only for a defect. */
export async function runCommandLine(
  program: Program,
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const found = findCommand(program, args, terminal);
  if (typeof found === "number") return found;
  try {
    return await found.command.invoke(found.rest, { program: found.path, terminal });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    terminal.error(`error: ${error.message}\n`);
    if (error.advice !== undefined) terminal.error(`${error.advice}\n`);
    return error.exit;
  }
}

interface Found {
  readonly command: Command;
  readonly path: string;
  readonly rest: readonly string[];
}

interface Level {
  readonly path: string;
  readonly summary: string;
  readonly commands: readonly CommandEntry[];
  readonly whole: boolean;
}

function findCommand(
  program: Program,
  args: readonly string[],
  terminal: Terminal,
): Found | number {
  const { name, summary, commands } = program;
  if (args[0] === "--version" || args[0] === "-V") {
    terminal.out(`${program.version}\n`);
    return Exit.ok;
  }
  return descend({ path: name, summary, commands, whole: true }, args, terminal);
}

function descend(level: Level, args: readonly string[], terminal: Terminal): Found | number {
  const [word, ...rest] = args;
  if (word === "help" || word === "--help" || word === "-h") {
    if (word !== "help" || rest.length === 0) {
      terminal.out(overview(level));
      return Exit.ok;
    }
    return descend(level, [...rest, "--help"], terminal);
  }
  if (word === undefined) {
    terminal.error(overview(level));
    return Exit.usage;
  }
  const entry = level.commands.find(({ name }) => name === word);
  if (entry === undefined) return unknown(level, word, terminal);
  const path = `${level.path} ${entry.name}`;
  if (entry.kind === "command") return { command: entry, path, rest };
  const { summary, commands } = entry;
  return descend({ path, summary, commands, whole: false }, rest, terminal);
}

function overview(level: Level): string {
  return renderOverview({ ...level, program: level.path });
}

function unknown(level: Level, word: string, terminal: Terminal): number {
  const names = level.commands.map(({ name }) => name);
  const kind = word.startsWith("-") ? "flag" : "command";
  const hint = didYouMean(word, names);
  const known = hint ?? `expected one of ${names.join(", ")}`;
  terminal.error(
    `error: cannot run ${JSON.stringify(word)} as the ${kind} is unknown (${known})\n`,
  );
  terminal.error(`Try: ${level.path} --help\n`);
  return Exit.usage;
}
