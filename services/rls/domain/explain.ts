// SPDX-License-Identifier: Apache-2.0
/**
 * Says which rule a descriptor has, and why not the others.
 * @module
 */
import {
  type Choice,
  chooseRule,
  type CountedMatch,
  type Match,
  matchDescriptor,
  type RequestDescriptor,
  type RequestEntry,
} from "./descriptor_matcher.ts";
import {
  type CountedLimit,
  type LimitRule,
  limitsTogether,
  type RuleLevel,
  type RulePlace,
} from "./limit_rule.ts";
import type { LimitSet } from "./limit_set.ts";

/** One rule that was looked at. */
export interface Candidate {
  /** Its path: domain and composites, joined with dots. */
  readonly path: string;
  /** Where it stands. */
  readonly place: RulePlace;
  /** It was taken. */
  readonly chosen: boolean;
  /** Why it was taken, or why not. */
  readonly why: string;
}

/** What one entry did. */
export interface ExplainedStep {
  /** The entry. */
  readonly entry: RequestEntry;
  /** The rules of its level, in the order of the file; at most {@linkcode MAX_CANDIDATES}. */
  readonly candidates: readonly Candidate[];
  /** Rules of the level that are not shown. */
  readonly more: number;
}

/** What a descriptor matches, and why. */
export interface Explanation {
  /** Steps in order, as far as they led. */
  readonly steps: readonly ExplainedStep[];
  /** What came of it. */
  readonly match: Match;
  /** The same in one sentence. */
  readonly summary: string;
}

/** Rules of a level that an explanation shows. */
export const MAX_CANDIDATES = 100;

/** Explains one descriptor; `replaces` is about several, and not looked at. */
export function explain(
  set: LimitSet,
  { domain, descriptor }: {
    readonly domain: string;
    readonly descriptor: RequestDescriptor;
  },
): Explanation {
  const match = matchDescriptor(set, { domain, descriptor });
  const steps: ExplainedStep[] = [];
  let level = descriptor.override === undefined ? set.domains.get(domain) : undefined;
  for (const entry of descriptor.entries) {
    if (level === undefined) break;
    const choice = chooseRule(level, entry);
    steps.push(explainStep(level, { entry, choice }));
    level = choice?.rule.children;
  }
  return { steps, match, summary: summaryOf(match, { domain, steps, descriptor }) };
}

interface Step {
  readonly entry: RequestEntry;
  readonly choice: Choice | undefined;
}

function explainStep(level: RuleLevel, step: Step): ExplainedStep {
  const rules = [...level.byComposite.values()];
  const chosen = step.choice?.rule;
  const first = rules.slice(0, MAX_CANDIDATES);
  if (chosen !== undefined && !first.includes(chosen)) first.splice(-1, 1, chosen);
  const candidates = first.map((rule) => ({
    path: rule.path,
    place: rule.place,
    chosen: rule === chosen,
    why: rule === chosen ? whyChosen(step) : whyNot(level, { rule, step }),
  }));
  return { entry: step.entry, candidates, more: rules.length - candidates.length };
}

function whyChosen({ choice }: Step): string {
  switch (choice?.by) {
    case "value":
      return "it has this key and value";
    case "wildcard":
      return "it is the first wildcard that fits";
    default:
      return "it takes every value that no other rule takes";
  }
}

function whyNot(
  level: RuleLevel,
  { rule, step: { entry, choice } }: { readonly rule: LimitRule; readonly step: Step },
): string {
  const text = `${entry.key}_${entry.value}`;
  const wildcard = level.wildcards.find((one) => one.rule === rule)?.wildcard;
  if (wildcard?.matches(text)) {
    return choice?.by === "value"
      ? "a rule with exactly this value comes first"
      : "a wildcard before it in the file fits, too";
  }
  if (wildcard !== undefined) return `its pattern does not fit ${JSON.stringify(text)}`;
  if (rule.composite === entry.key) return "a rule for this value comes first";
  return rule.key === entry.key
    ? `its value is ${JSON.stringify(rule.value ?? "")}`
    : `its key is ${JSON.stringify(rule.key)}`;
}

interface SummaryParts {
  readonly domain: string;
  readonly steps: readonly ExplainedStep[];
  readonly descriptor: RequestDescriptor;
}

function summaryOf(match: Match, parts: SummaryParts): string {
  switch (match.kind) {
    case "counted":
      return `${match.rule?.path ?? "the request's own limit"}: ${describeLimit(match)}`;
    case "unlimited":
      return `${match.rule.path}: unlimited`;
    case "none":
      return `no limit: ${whyNone(match.why, parts)}`;
  }
}

function whyNone(why: string, { domain, steps, descriptor }: SummaryParts): string {
  const last = steps.at(-1);
  const shown = last === undefined ? "" : `${last.entry.key}=${JSON.stringify(last.entry.value)}`;
  switch (why) {
    case "domain not found":
      return `there is no domain ${JSON.stringify(domain)}`;
    case "no rule":
      return `no rule takes ${shown} (entry ${steps.length})`;
    case "no deeper rules":
      return `the rule of ${shown} (entry ${steps.length} of ${descriptor.entries.length}) ` +
        "has no rules below it, and a limit counts only where a descriptor ends";
    case "rule without limit":
      return `the rule of ${shown} has no limit of its own`;
    default:
      return why;
  }
}

/** Returns a limit as people say it: `100 per 15 minutes, sliding-window`; several with `and`. */
export function describeLimit({ limit }: Pick<CountedMatch, "limit">): string {
  return limitsTogether(limit).map(describeOne).join(" and ");
}

function describeOne(limit: CountedLimit): string {
  const { requestsPerUnit, unit, unitMultiplier, algorithm } = limit;
  const span = unitMultiplier === 1 ? unit : `${unitMultiplier} ${unit}s`;
  return `${requestsPerUnit} per ${span}, ${algorithm.kind}`;
}
