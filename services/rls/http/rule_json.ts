// SPDX-License-Identifier: Apache-2.0
/**
 * Rules and matches as the HTTP API shows them.
 * @module
 */
import { type CountedMatch, counterKeyOf, type Match } from "../domain/descriptor_matcher.ts";
import type { Explanation } from "../domain/explain.ts";
import { type Limit, type LimitRule, limitsTogether, windowName } from "../domain/limit_rule.ts";
import type { HotKey } from "../domain/sightings.ts";
import type { Tally } from "../domain/tally.ts";

type Json = Readonly<Record<string, unknown>>;

/** A rule with one of its limits, and what was counted of it. */
export interface CountedRule {
  /** The rule. */
  readonly rule: LimitRule;
  /** The limit; undefined for a rule without one. */
  readonly limit: Limit | undefined;
  /** What the limit is called among those of its rule; undefined for a rule with one. */
  readonly window: string | undefined;
  /** What was counted. */
  readonly counts: Readonly<Record<keyof Tally, number>>;
  /** The keys that were asked for most. */
  readonly hotKeys: readonly HotKey[];
}

/** Returns a rule with what was counted of it. */
export function ruleJson({ rule, limit, window, counts, hotKeys }: CountedRule): Json {
  const { domain, path, place, shadowMode, quotaMode } = rule;
  const { overFromCache, ...rest } = counts;
  return {
    domain,
    rule: path,
    window,
    place,
    limit: limit === undefined ? undefined : limitJson(limit),
    shadow_mode: shadowMode,
    quota_mode: quotaMode,
    counts: { ...rest, over_from_cache: overFromCache },
    hot_keys: hotKeys.map(hotKeyJson),
  };
}

/** `used` is the part of the limit that is used up, 1 when nothing is left. */
function hotKeyJson({ entries, recentHits, remaining, limit, resetMs }: HotKey): Json {
  return {
    entries,
    recent_hits: Math.round(recentHits * 10) / 10,
    remaining,
    used: limit === 0 ? 1 : Math.max(0, Math.round((1 - remaining / limit) * 1000) / 1000),
    resets_in_seconds: resetMs === undefined ? undefined : Math.ceil(resetMs / 1000),
  };
}

/** Returns all limits of a rule; one without any has one entry, too. */
export function limitsOfRule(
  { limit }: LimitRule,
): readonly Pick<CountedRule, "limit" | "window">[] {
  if (limit?.kind !== "counted" || limit.also === undefined) return [{ limit, window: undefined }];
  return limitsTogether(limit).map((one) => ({ limit: one, window: windowName(one) }));
}

/** Returns a limit. */
export function limitJson(limit: Limit): Json {
  if (limit.kind === "unlimited") return { unlimited: true, name: limit.name };
  const { requestsPerUnit, unit, unitMultiplier, name, algorithm, onStoreFailure } = limit;
  return {
    requests_per_unit: requestsPerUnit,
    unit,
    unit_multiplier: unitMultiplier,
    name,
    algorithm: algorithm.kind.replace("-", "_"),
    on_store_failure: onStoreFailure,
  };
}

/** Returns an explanation of one descriptor. */
export function explanationJson({ steps, match, summary }: Explanation): Json {
  return { summary, match: matchJson(match), steps };
}

function matchJson(match: Match): Json {
  if (match.kind === "none") return { kind: "none", why: match.why };
  const { kind, limit, rule, metricKey } = match;
  return {
    kind,
    rule: rule?.path,
    place: rule?.place,
    limit: limitJson(limit),
    also: match.kind === "counted"
      ? match.limit.also?.map((one) => ({ ...limitJson(one), counter_key: counterKey(match, one) }))
      : undefined,
    counter_key: match.kind === "counted" ? counterKey(match, limit) : undefined,
    metric_key: metricKey,
  };
}

/** The name of a counter without prefix and window. */
function counterKey(match: CountedMatch, limit: Limit): string {
  const suffix = limit.kind === "counted" ? limit.keySuffix ?? "" : "";
  return counterKeyOf(match) + suffix;
}

/** Returns one line for each limit, in the words of envoyproxy/ratelimit's `/rlconfig`. */
export function configLines(rule: LimitRule): readonly string[] {
  if (rule.limit === undefined) return [];
  return limitsOfRule(rule).map(({ limit }) => configLine({ ...rule, limit }));
}

function configLine({ path, limit, shadowMode, quotaMode }: LimitRule): string {
  const modes = `shadow_mode: ${shadowMode}, quota_mode: ${quotaMode}`;
  if (limit?.kind !== "counted") return `${path}: unlimited, ${modes}`;
  const { unit, unitMultiplier, requestsPerUnit } = limit;
  const multiplier = unitMultiplier === 1 ? "" : ` unit_multiplier=${unitMultiplier}`;
  return `${path}: unit=${unit.toUpperCase()}${multiplier} requests_per_unit=${requestsPerUnit}, ` +
    modes;
}
