// SPDX-License-Identifier: Apache-2.0
/**
 * What was counted under the names of envoyproxy/ratelimit: dotted ones for its statsd and `/stats`,
 * and those that its Prometheus port makes of them.
 * @module
 */
import type { Tally } from "./tally.ts";

/** One value. */
export interface ReferenceStat {
  /** Its dotted name, e.g. `ratelimit.service.rate_limit.shop.client.total_hits`. */
  readonly name: string;
  /** A counter grows since the start, a gauge is as it is. */
  readonly kind: "counter" | "gauge";
  /** Its value. */
  readonly value: number;
}

/** What was counted of one limit. */
export interface RuleTotals {
  /** The domain. */
  readonly domain: string;
  /** The rule without its domain, as metrics call it. */
  readonly rule: string;
  /** The limit among those of its rule; empty for a rule with one. */
  readonly window: string;
  /** Units since the start. */
  readonly totals: Readonly<Record<keyof Tally, number>>;
}

/** What the names are filled from; counts are those since the start. */
export interface ReferenceCounts {
  /** All limits. */
  readonly rules: Iterable<RuleTotals>;
  /** Descriptors of domains that there are not. */
  readonly domainsNotFound: ReadonlyMap<string, number>;
  /** Loads of limits that were taken over. */
  readonly loads: number;
  /** Loads of limits that were refused. */
  readonly refusedLoads: number;
  /** Answers that were OK only since the service is in shadow mode. */
  readonly shadowed: number;
  /** Calls that failed as nothing counted. */
  readonly storeErrors: number;
  /** Calls that failed for another reason. */
  readonly serviceErrors: number;
  /** All calls. */
  readonly requests: number;
  /** Connections to Redis, and to that of windows of a second. */
  readonly connections: Readonly<Record<"main" | "per-second", number>>;
  /** The local cache; undefined without one. */
  readonly localCache: LocalCacheCounts | undefined;
}

/** What the local cache counts. */
export interface LocalCacheCounts {
  /** Counters that it remembers. */
  readonly entries: number;
  /** Look-ups that found one. */
  readonly hits: number;
  /** Look-ups that found none. */
  readonly misses: number;
  /** Counters that had to make room. */
  readonly evicted: number;
  /** Counters whose time had run out. */
  readonly expired: number;
}

const tallyNames: readonly (readonly [name: string, key: keyof Tally])[] = [
  ["total_hits", "total"],
  ["over_limit", "over"],
  ["near_limit", "near"],
  ["over_limit_with_local_cache", "overFromCache"],
  ["within_limit", "within"],
  ["shadow_mode", "shadow"],
];

/** Returns all values; those of one limit together. */
export function referenceStats(counts: ReferenceCounts): readonly ReferenceStat[] {
  const stats: ReferenceStat[] = [];
  const counter = (name: string, value: number) => stats.push({ name, kind: "counter", value });
  const gauge = (name: string, value: number) => stats.push({ name, kind: "gauge", value });
  for (const { name, totals } of ruleStats(counts.rules)) {
    for (const [stat, key] of tallyNames) {
      counter(`ratelimit.service.rate_limit.${name}.${stat}`, totals[key]);
    }
  }
  for (const [domain, count] of counts.domainsNotFound) {
    counter(`ratelimit.service.rate_limit.${sanitized(domain)}.domain_not_found`, count);
  }
  counter("ratelimit.service.config_load_success", counts.loads);
  counter("ratelimit.service.config_load_error", counts.refusedLoads);
  counter("ratelimit.service.global_shadow_mode", counts.shadowed);
  counter("ratelimit.service.call.should_rate_limit.redis_error", counts.storeErrors);
  counter("ratelimit.service.call.should_rate_limit.service_error", counts.serviceErrors);
  counter("ratelimit_server.ShouldRateLimit.total_requests", counts.requests);
  gauge("ratelimit.redis_pool.cx_active", counts.connections.main);
  gauge("ratelimit.redis_per_second_pool.cx_active", counts.connections["per-second"]);
  const { localCache } = counts;
  if (localCache === undefined) return stats;
  gauge("ratelimit.localcache.entryCount", localCache.entries);
  gauge("ratelimit.localcache.hitCount", localCache.hits);
  gauge("ratelimit.localcache.missCount", localCache.misses);
  gauge("ratelimit.localcache.lookupCount", localCache.hits + localCache.misses);
  gauge("ratelimit.localcache.evacuateCount", localCache.evicted);
  gauge("ratelimit.localcache.expiredCount", localCache.expired);
  return stats;
}

/**
 * Returns the same in Prometheus's text format, with the labels of envoyproxy/ratelimit: `domain`,
 * `key1` and `key2`, into which deeper levels are added up.
 */
export function referencePrometheusText(counts: ReferenceCounts): string {
  const families = new Map<string, Map<string, number>>();
  const add = (name: string, labels: Readonly<Record<string, string>>, value: number) => {
    const series = families.get(name) ?? new Map<string, number>();
    families.set(name, series);
    const text = labelText(labels);
    series.set(text, (series.get(text) ?? 0) + value);
  };
  for (const { name, totals } of ruleStats(counts.rules)) {
    const [domain = "", key1 = "", key2] = name.split(".");
    const labels = { domain, key1, ...(key2 !== undefined && { key2 }) };
    for (const [stat, key] of tallyNames) {
      add(`ratelimit_service_rate_limit_${stat}`, labels, totals[key]);
    }
  }
  const error = "ratelimit_service_should_rate_limit_error";
  add(error, { err_type: "redis_error" }, counts.storeErrors);
  add(error, { err_type: "service_error" }, counts.serviceErrors);
  add("ratelimit_service_total_requests", { grpc_method: "ShouldRateLimit" }, counts.requests);
  add("ratelimit_service_config_load_success", {}, counts.loads);
  add("ratelimit_service_config_load_error", {}, counts.refusedLoads);
  add("ratelimit_service_global_shadow_mode", {}, counts.shadowed);
  return [...families].map(([name, series]) => familyText(name, series)).join("");
}

function* ruleStats(
  rules: Iterable<RuleTotals>,
): Generator<{ readonly name: string; readonly totals: RuleTotals["totals"] }> {
  for (const { totals, ...parts } of rules) {
    const name = [parts.domain, parts.rule, parts.window].filter((part) => part !== "").join(".");
    yield { name: sanitized(name), totals };
  }
}

/** What would end a name in statsd is an underscore, and so are the dots of an IPv4 address. */
function sanitized(name: string): string {
  return name.replace(/[:|\n]/g, "_")
    .replace(/\d{1,3}(?:\.\d{1,3}){3}/g, (address) => address.replaceAll(".", "_"));
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) =>
    `${name}="${value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function familyText(name: string, series: ReadonlyMap<string, number>): string {
  const lines = [...series].map(([labels, value]) => `${name}${labels} ${value}\n`);
  return `# TYPE ${name} counter\n${lines.join("")}`;
}
