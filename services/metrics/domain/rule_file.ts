// SPDX-License-Identifier: Apache-2.0
/**
 * Reads a file of cardinality rules and notes everything that is wrong with it, each with its place.
 * @module
 */
import { didYouMean, hasErrors, type Problem, TextPattern } from "@denvoy/base";
import {
  formatPath,
  parseDocuments,
  type Path,
  type PlainMap,
  type PlainValue,
  type SourceDocument,
} from "@denvoy/proto";
import { type CardinalityRule, CardinalityRules, type RuleAction } from "./cardinality_rules.ts";

/** What came of a file. */
export interface RuleFileResult {
  /** The rules; absent when there are errors. */
  readonly rules?: CardinalityRules;
  /** What is wrong. */
  readonly problems: readonly Problem[];
}

const ACTIONS = ["keep", "drop", "drop_labels", "rewrite_label"] as const;
const RULE_FIELDS = ["action", "name", "labels", "remove", "label", "pattern", "replacement"];
const FILE_FIELDS = ["default", "rules"];

/** Reads the text of a file. */
export function readRuleFile(text: string, file: string): RuleFileResult {
  const { documents, problems } = parseDocuments(text, { file });
  if (problems.length > 0) return { problems };
  const [document, second] = documents;
  if (document === undefined) return { rules: CardinalityRules.none, problems };
  const reader = new RuleReader(document, file);
  const rules = reader.read();
  if (second !== undefined) reader.error([], "must hold one document: there are more");
  return hasErrors(reader.problems)
    ? { problems: reader.problems }
    : { rules, problems: reader.problems };
}

class RuleReader {
  readonly problems: Problem[] = [];
  readonly #document: SourceDocument;
  readonly #file: string;

  constructor(document: SourceDocument, file: string) {
    this.#document = document;
    this.#file = file;
  }

  read(): CardinalityRules {
    const root = this.#map(this.#document.value, [], FILE_FIELDS);
    const otherwise = this.#word(root.default ?? "keep", ["default"], ["keep", "drop"] as const);
    const rules = this.#list(root.rules ?? [], ["rules"])
      .map((rule, index) => this.#rule(rule, ["rules", index]));
    return new CardinalityRules(rules.filter((rule) => rule !== undefined), otherwise ?? "keep");
  }

  error(path: Path, message: string, hint?: string): void {
    const { line, column } = this.#document.place(path);
    this.problems.push({
      severity: "error",
      message,
      file: this.#file,
      line,
      column,
      path: formatPath(path),
      ...(hint !== undefined && { hint }),
    });
  }

  #rule(value: PlainValue, path: Path): CardinalityRule | undefined {
    const fields = this.#map(value, path, RULE_FIELDS);
    const action = this.#action(fields, path);
    const name = fields.name === undefined ? undefined : this.#text(fields.name, [...path, "name"]);
    const labels = Object.entries(this.#map(fields.labels ?? {}, [...path, "labels"]))
      .map(([label, pattern]) => ({
        name: label,
        value: new TextPattern(this.#text(pattern, [...path, "labels", label])),
      }));
    if (action === undefined) return undefined;
    const place = `${this.#file}:${this.#document.place(path).line}`;
    return { place, action, match: { labels, ...(name && { name: new TextPattern(name) }) } };
  }

  #action(fields: PlainMap, path: Path): RuleAction | undefined {
    const kind = this.#word(fields.action ?? "", [...path, "action"], ACTIONS);
    switch (kind) {
      case "drop_labels": {
        const names = this.#list(fields.remove ?? [], [...path, "remove"]).map((name, index) =>
          new TextPattern(this.#text(name, [...path, "remove", index]))
        );
        if (names.length === 0) this.error([...path, "remove"], "must name the labels to drop");
        return { kind, names };
      }
      case "rewrite_label": {
        const name = this.#text(fields.label ?? "", [...path, "label"]);
        if (name === "") this.error([...path, "label"], "must name the label to rewrite");
        const replacement = this.#text(fields.replacement ?? "", [...path, "replacement"]);
        const pattern = this.#pattern(fields.pattern ?? "", [...path, "pattern"]);
        return { kind, name, pattern, replacement };
      }
      default:
        return kind && { kind };
    }
  }

  #pattern(value: PlainValue, path: Path): RegExp {
    const text = this.#text(value, path);
    if (text === "") this.error(path, "must be a regular expression: is empty");
    try {
      return new RegExp(text, "u");
    } catch (error) {
      this.error(path, `must be a regular expression: ${(error as Error).message}`);
      return /(?!)/;
    }
  }

  #word<W extends string>(value: PlainValue, path: Path, words: readonly W[]): W | undefined {
    const text = this.#text(value, path);
    const word = words.find((one) => one === text);
    if (word === undefined) {
      const message = `must be one of ${words.join(", ")}: is ${JSON.stringify(text)}`;
      this.error(path, message, didYouMean(text, words));
    }
    return word;
  }

  #text(value: PlainValue, path: Path): string {
    if (typeof value === "string") return value;
    if (value !== null && typeof value !== "object") return String(value);
    this.error(path, "must be a text");
    return "";
  }

  #list(value: PlainValue, path: Path): readonly PlainValue[] {
    if (Array.isArray(value)) return value;
    this.error(path, "must be a list");
    return [];
  }

  #map(value: PlainValue, path: Path, known?: readonly string[]): PlainMap {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.error(path, "must be a mapping");
      return {};
    }
    for (const name of Object.keys(value)) {
      if (known === undefined || known.includes(name)) continue;
      this.error([...path, name], `must not have field "${name}"`, didYouMean(name, known));
    }
    return value;
  }
}
