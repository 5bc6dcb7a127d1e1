// SPDX-License-Identifier: Apache-2.0
/**
 * Turns the words after a command's name into checked values, or says everything that is wrong with
 * them.
 * @module
 */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { didYouMean, formatProblem, type Problem } from "@denvoy/base";
import type { CallContext, CommandDoc, Option } from "./command.ts";
import { Exit } from "./exit_code.ts";
import { renderCommandHelp, usageLine } from "./help.ts";

/** What parsing ended in: values, or an exit code after help or problems were printed. */
export type ParsedArguments =
  | {
    /** The command can run. */
    readonly kind: "values";
    /** Arguments that are no flags. */
    readonly positionals: readonly string[];
    /** Values by key. */
    readonly values: Readonly<Record<string, unknown>>;
  }
  | { readonly kind: "done"; readonly exit: number };

/** Parses `args`; flags win over variables, those over defaults. Prints help and problems itself. */
export function parseArguments(
  command: CommandDoc,
  args: readonly string[],
  { program, terminal }: CallContext,
): ParsedArguments {
  const words = new Words(command);
  words.read(args);
  if (words.help) {
    terminal.out(renderCommandHelp(command, program));
    return { kind: "done", exit: Exit.ok };
  }
  const problems = [...words.problems, ...countProblems(command, words.positionals)];
  const values = resolve(command, { given: words.given, env: terminal.env, problems });
  if (problems.length === 0) return { kind: "values", positionals: words.positionals, values };
  for (const problem of problems) terminal.error(`error: ${formatProblem(problem)}\n`);
  terminal.error(`Usage: ${usageLine(command, program)}\nTry: ${program} --help\n`);
  return { kind: "done", exit: Exit.usage };
}

class Words {
  help = false;
  readonly positionals: string[] = [];
  readonly problems: Problem[] = [];
  readonly given = new Map<string, string[]>();
  readonly #command: CommandDoc;

  constructor(command: CommandDoc) {
    this.#command = command;
  }

  read(args: readonly string[]): void {
    const { tokens } = parseArgs({
      args: [...args],
      options: this.#config(),
      strict: false,
      allowPositionals: true,
      tokens: true,
    });
    // The value of a misspelt flag is not a mistake of its own.
    let value = -1;
    for (const token of tokens) {
      if (token.kind === "option") value = this.#take(token) ? -1 : token.index + 1;
      else if (token.kind === "positional" && token.index !== value) {
        this.positionals.push(token.value);
      }
    }
  }

  #config(): NonNullable<ParseArgsConfig["options"]> {
    const own = this.#command.options.map(({ flag, short, field }) => {
      const type = field.shape === "switch" ? "boolean" as const : "string" as const;
      return [flag, { type, multiple: true, ...(short === undefined ? {} : { short }) }] as const;
    });
    return { ...Object.fromEntries(own), help: { type: "boolean", short: "h" } };
  }

  /** Returns whether the flag is known. */
  #take({ name, rawName, value, inlineValue }: {
    readonly name: string;
    readonly rawName: string;
    readonly value?: string | undefined;
    readonly inlineValue?: boolean | undefined;
  }): boolean {
    if (name === "help") return this.help = true;
    const option = this.#command.options.find(({ flag }) => flag === name);
    if (option === undefined) return this.#takeOther(name, rawName);
    if (option.field.shape === "switch") this.#set(option, { rawName, text: value ?? "true" });
    else if (value === undefined || (inlineValue !== true && value.startsWith("--"))) {
      this.#problem(rawName, "cannot use flag as it needs a value");
    } else this.#set(option, { rawName, text: value });
    return true;
  }

  #takeOther(name: string, rawName: string): boolean {
    const negated = this.#command.options.find(({ flag, field }) =>
      field.shape === "switch" && `no-${flag}` === name
    );
    if (negated !== undefined) this.#set(negated, { rawName, text: "false" });
    else this.#unknown(name, rawName);
    return negated !== undefined;
  }

  #unknown(name: string, rawName: string): void {
    const known = [...this.#command.options.map(({ flag }) => flag), "help"];
    const hint = rawName.startsWith("--")
      ? didYouMean(name, known)?.replace('"', '"--')
      : undefined;
    this.#problem(rawName, "cannot use flag as it is unknown", hint);
  }

  #set(option: Option, { rawName, text }: { rawName: string; text: string }): void {
    const before = this.given.get(option.key);
    const repeatable = option.field.shape === "list" || option.field.shape === "map";
    if (before !== undefined && !repeatable) {
      this.#problem(rawName, "cannot use flag as it must be given once");
    }
    this.given.set(option.key, repeatable ? [...before ?? [], text] : [text]);
  }

  #problem(path: string, message: string, hint?: string): void {
    this.problems.push({ severity: "error", path, message, ...(hint && { hint }) });
  }
}

function countProblems(
  { positionals }: CommandDoc,
  given: readonly string[],
): readonly Problem[] {
  const needed = positionals.filter(({ count = "one" }) => count === "one" || count === "some");
  const missing = needed.slice(given.length);
  if (missing.length > 0) {
    return missing.map(({ name }) => ({ severity: "error", message: `${name} is missing` }));
  }
  const endless = positionals.some(({ count }) => count === "some" || count === "any");
  return endless ? [] : given.slice(positionals.length).map((word) => ({
    severity: "error",
    path: word,
    message: positionals.length === 0
      ? "cannot use argument as only flags are taken"
      : `cannot use argument as at most ${positionals.length} can be given`,
  }));
}

interface Sources {
  readonly given: ReadonlyMap<string, readonly string[]>;
  readonly env: Readonly<Record<string, string>>;
  readonly problems: Problem[];
}

function resolve(
  { options }: CommandDoc,
  { given, env, problems }: Sources,
): Readonly<Record<string, unknown>> {
  const values: Record<string, unknown> = {};
  for (const option of options) {
    const { key, field } = option;
    const fromEnv = option.env === undefined ? undefined : env[option.env] || undefined;
    const texts = given.get(key) ?? (fromEnv === undefined ? field.defaultTexts : [fromEnv]);
    values[key] = field.absent;
    const path = given.has(key) || fromEnv === undefined ? `--${option.flag}` : option.env;
    const problem = { severity: "error" as const, ...(path === undefined ? {} : { path }) };
    if (texts.length === 0) {
      if (field.required) problems.push({ ...problem, message: "a value is required" });
      continue;
    }
    const outcome = field.parse(texts);
    if (outcome.ok) values[key] = outcome.value;
    else {
      const shown = field.secret ? "[redacted]" : JSON.stringify(texts.join(",").slice(0, 200));
      problems.push({ ...problem, message: `must be ${field.rule}: value is ${shown}` });
    }
  }
  return values;
}
