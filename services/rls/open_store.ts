// SPDX-License-Identifier: Apache-2.0
/**
 * Opens the store of counters that the settings ask for.
 * @module
 */
import type { Clock } from "@denvoy/base";
import {
  mainRedisSettings,
  parseRedisAuth,
  readRedisTls,
  type RedisSettings,
  redisSettings,
} from "@denvoy/redis";
import type { MemoryCounterStore } from "./adapters/memory_counter_store.ts";
import { NearCache } from "./adapters/near_cache.ts";
import { RedisCounterStore } from "./adapters/redis_counter_store.ts";
import type { RlsConfig } from "./config.ts";
import type { CounterStore } from "./domain/counter_store.ts";

const CONNECTION_NAME = "denvoy-rls";

/**
 * Returns Redis where there is a `--redis-url`, else `memory`. It connects by itself, however long
 * that takes.
 * @throws ProblemError when the settings of Redis make no sense or their files cannot be read
 */
export function openStore(
  config: RlsConfig,
  { clock, memory }: { readonly clock: Clock; readonly memory: MemoryCounterStore },
): CounterStore {
  if (config.redisUrl === undefined) return memory;
  const { redisTls: mainTls, redisPersecondTls } = config;
  const connectTimeoutMs = config.redisConnectTimeoutMs;
  const main = mainRedis(config, config.redisUrl);
  const isTls = redisPersecondTls === "as-main" ? mainTls : redisPersecondTls === "on";
  const perSecond = config.redisPersecondUrl === undefined
    ? undefined
    : redisSettings("--redis-persecond-url", {
      url: config.redisPersecondUrl,
      type: config.redisPersecondType,
      credentials: () => parseRedisAuth(config.redisPersecondAuth ?? ""),
      sentinelAuth: config.redisPersecondSentinelAuth,
      tls: isTls ? readRedisTls(config) : undefined,
      connectTimeoutMs,
      connectionName: CONNECTION_NAME,
    });
  const redis = new RedisCounterStore({
    redis: main,
    ...(perSecond !== undefined && { perSecond }),
    clock,
    schedule: (callback) => void setImmediate(callback),
    random: Math.random,
    expirationJitterSeconds: config.expirationJitterSeconds,
  });
  const { localCache: maxEntries } = config;
  return maxEntries === 0 ? redis : new NearCache(redis, { maxEntries });
}

/** Returns how the Redis of `--redis-url` is reached. @throws ProblemError as {@linkcode openStore} */
export function mainRedis(config: RlsConfig, url: string): RedisSettings {
  return mainRedisSettings({ ...config, url }, CONNECTION_NAME);
}
