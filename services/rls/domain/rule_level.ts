// SPDX-License-Identifier: Apache-2.0
/**
 * Sibling rules, prepared for the look-up of entries.
 * @module
 */
import { TextPattern } from "@denvoy/base";
import type { LimitRule, RuleLevel, WildcardRule } from "./limit_rule.ts";

/** With more wildcards than that, rules are not looked through for those that a key alone decides. */
const MAX_WILDCARDS = 100;

/** Joins sibling rules; of those with one composite the first stays. */
export function ruleLevel(rules: readonly LimitRule[]): RuleLevel {
  const byComposite = new Map<string, LimitRule>();
  for (const rule of rules) {
    if (!byComposite.has(rule.composite)) byComposite.set(rule.composite, rule);
  }
  const wildcards = [...byComposite.values()].filter(({ composite }) => composite.includes("*"))
    .map((rule) => ({ rule, wildcard: new TextPattern(rule.composite) }));
  return { byComposite, wildcards, byKeyAlone: byKeyAlone(byComposite, wildcards) };
}

/** Leaves out rules for a key with which a composite or a pattern of the level begins. */
function byKeyAlone(
  byComposite: ReadonlyMap<string, LimitRule>,
  wildcards: readonly WildcardRule[],
): ReadonlyMap<string, LimitRule> {
  if (wildcards.length > MAX_WILDCARDS) return new Map();
  const begun = new Set([...byComposite.keys()].flatMap(beginnings));
  const prefixes = wildcards.map(({ rule: { composite } }) => composite.split("*", 1).join());
  const alone = [...byComposite].filter(([key]) => {
    const start = `${key}_`;
    return !begun.has(key) &&
      !prefixes.some((prefix) => prefix.startsWith(start) || start.startsWith(prefix));
  });
  return new Map(alone);
}

/** Returns what stands before each underscore of a text. */
function beginnings(text: string): readonly string[] {
  const found: string[] = [];
  for (let at = text.indexOf("_"); at >= 0; at = text.indexOf("_", at + 1)) {
    found.push(text.slice(0, at));
  }
  return found;
}
