// SPDX-License-Identifier: Apache-2.0
/**
 * Node selectors as people write them: a `nodes:` block of a resource file, the JSON form of it that
 * stores keep, and the one-line form of a query parameter.
 * @module
 */
import { err, ok, type Problem, type Result } from "@denvoy/base";
import {
  type MetadataCondition,
  type MetadataScalar,
  type NodeLocality,
  type NodeSelector,
  nodeSelector,
  type SelectorClause,
} from "./node_selector.ts";

const CLAUSE_FIELDS = ["id", "cluster", "locality", "metadata", "priority"];
const LOCALITY_FIELDS = ["region", "zone", "sub_zone"];

/** Collects what is wrong while a selector is read; `path` grows on the way down. */
class Report {
  readonly problems: Problem[] = [];

  add(path: string, message: string): undefined {
    this.problems.push({ severity: "error", path, message });
    return undefined;
  }

  unknownFields(path: string, value: object, known: readonly string[]): void {
    for (const field of Object.keys(value)) {
      if (known.includes(field)) continue;
      this.add(`${path}.${field}`, `unknown field "${field}", expected one of ${known.join(", ")}`);
    }
  }
}

/**
 * Reads a selector from plain JSON: one clause or a list of alternatives. A clause has `id` and
 * `cluster` (a pattern or a list of them), `locality` (`region`, `zone`, `sub_zone`), `metadata`
 * (dotted path to a value, a list of values, or `{exists: bool}`) and `priority` (an integer).
 * Problems have paths below `path` (default `nodes`).
 */
export function parseNodeSelector(
  input: unknown,
  path = "nodes",
): Result<NodeSelector, readonly Problem[]> {
  const report = new Report();
  const parsed = Array.isArray(input)
    ? input.map((clause, index) => readClause(clause, { path: `${path}[${index}]`, report }))
    : [readClause(input, { path, report })];
  if (parsed.length === 0) report.add(path, "a list of selectors must not be empty");
  if (report.problems.length > 0) return err(report.problems);
  const priorities = parsed.flatMap(({ priority }) => priority === undefined ? [] : [priority]);
  const priority = priorities.length === 0 ? 0 : Math.max(...priorities);
  return ok(nodeSelector(parsed.map(({ clause }) => clause), priority));
}

/**
 * Reads the one-line form: `id=edge-*,cluster=front,region=eu,metadata.stage=prod`, where all parts
 * must hold, `|` separates alternatives of one part, a bare `metadata.path` asks that it exists,
 * and `true`, `false` and numbers are taken as such.
 */
export function parseSelectorText(text: string): Result<NodeSelector, readonly Problem[]> {
  const clause: Record<string, unknown> = {};
  for (const part of text.split(",").map((piece) => piece.trim()).filter(Boolean)) {
    const at = part.indexOf("=");
    const field = at < 0 ? part : part.slice(0, at);
    addTextPart(clause, field, at < 0 ? undefined : part.slice(at + 1));
  }
  if (Object.keys(clause).length === 0) {
    const message =
      `a selector needs at least one part such as id=edge-*: current value is "${text}"`;
    return err([{ severity: "error", path: "selector", message }]);
  }
  return parseNodeSelector(clause, "selector");
}

/** Returns the JSON form, which {@linkcode parseNodeSelector} reads back to an equal selector. */
export function selectorToJson(selector: NodeSelector): readonly Record<string, unknown>[] {
  return selector.clauses.map((clause) => ({
    ...(clause.ids.length > 0 ? { id: clause.ids } : {}),
    ...(clause.clusters.length > 0 ? { cluster: clause.clusters } : {}),
    ...localityToJson(clause.locality),
    ...(clause.metadata.length > 0 ? { metadata: metadataToJson(clause.metadata) } : {}),
    ...(selector.priority !== 0 ? { priority: selector.priority } : {}),
  }));
}

interface Place {
  readonly path: string;
  readonly report: Report;
}

interface ParsedClause {
  readonly clause: SelectorClause;
  readonly priority: number | undefined;
}

function readClause(input: unknown, { path, report }: Place): ParsedClause {
  const fields = readObject(input, { path, report });
  report.unknownFields(path, fields, CLAUSE_FIELDS);
  const clause = {
    ids: readPatterns(fields.id, { path: `${path}.id`, report }),
    clusters: readPatterns(fields.cluster, { path: `${path}.cluster`, report }),
    locality: readLocality(fields.locality, { path: `${path}.locality`, report }),
    metadata: readMetadata(fields.metadata, { path: `${path}.metadata`, report }),
  };
  const empty = clause.ids.length + clause.clusters.length + clause.metadata.length === 0 &&
    Object.keys(clause.locality).length === 0;
  if (empty && report.problems.length === 0) {
    report.add(path, "a selector needs at least one of id, cluster, locality, metadata");
  }
  return { clause, priority: readPriority(fields.priority, { path: `${path}.priority`, report }) };
}

function readObject(input: unknown, { path, report }: Place): Record<string, unknown> {
  if (typeof input === "object" && input !== null && !Array.isArray(input)) return { ...input };
  report.add(path, `must be an object: current value is ${JSON.stringify(input)}`);
  return {};
}

function readPatterns(input: unknown, { path, report }: Place): readonly string[] {
  if (input === undefined) return [];
  const list: readonly unknown[] = Array.isArray(input) ? input : [input];
  if (list.length === 0) report.add(path, "a list of patterns must not be empty");
  return list.map((item, index) => {
    const place = Array.isArray(input) ? `${path}[${index}]` : path;
    if (typeof item !== "string" || item === "") {
      report.add(place, `must be a non-empty string: current value is ${JSON.stringify(item)}`);
    } else if (/.\*./.test(item)) {
      report.add(place, `"*" may only be first or last: current value is "${item}"`);
    }
    return String(item);
  });
}

function readLocality(input: unknown, { path, report }: Place): Partial<NodeLocality> {
  if (input === undefined) return {};
  const fields = readObject(input, { path, report });
  report.unknownFields(path, fields, LOCALITY_FIELDS);
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value !== "string") {
      report.add(`${path}.${name}`, `must be a string: current value is ${JSON.stringify(value)}`);
    }
  }
  return {
    ...(fields.region !== undefined ? { region: String(fields.region) } : {}),
    ...(fields.zone !== undefined ? { zone: String(fields.zone) } : {}),
    ...(fields.sub_zone !== undefined ? { subZone: String(fields.sub_zone) } : {}),
  };
}

function readMetadata(input: unknown, { path, report }: Place): readonly MetadataCondition[] {
  if (input === undefined) return [];
  return Object.entries(readObject(input, { path, report })).flatMap(([key, value]) => {
    const condition = readCondition(key.split("."), value);
    if (condition !== undefined) return [condition];
    report.add(
      `${path}.${key}`,
      `must be a string, number, bool, a list of these, or {exists: bool}: current value is ${
        JSON.stringify(value)
      }`,
    );
    return [];
  });
}

function readCondition(path: readonly string[], value: unknown): MetadataCondition | undefined {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (values.length > 0 && values.every(isScalar)) return { kind: "one-of", path, values };
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const exists: unknown = Reflect.get(value, "exists");
  if (Object.keys(value).length !== 1 || typeof exists !== "boolean") return undefined;
  return { kind: "exists", path, exists };
}

function isScalar(value: unknown): value is MetadataScalar {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function readPriority(input: unknown, { path, report }: Place): number | undefined {
  if (input === undefined) return undefined;
  if (typeof input === "number" && Number.isSafeInteger(input)) return input;
  return report.add(path, `must be an integer: current value is ${JSON.stringify(input)}`);
}

function addTextPart(clause: Record<string, unknown>, field: string, value?: string): void {
  const values = value?.split("|");
  if (field.startsWith("metadata.")) {
    const metadata = readObject(clause.metadata ?? {}, { path: "", report: new Report() });
    metadata[field.slice("metadata.".length)] = values?.map(scalarOf) ?? { exists: true };
    clause.metadata = metadata;
  } else if (LOCALITY_FIELDS.includes(field)) {
    clause.locality = { ...(clause.locality ?? {}), [field]: value ?? "" };
  } else {
    clause[field] = field === "priority" ? Number(value) : values ?? "";
  }
}

function scalarOf(text: string): MetadataScalar {
  if (text === "true" || text === "false") return text === "true";
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function localityToJson(locality: Partial<NodeLocality>): Record<string, unknown> {
  const { region, zone, subZone } = locality;
  const fields = {
    ...(region !== undefined ? { region } : {}),
    ...(zone !== undefined ? { zone } : {}),
    ...(subZone !== undefined ? { sub_zone: subZone } : {}),
  };
  return Object.keys(fields).length === 0 ? {} : { locality: fields };
}

function metadataToJson(conditions: readonly MetadataCondition[]): Record<string, unknown> {
  return Object.fromEntries(conditions.map((condition) => [
    condition.path.join("."),
    condition.kind === "exists" ? { exists: condition.exists } : condition.values,
  ]));
}
