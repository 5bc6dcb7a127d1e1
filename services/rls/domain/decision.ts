// SPDX-License-Identifier: Apache-2.0
/**
 * From what the counters say to what the client is told.
 * @module
 */
import type { Charge, Charged } from "./counter_store.ts";
import type { Match } from "./descriptor_matcher.ts";
import { type CountedLimit, limitsTogether } from "./limit_rule.ts";
import type { RateLimitPlan } from "./rate_limit_plan.ts";
import { type Tally, tallyOf } from "./tally.ts";

/** What came of a charge, or how the limit answers while nothing counts. */
export type ChargeAnswer = Charged | "allow" | "deny";

/** Whether a request may pass. */
export type Verdict = "ok" | "over-limit";

/** How one limit stands after a request. */
export interface LimitStatus {
  /** Whether the descriptor may pass. */
  readonly verdict: Verdict;
  /** The limit; undefined without a counted one. */
  readonly limit: CountedLimit | undefined;
  /** Units left. */
  readonly remaining: number;
  /** Milliseconds until there are more; undefined when that is unknown. */
  readonly resetMs: number | undefined;
  /** Where the units fell; undefined when nothing was counted. */
  readonly tally: Tally | undefined;
}

/** What the client is told of one descriptor: how its limit stands, of several the nearest. */
export interface DescriptorStatus extends LimitStatus {
  /** How each limit stands where the rule has several; else undefined. */
  readonly windows?: readonly LimitStatus[];
}

/** What the client is told. */
export interface Decision {
  /** Whether the request may pass. */
  readonly verdict: Verdict;
  /** What it would be without the service's shadow mode. */
  readonly unshadowed: Verdict;
  /** One for each descriptor. */
  readonly statuses: readonly DescriptorStatus[];
  /** The status that headers tell of: over its limit, else with the least left. */
  readonly tightest: DescriptorStatus | undefined;
}

/** How the service as a whole decides. */
export interface DecisionSettings {
  /** Lets every request pass. */
  readonly shadowMode: boolean;
  /** Takes every rule as one in quota mode. */
  readonly quotaMode: boolean;
  /** Part of a limit at which it is near, 0 to 1. */
  readonly nearRatio: number;
  /** What is over its limit keeps other charges of the request from counting. */
  readonly uncountedWhenOver: boolean;
}

/** `limit_remaining` of what has no limit. */
export const UNLIMITED_REMAINING = 2 ** 32 - 1;

/** Decides; `answers` has one answer for each charge of the plan. */
export function decide(
  { matches, charges }: RateLimitPlan,
  { answers, settings }: {
    readonly answers: readonly ChargeAnswer[];
    readonly settings: DecisionSettings;
  },
): Decision {
  const someOver = settings.uncountedWhenOver && answers.some(isOver);
  let at = 0;
  const statuses = matches.map((match) => {
    if (match.kind !== "counted") return match.kind === "none" ? unmatched : unlimited;
    const { limit: { also }, rule } = match;
    const shadowMode = rule?.shadowMode ?? false;
    if (also !== undefined) {
      const end = at + 1 + also.length;
      const parts = { charges: charges.slice(at, end), answers: answers.slice(at, end) };
      at = end;
      return nearest(match.limit, { ...parts, settings, shadowMode, someOver });
    }
    const [charge, answer] = [charges[at], answers[at++]];
    if (charge === undefined || answer === undefined) throw new TypeError("too few answers");
    return statusOf(match.limit, { charge, answer, settings, shadowMode, someOver });
  });
  const unshadowed = overallOf(matches, { statuses, settings });
  const verdict = settings.shadowMode ? "ok" : unshadowed;
  return { verdict, unshadowed, statuses, tightest: tightestOf(matches, { statuses, settings }) };
}

const unmatched: DescriptorStatus = {
  ...{ verdict: "ok", limit: undefined, remaining: 0, resetMs: undefined, tally: undefined },
};
const unlimited: DescriptorStatus = { ...unmatched, remaining: UNLIMITED_REMAINING };

function isOver(answer: ChargeAnswer): boolean {
  return typeof answer === "string" ? answer === "deny" : answer.over;
}

interface StatusParts {
  readonly charge: Charge;
  readonly answer: ChargeAnswer;
  readonly settings: DecisionSettings;
  readonly shadowMode: boolean;
  readonly someOver: boolean;
}

interface WindowsParts extends Omit<StatusParts, "charge" | "answer"> {
  readonly charges: readonly Charge[];
  readonly answers: readonly ChargeAnswer[];
}

/** Of several limits the one that is over and stays so longest, else the one with the least left. */
function nearest(
  limit: CountedLimit,
  { charges, answers, someOver, ...parts }: WindowsParts,
): DescriptorStatus {
  const anyOver = someOver || answers.some(isOver);
  const windows = limitsTogether(limit).map((one, index) => {
    const [charge, answer] = [charges[index], answers[index]];
    if (charge === undefined || answer === undefined) throw new TypeError("too few answers");
    const status = statusOf(one, { ...parts, charge, answer, someOver: anyOver });
    return { status, isOver: isOver(answer) };
  });
  const shown = windows.reduce((best, one) => {
    if (one.isOver !== best.isOver) return one.isOver ? one : best;
    const isNearer = one.isOver
      ? (one.status.resetMs ?? 0) > (best.status.resetMs ?? 0)
      : one.status.remaining < best.status.remaining;
    return isNearer ? one : best;
  });
  return { ...shown.status, windows: windows.map(({ status }) => status) };
}

function statusOf(
  limit: CountedLimit,
  { charge, answer, settings: { nearRatio }, shadowMode, someOver }: StatusParts,
): LimitStatus {
  const over = isOver(answer);
  const verdict = over && !shadowMode ? "over-limit" : "ok";
  if (typeof answer === "string") {
    const remaining = over ? 0 : limit.requestsPerUnit;
    return { verdict, limit, remaining, resetMs: undefined, tally: undefined };
  }
  const uncounted = someOver && !over;
  const tally = tallyOf({ charge, charged: answer, nearRatio, shadowMode, uncounted });
  const remaining = over ? 0 : answer.remaining;
  return { verdict, limit, remaining, resetMs: answer.resetMs, tally };
}

interface OverallParts {
  readonly statuses: readonly DescriptorStatus[];
  readonly settings: DecisionSettings;
}

/** Over when a plain limit is over, or when all limits in quota mode are (and there is one). */
function overallOf(matches: readonly Match[], { statuses, settings }: OverallParts): Verdict {
  let [quotas, quotasOver] = [0, 0];
  let at = 0;
  for (const match of matches) {
    const over = statuses[at++]?.verdict === "over-limit";
    if (isQuota(match, settings)) {
      quotas++;
      if (over) quotasOver++;
    } else if (over) return "over-limit";
  }
  return quotas > 0 && quotas === quotasOver ? "over-limit" : "ok";
}

function isQuota(match: Match, { quotaMode }: DecisionSettings): boolean {
  return quotaMode || match.kind !== "none" && match.rule?.quotaMode === true;
}

/** The last plain limit that is over, else the first with the least left. */
function tightestOf(
  matches: readonly Match[],
  { statuses, settings }: OverallParts,
): DescriptorStatus | undefined {
  let tightest: DescriptorStatus | undefined;
  let at = 0;
  for (const status of statuses) {
    const match = matches[at++];
    if (status.limit === undefined || match === undefined) continue;
    const wins = status.verdict === "over-limit" && !isQuota(match, settings);
    if (wins || tightest === undefined || status.remaining < tightest.remaining) tightest = status;
  }
  return tightest;
}
