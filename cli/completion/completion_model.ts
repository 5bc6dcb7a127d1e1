// SPDX-License-Identifier: Apache-2.0
/**
 * What shells need to know of the commands: for each how it is called, what can follow, and its
 * flags. The scripts for all shells are made from it.
 * @module
 */
import type { NamedField } from "@denvoy/runtime";
import type { Command, CommandEntry, Option } from "../command_line/command.ts";

/** What a shell offers for a value: files, some words, or nothing. */
export type Completion = "files" | "nothing" | readonly string[];

/** A word with what it stands for. */
export interface DescribedWord {
  /** The word. */
  readonly word: string;
  /** What it does, in one line. */
  readonly doc: string;
}

/** A flag. */
export interface CompletedFlag extends DescribedWord {
  /** One letter, if it has a short form. */
  readonly short: string | undefined;
  /** What its value can be; undefined for a switch. */
  readonly value: Completion | undefined;
  /** Whether it may be given again. */
  readonly repeated: boolean;
}

/** A place in the tree of commands. */
export interface CompletionNode {
  /** Words that lead there, e.g. `["inspect", "nodes"]`. */
  readonly path: readonly string[];
  /** Commands that can follow; none for a command. */
  readonly commands: readonly DescribedWord[];
  /** Flags of a command. */
  readonly flags: readonly CompletedFlag[];
  /** Arguments of a command in order. */
  readonly positionals: readonly Completion[];
  /** Whether the last of them may be repeated. */
  readonly endless: boolean;
}

/** Returns all places, the root first. `serveFields` are the settings of the services. */
export function completionModel(
  commands: readonly CommandEntry[],
  serveFields: readonly NamedField[],
): readonly CompletionNode[] {
  return groupNodes([], commands).map((node) =>
    node.path.join(" ") === "serve"
      ? { ...node, flags: [...serveFields.map(fieldFlag), ...node.flags] }
      : node
  );
}

function groupNodes(
  path: readonly string[],
  commands: readonly CommandEntry[],
): readonly CompletionNode[] {
  const words = commands.map(({ name, summary }) => ({ word: name, doc: summary }));
  const own = { path, commands: words, flags: [HELP], positionals: [], endless: false };
  return [own, ...commands.flatMap((entry) => entryNodes(path, entry))];
}

function entryNodes(path: readonly string[], entry: CommandEntry): readonly CompletionNode[] {
  const below = [...path, entry.name];
  return entry.kind === "group" ? groupNodes(below, entry.commands) : [commandNode(below, entry)];
}

function commandNode(path: readonly string[], command: Command): CompletionNode {
  const { positionals, options } = command;
  return {
    path,
    commands: [],
    flags: [...options.map(optionFlag), HELP],
    positionals: positionals.map(({ complete }) => complete ?? "nothing"),
    endless: positionals.some(({ count }) => count === "some" || count === "any"),
  };
}

const HELP: CompletedFlag = {
  word: "help",
  short: "h",
  doc: "Prints what it does and its flags",
  value: undefined,
  repeated: false,
};

function optionFlag({ flag, short, field }: Option): CompletedFlag {
  return { ...fieldFlag({ flag, field }), short };
}

function fieldFlag({ flag, field }: Pick<NamedField, "flag" | "field">): CompletedFlag {
  return {
    word: flag,
    short: undefined,
    doc: firstSentence(field.doc),
    value: field.shape === "switch" ? undefined : valueOf(field.value),
    repeated: field.shape === "list" || field.shape === "map",
  };
}

/** Placeholders say what a value is: a choice lists its words. */
function valueOf(placeholder: string): Completion {
  if (["PATH", "FILE", "FOLDER"].includes(placeholder)) return "files";
  return placeholder.includes("|") ? placeholder.split("|") : "nothing";
}

function firstSentence(doc: string): string {
  const [sentence = doc] = doc.replaceAll("`", "").split(/(?<=[^.])[.:;](?:\s|$)/);
  return sentence.trim();
}
