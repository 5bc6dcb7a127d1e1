// SPDX-License-Identifier: Apache-2.0
/**
 * All limits together: files as one set, taken as a whole or not at all.
 * @module
 */
import { hasErrors, type Problem } from "@denvoy/base";
import { type LimitFile, readLimitFile } from "./limit_file.ts";
import type { DomainLimits, LimitRule, RuleLevel, RulePlace } from "./limit_rule.ts";
import { ruleLevel } from "./rule_level.ts";

/** How files are joined. */
export interface LimitSetOptions {
  /** Several files may add rules to one domain. @default false */
  readonly mergeDomains?: boolean;
}

/** What reading files gave. */
export interface LimitSetResult {
  /** The limits; undefined when any file has an error. */
  readonly set: LimitSet | undefined;
  /** All errors and warnings. */
  readonly problems: readonly Problem[];
}

/** The rules of each domain. Never changes. */
export class LimitSet {
  /** Rules by domain, domains in the order of their files. */
  readonly domains: ReadonlyMap<string, RuleLevel>;
  /** A set without limits. */
  static readonly empty: LimitSet = new LimitSet(new Map());

  /** `domains` are checked already. */
  constructor(domains: ReadonlyMap<string, RuleLevel>) {
    this.domains = domains;
  }

  /** All rules, parents before their children, in the order of the files. */
  *rules(): Generator<LimitRule> {
    for (const level of this.domains.values()) yield* rulesOf(level);
  }
}

function* rulesOf(level: RuleLevel): Generator<LimitRule> {
  for (const rule of level.byComposite.values()) {
    yield rule;
    if (rule.children !== undefined) yield* rulesOf(rule.children);
  }
}

/** Reads texts by file name as one set. */
export function readLimitSet(
  texts: ReadonlyMap<string, string>,
  options: LimitSetOptions = {},
): LimitSetResult {
  const files = [...texts].map(([file, text]) => readLimitFile(text, { file }));
  return joinLimitFiles(files, options);
}

/** Joins files that were read. */
export function joinLimitFiles(
  files: readonly LimitFile[],
  { mergeDomains = false }: LimitSetOptions = {},
): LimitSetResult {
  const problems = files.flatMap((file) => file.problems);
  const byDomain = new Map<string, DomainLimits>();
  // Also files with errors, so that everything is said at once.
  for (const { found } of files) {
    if (found === undefined) continue;
    const first = byDomain.get(found.domain);
    if (first === undefined) byDomain.set(found.domain, found);
    else {
      problems.push(...domainConflicts(first, found, { mergeDomains }));
      byDomain.set(found.domain, { ...first, rules: [...first.rules, ...found.rules] });
    }
  }
  if (hasErrors(problems)) return { set: undefined, problems };
  const levels = [...byDomain].map(([domain, { rules }]) => [domain, ruleLevel(rules)] as const);
  return { set: new LimitSet(new Map(levels)), problems };
}

/** Returns why limits of the same domain cannot count together; nothing when they can. */
export function domainConflicts(
  first: DomainLimits,
  second: DomainLimits,
  { mergeDomains = false }: LimitSetOptions,
): readonly Problem[] {
  return mergeDomains ? repeatedRules(first, second) : [repeatedDomain(first, second)];
}

function repeatedDomain(first: DomainLimits, { domain, place }: DomainLimits): Problem {
  const message = `duplicate domain ${JSON.stringify(domain)}: it is in ${where(first.place)}, too`;
  return { severity: "error", ...place, path: "domain", message };
}

function repeatedRules(first: DomainLimits, second: DomainLimits): readonly Problem[] {
  const known = new Map(first.rules.map((rule) => [rule.composite, rule]));
  return second.rules.flatMap(({ composite, key, path, place }): readonly Problem[] => {
    const other = known.get(composite);
    if (other === undefined || key === "") return [];
    const message = `duplicate descriptor ${JSON.stringify(path)}: ` +
      `it is in ${where(other.place)}, too`;
    return [{ severity: "error", ...place, message }];
  });
}

function where({ file, line }: RulePlace): string {
  return file === undefined ? `line ${line}` : `${file}:${line}`;
}
