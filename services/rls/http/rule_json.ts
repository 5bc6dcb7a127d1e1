// SPDX-License-Identifier: Apache-2.0
/**
 * Rules and matches as the HTTP API shows them.
 * @module
 */
import type { Match } from "../domain/descriptor_matcher.ts";
import type { Explanation } from "../domain/explain.ts";
import type { Limit, LimitRule } from "../domain/limit_rule.ts";
import type { Tally } from "../domain/tally.ts";

type Json = Readonly<Record<string, unknown>>;

/** Returns a rule with what was counted of it. */
export function ruleJson(
  rule: LimitRule,
  { overFromCache, ...counts }: Readonly<Record<keyof Tally, number>>,
): Json {
  const { domain, path, place, limit, shadowMode, quotaMode } = rule;
  return {
    domain,
    rule: path,
    place,
    limit: limit === undefined ? undefined : limitJson(limit),
    shadow_mode: shadowMode,
    quota_mode: quotaMode,
    counts: { ...counts, over_from_cache: overFromCache },
  };
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
    counter_key: match.kind === "counted" ? match.counterKey : undefined,
    metric_key: metricKey,
  };
}

/** Returns one line for each limit, in the words of envoyproxy/ratelimit's `/rlconfig`. */
export function configLine({ path, limit, shadowMode, quotaMode }: LimitRule): string {
  const modes = `shadow_mode: ${shadowMode}, quota_mode: ${quotaMode}`;
  if (limit?.kind !== "counted") return `${path}: unlimited, ${modes}`;
  const { unit, unitMultiplier, requestsPerUnit } = limit;
  const multiplier = unitMultiplier === 1 ? "" : ` unit_multiplier=${unitMultiplier}`;
  return `${path}: unit=${unit.toUpperCase()}${multiplier} requests_per_unit=${requestsPerUnit}, ` +
    modes;
}
