// SPDX-License-Identifier: Apache-2.0
/**
 * Reads a limit file of envoyproxy/ratelimit, and says everything that is wrong with it.
 * @module
 */
import { hasErrors, type Problem, TextPattern } from "@denvoy/base";
import { parseDocuments, type Path, type PlainMap, type SourceDocument } from "@denvoy/proto";
import { type FieldAt, FieldReader, isMap, valueOf } from "./field_reader.ts";
import { policyKeys, readPolicy } from "./limit_policy.ts";
import type { DomainLimits, LimitRule, RuleLevel } from "./limit_rule.ts";

/** What a file holds. */
export interface LimitFile {
  /** Its domain with its rules; undefined when it has errors. */
  readonly limits: DomainLimits | undefined;
  /** What could be read in spite of errors, for checks of files together; undefined without domain. */
  readonly found: DomainLimits | undefined;
  /** All errors and warnings, in order of the file. */
  readonly problems: readonly Problem[];
}

const fileKeys: readonly string[] = ["domain", "descriptors"];
const ruleKeys: readonly string[] = [
  ...["key", "value", "rate_limit", "descriptors", "shadow_mode", "quota_mode"],
  ...["detailed_metric", "value_to_metric", "share_threshold", "metadata"],
];
const allKeys: ReadonlySet<string> = new Set([...fileKeys, ...ruleKeys, ...policyKeys]);

/** Reads a file's text. `file` appears in problems and tells JSON by its name. Never throws. */
export function readLimitFile(text: string, { file }: { readonly file?: string } = {}): LimitFile {
  const { documents, problems } = parseDocuments(text, file === undefined ? {} : { file });
  if (hasErrors(problems)) return { limits: undefined, found: undefined, problems };
  const [document] = documents;
  if (document === undefined) return failed(file, "must have a `domain`: the file is empty");
  const reader = new FieldReader(document, text);
  const limits = new LimitFileReader(reader, document).read();
  const [, second] = documents;
  if (second !== undefined) {
    const message = "only the first document of a file counts: this one is ignored";
    reader.problems.push({ severity: "warning", ...at(file), ...second.place([]), message });
  }
  const sorted = reader.problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const found = limits.domain === "" ? undefined : limits;
  return { limits: hasErrors(sorted) ? undefined : limits, found, problems: sorted };
}

/** Tells whether a text has the form of a limit file: its root says `domain` or `descriptors`. */
export function isLimitText(text: string, file?: string): boolean {
  // Most texts are told by their words alone; to parse a large one takes long.
  if (!/\b(domain|descriptors)\b/.test(text)) return false;
  const { documents: [document] } = parseDocuments(text, file === undefined ? {} : { file });
  if (document === undefined || !isMap(document.value)) return false;
  const { value } = document;
  const isOther = ["@type", "resources", "nodes"].some((key) => Object.hasOwn(value, key));
  return !isOther && fileKeys.some((key) => Object.hasOwn(value, key));
}

function failed(file: string | undefined, message: string): LimitFile {
  const problem: Problem = { severity: "error", ...at(file), line: 1, column: 1, message };
  return { limits: undefined, found: undefined, problems: [problem] };
}

function at(file: string | undefined): { readonly file?: string } {
  return file === undefined ? {} : { file };
}

/** Where a descriptor is read and what it is below. */
interface RuleItem {
  readonly map: PlainMap;
  readonly path: Path;
  readonly parent: string;
}

class LimitFileReader {
  readonly #reader: FieldReader;
  readonly #document: SourceDocument;
  #domain = "";

  constructor(reader: FieldReader, document: SourceDocument) {
    this.#reader = reader;
    this.#document = document;
  }

  read(): DomainLimits {
    const { value, file } = this.#document;
    if (!isMap(value)) {
      this.#reader.error([], "must be a map with `domain` and `descriptors`");
      return { domain: "", rules: [], place: { ...at(file), line: 1 } };
    }
    this.#reader.keys({ map: value, path: [] }, { known: fileKeys, elsewhere: allKeys });
    const field = (name: string): FieldAt => ({ map: value, path: [], name });
    const domain = this.#reader.text(field("domain")) ?? "";
    if (domain === "") this.#reader.error(["domain"], "`domain` must not be empty");
    this.#domain = domain;
    const rules = this.#rules(field("descriptors"), domain);
    return { domain, rules, place: { ...at(file), line: this.#reader.line(["domain"]) } };
  }

  #rules(field: FieldAt, parent: string): readonly LimitRule[] {
    const seen = new Map<string, LimitRule>();
    return this.#reader.maps(field).map((item) => {
      const rule = this.#rule({ ...item, parent });
      const first = seen.get(rule.composite);
      if (first === undefined) seen.set(rule.composite, rule);
      else if (rule.key !== "") {
        const message = `duplicate descriptor ${JSON.stringify(rule.path)}: ` +
          `it is there in line ${first.place.line}, too`;
        this.#reader.error(item.path, message);
      }
      return rule;
    });
  }

  #rule({ map, path, parent }: RuleItem): LimitRule {
    const reader = this.#reader;
    reader.keys({ map, path }, { known: ruleKeys, elsewhere: allKeys });
    const field = (name: string): FieldAt => ({ map, path, name });
    const key = reader.text(field("key")) ?? "";
    if (key === "" && typeof valueOf(field("key")) !== "object") {
      reader.error(path, "`key` must not be empty");
    }
    const value = reader.text(field("value")) || undefined;
    const composite = value === undefined ? key : `${key}_${value}`;
    const rulePath = `${parent}.${composite}`;
    const rules = this.#rules(field("descriptors"), rulePath);
    const shareThreshold = reader.flag(field("share_threshold"));
    if (shareThreshold && !composite.includes("*")) {
      reader.error([...path, "share_threshold"], "`share_threshold` needs a `*` in key or value");
    }
    return {
      domain: this.#domain,
      ...{ key, value, composite, path: rulePath, shareThreshold },
      limit: readPolicy(reader, { ...field("rate_limit"), elsewhere: allKeys }),
      children: rules.length === 0 ? undefined : ruleLevel(rules),
      shadowMode: reader.flag(field("shadow_mode")),
      quotaMode: reader.flag(field("quota_mode")),
      detailedMetric: reader.flag(field("detailed_metric")),
      valueToMetric: reader.flag(field("value_to_metric")),
      metadata: reader.map(field("metadata")),
      place: { ...at(this.#document.file), line: reader.line(path) },
    };
  }
}

/** Joins sibling rules; of those with one composite the first stays. */
export function ruleLevel(rules: readonly LimitRule[]): RuleLevel {
  const byComposite = new Map<string, LimitRule>();
  for (const rule of rules) {
    if (!byComposite.has(rule.composite)) byComposite.set(rule.composite, rule);
  }
  const wildcards = [...byComposite.values()].filter(({ composite }) => composite.includes("*"))
    .map((rule) => ({ rule, wildcard: new TextPattern(rule.composite) }));
  return { byComposite, wildcards };
}
