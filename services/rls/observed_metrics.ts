// SPDX-License-Identifier: Apache-2.0
/**
 * What rls tells of its present state at each scrape: limits, counters, the servers that count.
 * @module
 */
import type { Metrics, Observation } from "@denvoy/runtime";
import type { NearCacheStats } from "./adapters/near_cache.ts";
import type { BreakerState } from "./domain/circuit_breaker.ts";
import type { StoreServer } from "./domain/counter_store.ts";
import { limitsTogether, windowName } from "./domain/limit_rule.ts";
import { LimitSet } from "./domain/limit_set.ts";

/** What gauges are read from. */
export interface GaugeSources {
  /** The limits in force. */
  readonly limits: () => LimitSet | undefined;
  /** Rules in force. */
  readonly rules: () => number;
  /** Problems of the limit files as they are now. */
  readonly problems: () => number;
  /** Counters in this process. */
  readonly counters: () => number;
  /** Counters that were forgotten before they ran out. */
  readonly evicted: () => number;
  /** The servers that count. */
  readonly servers: () => readonly StoreServer[];
  /** The local cache, where there is one. */
  readonly nearCache: { readonly stats: NearCacheStats; readonly size: number } | undefined;
}

/** Limits whose values are shown, so that their series stay few. */
const MAX_LIMITS = 2_000;
const breakerStates: readonly BreakerState[] = ["closed", "open", "half-open"];

/** Adds gauges whose values are read at each scrape. */
export function observeRls(metrics: Metrics, sources: GaugeSources): void {
  metrics.observeGauge("limit_rules", { help: "Rules in force." }, sources.rules);
  metrics.observeGauge("limit_file_problems", {
    help: "Problems of the limit files as they are now; the last good ones are in force.",
  }, sources.problems);
  observeLimits(metrics, sources.limits);
  metrics.observeGauge("memory_counters", { help: "Counters in this process." }, sources.counters);
  metrics.observeCounter("memory_counters_evicted_total", {
    help: "Counters of this process that were forgotten before they ran out.",
  }, sources.evicted);
  observeServers(metrics, sources.servers);
  if (sources.nearCache !== undefined) observeNearCache(metrics, sources.nearCache);
}

function observeLimits(metrics: Metrics, limits: GaugeSources["limits"]): void {
  const labels = ["domain", "rule", "window"] as const;
  const read = (value: "requestsPerUnit" | "windowSeconds") => () =>
    limitValues(limits() ?? LimitSet.empty, value);
  metrics.observeGauge("limit_requests", {
    help: "Requests that each limit allows in one window.",
    labels,
  }, read("requestsPerUnit"));
  metrics.observeGauge("limit_window_seconds", {
    help: "Length of each limit's window.",
    labels,
  }, read("windowSeconds"));
}

function limitValues(
  set: LimitSet,
  value: "requestsPerUnit" | "windowSeconds",
): readonly Observation<"domain" | "rule" | "window">[] {
  const all: Observation<"domain" | "rule" | "window">[] = [];
  for (const { domain, path, limit } of set.rules()) {
    if (limit?.kind !== "counted") continue;
    for (const one of limitsTogether(limit)) {
      if (all.length >= MAX_LIMITS) return all;
      const window = limit.also === undefined ? "" : windowName(one);
      const labels = { domain, rule: path.slice(domain.length + 1), window };
      all.push({ value: one[value], labels });
    }
  }
  return all;
}

function observeServers(metrics: Metrics, servers: GaugeSources["servers"]): void {
  metrics.observeGauge(
    "store_connected",
    {
      help: "1 while the connection to a server that counts is there.",
      labels: ["server"],
    },
    () => servers().map(({ name, connected }) => ({ value: +connected, labels: { server: name } })),
  );
  metrics.observeGauge("store_breaker_state", {
    help: "1 for the state of the breaker of a server that counts: closed lets everything pass, " +
      "open nothing, half-open a probe.",
    labels: ["server", "state"],
  }, () =>
    servers().flatMap(({ name, breaker }) =>
      breakerStates.map((state) => ({
        value: state === breaker ? 1 : 0,
        labels: { server: name, state },
      }))
    ));
  metrics.observeGauge("store_waiting_requests", {
    help: "Requests that wait for a server that counts.",
    labels: ["server"],
  }, () => servers().map(({ name, waiting }) => ({ value: waiting, labels: { server: name } })));
}

function observeNearCache(
  metrics: Metrics,
  cache: NonNullable<GaugeSources["nearCache"]>,
): void {
  metrics.observeGauge("local_cache_entries", {
    help: "Counters over their limit that this process remembers.",
  }, () => cache.size);
  metrics.observeCounter("local_cache_lookups_total", {
    help: "Charges that the local cache was asked for, by outcome: hit or miss.",
    labels: ["outcome"],
  }, () => [
    { value: cache.stats.hits, labels: { outcome: "hit" } },
    { value: cache.stats.misses, labels: { outcome: "miss" } },
  ]);
  metrics.observeCounter("local_cache_evicted_total", {
    help: "Counters that the local cache forgot as it was full.",
  }, () => cache.stats.evicted);
}
