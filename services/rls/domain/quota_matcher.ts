// SPDX-License-Identifier: Apache-2.0
/**
 * Which limit a quota bucket has. A bucket id has no order and a descriptor does: a bucket matches
 * every path of rules that uses each of its entries exactly once. Of several such paths the one
 * counts whose first rule is more specific (by value, then by wildcard, then by key alone), then
 * that of the rule that stands first in the file, then likewise one level below.
 * @module
 */
import {
  type Choice,
  chooseRule,
  counterKeyOf,
  matchDescriptor,
  type MatchedBy,
  type RequestEntry,
} from "./descriptor_matcher.ts";
import { type CountedLimit, type LimitRule, limitsTogether, type RuleLevel } from "./limit_rule.ts";
import type { LimitSet } from "./limit_set.ts";
import type { QuotaBucket } from "./quota_bucket.ts";

/** A bucket with a limit that can be shared out. */
export interface LimitedBucket {
  /** Tells it from the others. */
  readonly kind: "limited";
  /** Names the limit: buckets with the same one share it (`share_threshold`). */
  readonly poolKey: string;
  /** The limit. */
  readonly limit: CountedLimit;
  /** Its rule. */
  readonly rule: LimitRule;
  /** What metrics call it. */
  readonly metricKey: string;
}

/** A bucket whose rule is `unlimited`. */
export interface UnlimitedBucket {
  /** Tells it from the others. */
  readonly kind: "unlimited";
  /** Its rule. */
  readonly rule: LimitRule;
  /** What metrics call it. */
  readonly metricKey: string;
}

/** Why a bucket has no limit. */
export type NoQuotaReason = "domain not found" | "no rule" | "concurrency";

/** A bucket without a limit that could be shared out. */
export interface UnmatchedBucket {
  /** Tells it from the others. */
  readonly kind: "none";
  /** Why; `concurrency` is a limit of what is under way, which no assignment can say. */
  readonly why: NoQuotaReason;
}

/** What a bucket matches. */
export type QuotaMatch = LimitedBucket | UnlimitedBucket | UnmatchedBucket;

/** Steps after which a search is given up: only rule files made for it come near. */
const MAX_STEPS = 10_000;

const specificity: Readonly<Record<MatchedBy, number>> = { value: 0, wildcard: 1, default: 2 };

/** Returns what a bucket of a domain matches. */
export function matchBucket(
  set: LimitSet,
  { domain, bucket }: { readonly domain: string; readonly bucket: QuotaBucket },
): QuotaMatch {
  const root = set.domains.get(domain);
  if (root === undefined) return { kind: "none", why: "domain not found" };
  const entries = new OrderSearch().find(root, bucket.entries);
  if (entries === undefined) return { kind: "none", why: "no rule" };
  const match = matchDescriptor(set, { domain, descriptor: { entries } });
  if (match.kind === "none" || match.rule === undefined) return { kind: "none", why: "no rule" };
  const { rule, metricKey } = match;
  if (match.kind === "unlimited") return { kind: "unlimited", rule, metricKey };
  const { limit } = match;
  if (limitsTogether(limit).every(({ algorithm }) => algorithm.kind === "concurrency")) {
    return { kind: "none", why: "concurrency" };
  }
  return { kind: "limited", poolKey: counterKeyOf(match), limit, rule, metricKey };
}

/** An entry with the rule that takes it. */
interface Step extends Choice {
  readonly entry: RequestEntry;
}

/** Finds the order in which entries lead to a limit. */
class OrderSearch {
  #steps = 0;

  find(
    level: RuleLevel | undefined,
    entries: readonly RequestEntry[],
  ): readonly RequestEntry[] | undefined {
    if (level === undefined) return undefined;
    for (const { entry, rule } of this.#choices(level, entries)) {
      if (++this.#steps > MAX_STEPS) return undefined;
      if (entries.length === 1) {
        if (rule.limit !== undefined) return [entry];
        continue;
      }
      const rest = this.find(rule.children, entries.filter((other) => other !== entry));
      if (rest !== undefined) return [entry, ...rest];
    }
    return undefined;
  }

  #choices(level: RuleLevel, entries: readonly RequestEntry[]): readonly Step[] {
    const steps = entries.flatMap((entry): readonly Step[] => {
      const choice = chooseRule(level, entry);
      return choice === undefined ? [] : [{ ...choice, entry }];
    });
    if (steps.length < 2) return steps;
    const order = [...level.byComposite.values()];
    return steps.sort((a, b) =>
      specificity[a.by] - specificity[b.by] || order.indexOf(a.rule) - order.indexOf(b.rule)
    );
  }
}
