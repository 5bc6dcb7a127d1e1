// SPDX-License-Identifier: Apache-2.0
/**
 * Reads a file of cardinality rules and notes everything that is wrong with it, each with its place.
 * @module
 */
import { hasErrors, type Problem, TextPattern } from "@denvoy/base";
import { FieldReader, type MapAt, parseDocuments, valueOf } from "@denvoy/proto";
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
  const reader = new FieldReader(document);
  const rules = readRules(reader, file);
  if (second !== undefined) reader.error([], "must hold one document: there are more");
  return hasErrors(reader.problems)
    ? { problems: reader.problems }
    : { rules, problems: reader.problems };
}

function readRules(reader: FieldReader, file: string): CardinalityRules {
  const root = reader.root();
  if (root === undefined) return CardinalityRules.none;
  reader.keys(root, FILE_FIELDS);
  const otherwise = reader.word(root, "default", ["keep", "drop"] as const) ?? "keep";
  const rules = reader.maps(root, "rules").flatMap((at) => readRule(reader, at, { file }) ?? []);
  return new CardinalityRules(rules, otherwise);
}

function readRule(
  reader: FieldReader,
  at: MapAt,
  { file }: { readonly file: string },
): CardinalityRule | undefined {
  reader.keys(at, RULE_FIELDS);
  const action = readAction(reader, at);
  const name = reader.text(at, "name");
  const labels = readLabels(reader, at);
  if (action === undefined) return undefined;
  const place = `${file}:${reader.line(at.path)}`;
  return { place, action, match: { labels, ...(name && { name: new TextPattern(name) }) } };
}

function readLabels(reader: FieldReader, at: MapAt): CardinalityRule["match"]["labels"] {
  const labels = reader.map(at, "labels");
  if (labels === undefined) return [];
  return Object.keys(labels.map).map((name) => {
    const pattern = reader.text(labels, name);
    if (valueOf(labels, name) === undefined) {
      reader.error([...labels.path, name], 'must be a pattern: is empty, "" is for absent labels');
    }
    return { name, value: new TextPattern(pattern ?? "") };
  });
}

function readAction(reader: FieldReader, at: MapAt): RuleAction | undefined {
  if (valueOf(at, "action") === undefined) {
    reader.error(at.path, `needs an \`action\`, one of ${ACTIONS.join(", ")}`);
  }
  const kind = reader.word(at, "action", ACTIONS);
  switch (kind) {
    case "drop_labels": {
      const names = reader.texts(at, "remove").map((name) => new TextPattern(name));
      if (names.length === 0) reader.error([...at.path, "remove"], "must name the labels to drop");
      return { kind, names };
    }
    case "rewrite_label": {
      const name = reader.text(at, "label") ?? "";
      if (name === "") reader.error([...at.path, "label"], "must name the label to rewrite");
      const replacement = reader.text(at, "replacement") ?? "";
      return { kind, name, pattern: readPattern(reader, at), replacement };
    }
    default:
      return kind && { kind };
  }
}

function readPattern(reader: FieldReader, at: MapAt): RegExp {
  const text = reader.text(at, "pattern") ?? "";
  const path = [...at.path, "pattern"];
  if (text === "") reader.error(path, "must be a regular expression: is empty");
  try {
    return new RegExp(text, "u");
  } catch (error) {
    reader.error(path, `must be a regular expression: ${(error as Error).message}`);
    return /(?!)/;
  }
}
