// SPDX-License-Identifier: Apache-2.0
/**
 * Reads a limit file of envoyproxy/ratelimit, and says everything that is wrong with it.
 * @module
 */
import { hasErrors, type Problem } from "@denvoy/base";
import {
  FieldReader,
  isPlainMap,
  type MapAt,
  parseDocuments,
  type SourceDocument,
  valueOf,
} from "@denvoy/proto";
import { policyKeys, readPolicy } from "./limit_policy.ts";
import type { DomainLimits, LimitRule } from "./limit_rule.ts";
import { ruleLevel } from "./rule_level.ts";

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
/** envoyproxy/ratelimit takes each of its keys at every level. */
const allKeys: ReadonlySet<string> = new Set([...fileKeys, ...ruleKeys, ...policyKeys]);

/** Reads a file's text. `file` appears in problems and tells JSON by its name. Never throws. */
export function readLimitFile(text: string, { file }: { readonly file?: string } = {}): LimitFile {
  const { documents, problems } = parseDocuments(text, file === undefined ? {} : { file });
  if (hasErrors(problems)) return { limits: undefined, found: undefined, problems };
  const [document] = documents;
  if (document === undefined) return failed(file, "must have a `domain`: the file is empty");
  const reader = new FieldReader(document);
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
  if (document === undefined || !isPlainMap(document.value)) return false;
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
interface RuleItem extends MapAt {
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
    const { file } = this.#document;
    const reader = this.#reader;
    const root = reader.root("must be a map with `domain` and `descriptors`");
    if (root === undefined) return { domain: "", rules: [], place: { ...at(file), line: 1 } };
    reader.keys(root, fileKeys, { elsewhere: allKeys });
    const domain = reader.text(root, "domain") ?? "";
    if (domain === "") reader.error(["domain"], "`domain` must not be empty");
    this.#domain = domain;
    const rules = this.#rules(root, domain);
    return { domain, rules, place: { ...at(file), line: reader.line(["domain"]) } };
  }

  #rules(above: MapAt, parent: string): readonly LimitRule[] {
    const seen = new Map<string, LimitRule>();
    return this.#reader.maps(above, "descriptors").map((item) => {
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

  #rule({ parent, ...item }: RuleItem): LimitRule {
    const reader = this.#reader;
    const { path } = item;
    reader.keys(item, ruleKeys, { elsewhere: allKeys });
    const key = reader.text(item, "key") ?? "";
    if (key === "" && typeof valueOf(item, "key") !== "object") {
      reader.error(path, "`key` must not be empty");
    }
    const value = reader.text(item, "value") || undefined;
    const composite = value === undefined ? key : `${key}_${value}`;
    const rulePath = `${parent}.${composite}`;
    const rules = this.#rules(item, rulePath);
    const shareThreshold = reader.flag(item, "share_threshold");
    if (shareThreshold && !composite.includes("*")) {
      reader.error([...path, "share_threshold"], "`share_threshold` needs a `*` in key or value");
    }
    return {
      domain: this.#domain,
      ...{ key, value, composite, path: rulePath, shareThreshold },
      limit: readPolicy(reader, item, { elsewhere: allKeys }),
      children: rules.length === 0 ? undefined : ruleLevel(rules),
      shadowMode: reader.flag(item, "shadow_mode"),
      quotaMode: reader.flag(item, "quota_mode"),
      detailedMetric: reader.flag(item, "detailed_metric"),
      valueToMetric: reader.flag(item, "value_to_metric"),
      metadata: reader.map(item, "metadata")?.map,
      place: { ...at(this.#document.file), line: reader.line(path) },
    };
  }
}
