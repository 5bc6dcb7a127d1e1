// SPDX-License-Identifier: Apache-2.0
/**
 * Opens the store of counters that the settings ask for.
 * @module
 */
import { type Clock, ProblemError } from "@denvoy/base";
import type { MemoryCounterStore } from "./adapters/memory_counter_store.ts";
import { NearCache } from "./adapters/near_cache.ts";
import { RedisCounterStore } from "./adapters/redis_counter_store.ts";
import {
  parseRedisAuth,
  parseRedisTopology,
  type RedisCredentials,
  type RedisSettings,
  type RedisTls,
} from "./adapters/redis_settings.ts";
import type { RlsConfig } from "./config.ts";
import type { CounterStore } from "./domain/counter_store.ts";

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
      tls: isTls ? readTls(config) : undefined,
      connectTimeoutMs,
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
  return redisSettings("--redis-url", {
    url,
    type: config.redisType,
    credentials: mainCredentials(config),
    sentinelAuth: config.redisSentinelAuth,
    tls: config.redisTls ? readTls(config) : undefined,
    connectTimeoutMs: config.redisConnectTimeoutMs,
  });
}

interface RedisParts {
  readonly url: string;
  readonly type: string;
  readonly credentials: () => RedisCredentials;
  readonly sentinelAuth: string | undefined;
  readonly tls: RedisTls | undefined;
  readonly connectTimeoutMs: number;
}

function redisSettings(flag: string, parts: RedisParts): RedisSettings {
  const { url, type, credentials, sentinelAuth, tls, connectTimeoutMs } = parts;
  const sentinelCredentials = () => parseRedisAuth(sentinelAuth ?? "");
  const socketType = type === "single" && url.startsWith("/") ? "unix" : "tcp";
  try {
    const topology = parseRedisTopology({ type, socketType, url });
    const common = { topology, credentials, sentinelCredentials, connectTimeoutMs };
    return { ...common, ...(tls !== undefined && { tls }) };
  } catch (error) {
    throw usageError(flag, error);
  }
}

/** The file is read again for each connection; while it cannot be, what it said last counts. */
function mainCredentials({ redisAuth, redisAuthFile }: RlsConfig): () => RedisCredentials {
  if (redisAuthFile === undefined) return () => parseRedisAuth(redisAuth ?? "");
  let last = parseRedisAuth(readFile("--redis-auth-file", redisAuthFile));
  return () => {
    try {
      last = parseRedisAuth(Deno.readTextFileSync(redisAuthFile));
    } catch {
      // A file that is being replaced: the next connection looks again.
    }
    return last;
  };
}

function readTls(config: RlsConfig): RedisTls {
  const { redisCa, redisCert, redisKey, redisSkipHostname } = config;
  return {
    skipHostnameVerification: redisSkipHostname,
    ...(redisCa !== undefined && { ca: readFile("--redis-ca", redisCa) }),
    ...(redisCert !== undefined && { cert: readFile("--redis-cert", redisCert) }),
    ...(redisKey !== undefined && { key: readFile("--redis-key", redisKey) }),
  };
}

function readFile(flag: string, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw usageError(flag, error);
  }
}

function usageError(path: string, error: unknown): ProblemError {
  const message = error instanceof Error ? error.message : String(error);
  return new ProblemError([{ severity: "error", path, message }]);
}
