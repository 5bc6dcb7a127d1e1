// SPDX-License-Identifier: Apache-2.0
/**
 * What `--help` prints.
 * @module
 */
import { wrap } from "@denvoy/runtime";
import { entries, HELP_WIDTH } from "../output/columns.ts";
import type { CommandDoc, CommandEntry, Option, Positional } from "./command.ts";
import { exitCodeMeanings } from "./exit_code.ts";

/** Returns how a command is called: `denvoy check [options] PATH...`. */
export function usageLine({ positionals, options }: CommandDoc, program: string): string {
  const words = positionals.map(usageWord);
  return [program, ...words, ...(options.length > 0 ? ["[options]"] : [])].join(" ");
}

/** Returns the help of one command. */
export function renderCommandHelp(command: CommandDoc, program: string): string {
  const { summary, about, positionals, options, examples } = command;
  const lines = [
    `${summary}.`,
    "",
    `Usage: ${usageLine(command, program)}`,
    ...about.flatMap((paragraph) => ["", ...wrap(plain(paragraph), HELP_WIDTH)]),
    ...section(
      "Arguments",
      positionals.map(({ name, doc }) => ({
        head: name,
        paragraphs: [plain(doc)],
      })),
    ),
    ...section("Options", [
      ...options.map((option) => ({ head: optionHead(option), paragraphs: optionText(option) })),
      { head: "-h, --help", paragraphs: ["Prints this text."] },
    ]),
    "",
    "Examples:",
    ...examples.flatMap(({ line, does }) => [`  ${line}`, `      ${does}`]),
  ];
  return lines.join("\n") + "\n";
}

/** What {@linkcode renderOverview} shows. */
export interface Overview {
  /** How it was called, e.g. `denvoy` or `denvoy inspect`. */
  readonly program: string;
  /** What it is, as one sentence. */
  readonly summary: string;
  /** What can follow. */
  readonly commands: readonly CommandEntry[];
  /** Whether it is the whole program. */
  readonly whole: boolean;
}

/** Returns the help of the program or of a group of commands. */
export function renderOverview({ program, summary, commands, whole }: Overview): string {
  const codes = exitCodeMeanings.map(([code, meaning]) => ({
    head: String(code),
    paragraphs: [`${meaning}.`],
  }));
  const lines = [
    `${summary}.`,
    "",
    `Usage: ${program} COMMAND [arguments]`,
    "",
    "Commands:",
    ...entries(commands.map((entry) => ({ head: nameOf(entry), paragraphs: [entry.summary] }))),
    ...(whole ? ["", "Exit codes:", ...entries(codes, 8)] : []),
    "",
    `Help on a command: ${program} COMMAND --help`,
  ];
  return lines.join("\n") + "\n";
}

function nameOf(entry: CommandEntry): string {
  if (entry.kind === "command") return entry.name;
  return `${entry.name} ${entry.commands.map(({ name }) => name).join("|")}`;
}

function usageWord({ name, count = "one" }: Positional): string {
  switch (count) {
    case "one":
      return name;
    case "some":
      return `${name}...`;
    case "optional":
      return `[${name}]`;
    case "any":
      return `[${name}...]`;
  }
}

function section(
  title: string,
  list: readonly { readonly head: string; readonly paragraphs: readonly string[] }[],
): readonly string[] {
  return list.length === 0 ? [] : ["", `${title}:`, ...entries(list)];
}

function optionHead({ flag, short, field }: Option): string {
  const value = field.value === "" ? "" : ` ${field.value}`;
  return `${short === undefined ? "" : `-${short}, `}--${flag}${value}`;
}

function optionText({ env, field }: Option): readonly string[] {
  const facts = [
    ...(env === undefined ? [] : [`env ${env}`]),
    ...(field.required ? ["required"] : []),
    ...(field.shape === "list" || field.shape === "map" ? ["may be repeated"] : []),
    ...(field.defaultTexts.length > 0 ? [`default ${field.defaultTexts.join(",")}`] : []),
  ];
  return [plain(field.doc), ...(facts.length > 0 ? [facts.join(", ")] : [])];
}

function plain(markdown: string): string {
  return markdown.replaceAll("`", "");
}
