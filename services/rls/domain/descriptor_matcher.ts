// SPDX-License-Identifier: Apache-2.0
/**
 * Which limit a descriptor of a request has, by the rules of envoyproxy/ratelimit: at each level the
 * rule with the value, else the first wildcard that fits, else the rule without a value. There is no
 * way back from a branch that was chosen, and a limit counts only where the descriptor ends.
 * @module
 */
import { counterKeyText, type NamedEntry } from "./counter_key.ts";
import {
  type CountedLimit,
  type LimitRule,
  limitsTogether,
  type RuleLevel,
  type Unlimited,
} from "./limit_rule.ts";
import type { LimitSet } from "./limit_set.ts";

/** One entry of a descriptor. */
export interface RequestEntry {
  /** Its key. */
  readonly key: string;
  /** Its value; may be empty. */
  readonly value: string;
}

/** One descriptor of a request. */
export interface RequestDescriptor {
  /** Its entries, the root of the tree first. */
  readonly entries: readonly RequestEntry[];
  /** A limit that the request brings along, in place of that of the rules. */
  readonly override?: CountedLimit;
}

/** How an entry came to its rule. */
export type MatchedBy = "value" | "wildcard" | "default";

/** The rule that an entry chose. */
export interface Choice {
  /** The rule. */
  readonly rule: LimitRule;
  /** How it was chosen. */
  readonly by: MatchedBy;
}

/** Why a descriptor has no limit. */
export type NoLimitReason =
  | "domain not found"
  | "no entries"
  | "no rule"
  | "rule without limit"
  | "no deeper rules"
  | "replaced";

/** A descriptor that is counted. */
export interface CountedMatch {
  /** Tells it from the others. */
  readonly kind: "counted";
  /** The domain. */
  readonly domain: string;
  /** The limit. */
  readonly limit: CountedLimit;
  /** Its rule; undefined for a limit that the request brought along. */
  readonly rule: LimitRule | undefined;
  /** The entries as its counter names them; see {@linkcode counterKeyOf}. */
  readonly named: readonly NamedEntry[];
  /** What metrics call it. */
  readonly metricKey: string;
}

/** A descriptor that passes uncounted by an `unlimited` rule. */
export interface UnlimitedMatch {
  /** Tells it from the others. */
  readonly kind: "unlimited";
  /** The limit. */
  readonly limit: Unlimited;
  /** Its rule. */
  readonly rule: LimitRule;
  /** What metrics call it. */
  readonly metricKey: string;
}

/** A descriptor without a limit. */
export interface NoMatch {
  /** Tells it from the others. */
  readonly kind: "none";
  /** Why. */
  readonly why: NoLimitReason;
}

/** What a descriptor matches. */
export type Match = CountedMatch | UnlimitedMatch | NoMatch;

const noMatches: Readonly<Record<NoLimitReason, NoMatch>> = {
  "domain not found": { kind: "none", why: "domain not found" },
  "no entries": { kind: "none", why: "no entries" },
  "no rule": { kind: "none", why: "no rule" },
  "rule without limit": { kind: "none", why: "rule without limit" },
  "no deeper rules": { kind: "none", why: "no deeper rules" },
  replaced: { kind: "none", why: "replaced" },
};

/** Returns the match of each descriptor; a limit that another one replaces is no limit. */
export function matchDescriptors(
  set: LimitSet,
  { domain, descriptors }: {
    readonly domain: string;
    readonly descriptors: readonly RequestDescriptor[];
  },
): readonly Match[] {
  const matches = descriptors.map((descriptor) => matchDescriptor(set, { domain, descriptor }));
  const replaced = replacedNames(matches);
  if (replaced === undefined) return matches;
  return matches.map((match) => withoutReplaced(match, replaced));
}

/** Of a rule with several limits those stay that nobody replaces. */
function withoutReplaced(match: Match, replaced: ReadonlySet<string>): Match {
  // As in envoyproxy/ratelimit nobody takes `unlimited` away.
  if (match.kind !== "counted") return match;
  const all = limitsTogether(match.limit);
  const left = all.filter(({ name }) => !replaced.has(name));
  const [first, ...also] = left;
  if (left.length === all.length) return match;
  if (first === undefined) return noMatches.replaced;
  const { also: _, ...limit } = first;
  return { ...match, limit: also.length === 0 ? limit : { ...limit, also } };
}

/** Returns the match of one descriptor by itself. */
export function matchDescriptor(
  set: LimitSet,
  { domain, descriptor }: {
    readonly domain: string;
    readonly descriptor: RequestDescriptor;
  },
): Match {
  const root = set.domains.get(domain);
  if (root === undefined) return noMatches["domain not found"];
  const { entries, override } = descriptor;
  if (override !== undefined) return overrideMatch(domain, { entries, limit: override });
  let level: RuleLevel | undefined = root;
  let leaf: LimitRule | undefined;
  let isPlain = true;
  for (const entry of entries) {
    if (level === undefined) return noMatches["no deeper rules"];
    const choice = chooseRule(level, entry);
    if (choice === undefined) return noMatches["no rule"];
    leaf = choice.rule;
    isPlain &&= !leaf.valueToMetric && !leaf.shareThreshold;
    level = leaf.children;
  }
  if (leaf === undefined) return noMatches["no entries"];
  if (!isPlain || leaf.detailedMetric) return namedMatch(leaf, { domain, ...walk(root, entries) });
  return matchOf(leaf, { domain, named: entries, metricKey: leaf.path });
}

/** Returns the rule of a level that takes an entry. */
export function chooseRule(level: RuleLevel, { key, value }: RequestEntry): Choice | undefined {
  const rule = level.byKeyAlone.get(key);
  if (rule !== undefined) return { rule, by: "default" };
  const composite = `${key}_${value}`;
  const exact = level.byComposite.get(composite);
  if (exact !== undefined) return { rule: exact, by: "value" };
  for (const { rule, wildcard } of level.wildcards) {
    if (wildcard.matches(composite)) return { rule, by: "wildcard" };
  }
  const general = level.byComposite.get(key);
  return general === undefined ? undefined : { rule: general, by: "default" };
}

/** Returns the name of a match's counter, without prefix and window: `domain_key_value_`. */
export function counterKeyOf({ domain, named }: CountedMatch): string {
  return counterKeyText({ head: `${domain}_`, entries: named, tail: "" });
}

interface Walk {
  readonly entries: readonly RequestEntry[];
  readonly choices: readonly Choice[];
}

/** Goes the way to a rule again, which is known to be there, for what was chosen on it. */
function walk(root: RuleLevel, entries: readonly RequestEntry[]): Walk {
  const choices: Choice[] = [];
  let level: RuleLevel | undefined = root;
  for (const entry of entries) {
    const choice: Choice | undefined = level && chooseRule(level, entry);
    if (choice === undefined) break;
    choices.push(choice);
    level = choice.rule.children;
  }
  return { entries, choices };
}

interface MatchNames {
  readonly domain: string;
  readonly named: readonly NamedEntry[];
  readonly metricKey: string;
}

function matchOf(rule: LimitRule, { domain, named, metricKey }: MatchNames): Match {
  const { limit } = rule;
  if (limit === undefined) return noMatches["rule without limit"];
  if (limit.kind === "unlimited") return { kind: "unlimited", limit, rule, metricKey };
  return { kind: "counted", domain, limit, rule, metricKey, named };
}

/** The match of a rule on whose way values are shared, or shown by metrics. */
function namedMatch(
  rule: LimitRule,
  { domain, ...way }: Walk & { readonly domain: string },
): Match {
  return matchOf(rule, { domain, named: namedEntries(way), metricKey: metricKeyOf(domain, way) });
}

function overrideMatch(
  domain: string,
  { entries, limit }: { readonly entries: readonly RequestEntry[]; readonly limit: CountedLimit },
): Match {
  const parts = entries.map(({ key, value }) => valuePart(key, value));
  const metricKey = [domain, ...parts].join(".");
  return { kind: "counted", domain, limit, rule: undefined, named: entries, metricKey };
}

/**
 * Values that share a threshold are one counter: it is named by their pattern. A rule may take an entry
 * of another key (`a` with the value `*` takes `a_b`): as in envoyproxy/ratelimit the entry's counts.
 */
function namedEntries({ entries, choices }: Walk): readonly NamedEntry[] {
  return entries.map((entry, index) => {
    const choice = choices[index];
    if (choice === undefined || !isShared(choice)) return entry;
    return { key: entry.key, value: withoutPrefix(choice.rule.composite, `${entry.key}_`) };
  });
}

function withoutPrefix(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}

function isShared({ rule, by }: Choice): boolean {
  return by === "wildcard" && rule.shareThreshold;
}

function metricKeyOf(domain: string, { entries, choices }: Walk): string {
  const leaf = choices.at(-1)?.rule;
  const detailed = leaf?.detailedMetric === true;
  if (!detailed && choices.every(({ rule }) => !rule.valueToMetric)) return leaf?.path ?? domain;
  // The reference leaves an underscore behind where a value is empty, but not beside shared ones.
  const isPlain = detailed && !choices.some(isShared);
  const parts = entries.map(({ key, value }, index) => {
    const choice = choices[index];
    if (choice === undefined) return key;
    if (isPlain) return `${key}_${value}`;
    const shows = detailed || choice.by !== "value" && choice.rule.valueToMetric;
    return shows && !isShared(choice) ? valuePart(key, value) : choice.rule.composite;
  });
  return [domain, ...parts].join(".");
}

function valuePart(key: string, value: string): string {
  return value === "" ? key : `${key}_${value}`;
}

function replacedNames(matches: readonly Match[]): ReadonlySet<string> | undefined {
  let names: Set<string> | undefined;
  for (const match of matches) {
    if (match.kind === "none") continue;
    const { replaces } = match.limit;
    const also = match.kind === "counted" ? match.limit.also : undefined;
    if (replaces.length === 0 && also === undefined) continue;
    const others = also?.flatMap((limit) => limit.replaces) ?? [];
    for (const name of [...replaces, ...others]) (names ??= new Set()).add(name);
  }
  return names;
}
