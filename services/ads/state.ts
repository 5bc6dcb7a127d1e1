// SPDX-License-Identifier: Apache-2.0
/**
 * Where ads keeps its state: in a data folder, in memory, or in a Redis that replicas share.
 * @module
 */
import { join } from "node:path";
import { mainRedisSettings, openRedisLink } from "@denvoy/redis";
import type { ComponentHealth, Runtime } from "@denvoy/runtime";
import { RedisReplication } from "./adapters/redis_replication.ts";
import { SqliteStore } from "./adapters/sqlite_store.ts";
import type { AdsConfig } from "./config.ts";
import { MemoryStore } from "./domain/memory_store.ts";
import type { ConfigurationStore } from "./domain/store.ts";

/** The state, and how it goes when the service stops. */
export interface OpenState {
  /** What is read and written. */
  readonly store: ConfigurationStore;
  /** How other replicas hear of it; absent where there are none. */
  readonly replication?: RedisReplication;
  /** Lets go of it. */
  close(): Promise<void>;
}

/** The `--data-dir` of a service that is to forget everything when it stops. */
const NO_DATA_DIR = ":memory:";

/** Within this time replicas that run find a Redis that is back, and write all again if it is empty. */
const EMPTY_WAIT_MS = 2500;

/** Opens what the settings ask for. @throws StatusError when it cannot be used, saying why */
export function openState(config: AdsConfig, runtime: Runtime): OpenState {
  if (config.redisUrl !== undefined) return shared({ ...config, url: config.redisUrl }, runtime);
  const store = localStore(config);
  return { store, close: () => Promise.resolve(store.close()) };
}

function localStore({ dataDir, revisions }: AdsConfig): ConfigurationStore {
  if (dataDir === NO_DATA_DIR) return new MemoryStore(revisions);
  Deno.mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  return new SqliteStore(join(dataDir, "ads.db"), { keepRevisions: revisions });
}

function shared(
  config: AdsConfig & { readonly url: string },
  { clock, logger, metrics, readiness }: Runtime,
): OpenState {
  const settings = mainRedisSettings(config, "denvoy-ads");
  const health = readiness.component("redis");
  health.failed("Redis has not answered yet");
  let wasHeard = false;
  const { keyPrefix = "", revisions: keepRevisions } = config;
  const replication = new RedisReplication({
    link: openRedisLink(settings),
    feed: openRedisLink(settings),
    onState: (trouble) => {
      wasHeard ||= trouble === undefined;
      tell(health, { trouble, wasHeard });
      if (trouble === undefined) logger.info("Redis answers");
      else if (wasHeard) logger.warn("Redis is away, tries again", { trouble });
      else logger.info("waits for Redis", { trouble });
    },
    emptyWaitMs: EMPTY_WAIT_MS,
    ...{ keyPrefix, keepRevisions, clock, logger },
  });
  metrics.observeGauge("shared_commits", {
    help: "Commits of all replicas that this one has taken; equal on all while they are well.",
  }, () => replication.sequence);
  metrics.observeCounter("shared_conflicts_total", {
    help: "Changes that were tried again as another replica came first.",
  }, () => replication.conflicts);
  return { store: replication.store, replication, close: () => replication.close() };
}

function tell(
  health: ComponentHealth,
  { trouble, wasHeard }: { readonly trouble: string | undefined; readonly wasHeard: boolean },
): void {
  if (trouble === undefined) health.ok("replicas hear of each other");
  else if (!wasHeard) health.failed(`Redis has not answered yet: ${trouble}`);
  else {
    health.degraded(
      "what all replicas agreed on last is served, nothing can be written: " +
        `Redis: ${trouble}`,
    );
  }
}
