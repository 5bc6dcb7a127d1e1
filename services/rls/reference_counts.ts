// SPDX-License-Identifier: Apache-2.0
/**
 * Gathers what was counted for the names of envoyproxy/ratelimit.
 * @module
 */
import type { NearCache } from "./adapters/near_cache.ts";
import type { CounterStore } from "./domain/counter_store.ts";
import type { LocalCacheCounts, ReferenceCounts } from "./domain/reference_stats.ts";
import type { Sightings } from "./domain/sightings.ts";
import type { RlsInstruments } from "./metrics.ts";

/** Where counts come from. */
export interface ReferenceCountSources {
  /** What was counted. */
  readonly instruments: RlsInstruments;
  /** What counts. */
  readonly store: Pick<CounterStore, "servers">;
  /** The local cache, where there is one. */
  readonly nearCache: Pick<NearCache, "stats" | "size"> | undefined;
  /** What was asked of late. */
  readonly sightings: Pick<Sightings, "unmatched">;
  /** The time, in milliseconds since the epoch. */
  readonly nowMs: () => number;
}

/** Returns the counts of now. */
export function referenceCounts(sources: ReferenceCountSources): ReferenceCounts {
  const { instruments, nearCache } = sources;
  const { decisions, fileLoads, failedByStore } = instruments;
  const { ok, over_limit, shadowed, error } = decisions;
  return {
    rules: instruments.ruleTotals(),
    domainsNotFound: domainsNotFound(sources),
    loads: fileLoads.with({ outcome: "applied" }).total,
    refusedLoads: fileLoads.with({ outcome: "refused" }).total,
    shadowed: shadowed.total,
    storeErrors: failedByStore,
    serviceErrors: error.total - failedByStore,
    requests: ok.total + over_limit.total + shadowed.total + error.total,
    connections: connections(sources),
    localCache: nearCache === undefined ? undefined : localCacheCounts(nearCache),
  };
}

function domainsNotFound(
  { sightings, nowMs }: ReferenceCountSources,
): ReadonlyMap<string, number> {
  const byDomain = new Map<string, number>();
  for (const { domain, why, count } of sightings.unmatched(nowMs())) {
    if (why !== "domain not found") continue;
    byDomain.set(domain, (byDomain.get(domain) ?? 0) + count);
  }
  return byDomain;
}

function connections({ store }: ReferenceCountSources): ReferenceCounts["connections"] {
  const connected = store.servers().filter((server) => server.connected);
  const count = (side: string) => connected.filter(({ name }) => name.startsWith(side)).length;
  return { "main": count("main"), "per-second": count("per-second") };
}

function localCacheCounts({ stats, size }: Pick<NearCache, "stats" | "size">): LocalCacheCounts {
  const { hits, misses, evicted, expired } = stats;
  return { entries: size, hits, misses, evicted, expired };
}
