// SPDX-License-Identifier: Apache-2.0
/**
 * What a command is: names, arguments, flags and examples in one table row, from which parsing,
 * `--help` and shell completion are made.
 * @module
 */
import type { Field, Fields, ValuesOf } from "@denvoy/runtime";
import { parseArguments } from "./parse.ts";
import type { Terminal } from "./terminal.ts";

/** An argument that is no flag. */
export interface Positional {
  /** Placeholder in the usage, e.g. `PATH`. */
  readonly name: string;
  /** What it is, as one sentence. */
  readonly doc: string;
  /** `one` must be there, `some` once or more, `any` may be left out. @default "one" */
  readonly count?: "one" | "optional" | "some" | "any";
  /** What a shell offers. @default nothing */
  readonly complete?: "files" | readonly string[];
}

/** A flag of a command. */
export interface Option {
  /** Key of its value. */
  readonly key: string;
  /** Name without dashes. */
  readonly flag: string;
  /** One letter, if it has a short form. */
  readonly short: string | undefined;
  /** Variable that gives its value when the flag does not. */
  readonly env: string | undefined;
  /** What it takes. */
  readonly field: Field<unknown>;
}

/** One way to call a command. */
export interface Example {
  /** What to type. */
  readonly line: string;
  /** What it does, as one sentence. */
  readonly does: string;
}

/** What `--help` and completion know of a command. */
export interface CommandDoc {
  /** The word that calls it. */
  readonly name: string;
  /** What it does, as one sentence. */
  readonly summary: string;
  /** More about it, each a paragraph. */
  readonly about: readonly string[];
  /** Arguments in order. */
  readonly positionals: readonly Positional[];
  /** Flags in order. */
  readonly options: readonly Option[];
  /** At least one. */
  readonly examples: readonly Example[];
}

/** A command that can be called. */
export interface Command extends CommandDoc {
  /** Marks the kind of entry. */
  readonly kind: "command";
  /** Runs it with what follows its name; `path` is how it was called. Returns the exit code. */
  invoke(args: readonly string[], context: CallContext): Promise<number>;
}

/** Commands under one word. */
export interface CommandGroup {
  /** Marks the kind of entry. */
  readonly kind: "group";
  /** The word. */
  readonly name: string;
  /** What they are about, as one sentence. */
  readonly summary: string;
  /** They. */
  readonly commands: readonly Command[];
}

/** What can follow `denvoy`. */
export type CommandEntry = Command | CommandGroup;

/** Where a command is called. */
export interface CallContext {
  /** How it was called, e.g. `denvoy inspect nodes`. */
  readonly program: string;
  /** Where it prints. */
  readonly terminal: Terminal;
}

/** What a command is run with. */
export interface Call<F extends Fields> extends CallContext {
  /** Arguments that are no flags, as many as declared. */
  readonly positionals: readonly string[];
  /** Values of its flags. */
  readonly flags: ValuesOf<F>;
}

/** What {@linkcode defineCommand} takes. */
export interface CommandDefinition<F extends Fields> {
  /** See {@linkcode CommandDoc}. */
  readonly name: string;
  /** See {@linkcode CommandDoc}. */
  readonly summary: string;
  /** See {@linkcode CommandDoc}. */
  readonly about?: readonly string[];
  /** See {@linkcode CommandDoc}. */
  readonly positionals?: readonly Positional[];
  /** Its flags. */
  readonly flags: F;
  /** Short forms by key. */
  readonly short?: Readonly<Partial<Record<keyof F, string>>>;
  /** Variables by key. */
  readonly env?: Readonly<Partial<Record<keyof F, string>>>;
  /** See {@linkcode CommandDoc}. */
  readonly examples: readonly Example[];
  /** Does it; returns the exit code. Throws CommandError for what the user should read. */
  run(call: Call<F>): Promise<number>;
}

/** Returns the command. */
export function defineCommand<const F extends Fields>(definition: CommandDefinition<F>): Command {
  const { name, summary, about = [], positionals = [], examples } = definition;
  const options = Object.entries(definition.flags).map(([key, field]): Option => ({
    key,
    flag: field.flag ?? kebab(key),
    short: definition.short?.[key],
    env: definition.env?.[key],
    field,
  }));
  const doc: CommandDoc = { name, summary, about, positionals, options, examples };
  return {
    kind: "command",
    ...doc,
    async invoke(args, context) {
      const parsed = parseArguments(doc, args, context);
      if (parsed.kind === "done") return parsed.exit;
      // The values were made field by field from the table that also makes the type.
      const flags = parsed.values as ValuesOf<F>;
      return await definition.run({ ...context, positionals: parsed.positionals, flags });
    },
  };
}

function kebab(key: string): string {
  return key.replace(/(Ms|Bytes)$/, "").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
