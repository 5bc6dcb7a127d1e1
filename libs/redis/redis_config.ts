// SPDX-License-Identifier: Apache-2.0
/**
 * The flags by which every service names its Redis, and the settings that they make.
 * @module
 */
import { ProblemError } from "@denvoy/base";
import { bool, duration, oneOf, path, secretFile, string } from "@denvoy/runtime";
import {
  parseRedisAuth,
  parseRedisTopology,
  type RedisCredentials,
  type RedisSettings,
  type RedisTls,
} from "./redis_settings.ts";

/** The fields besides `redisUrl`, which each service explains itself. */
export const redisConnectionFields = {
  redisType: oneOf(["single", "sentinel", "cluster"], {
    default: "single",
    doc: "What `--redis-url` names.",
  }),
  redisAuthFile: secretFile({
    doc: "File with `password` or `user:password` for Redis; read again for each connection.",
  }),
  redisAuth: string({
    secret: true,
    doc: "The same as text, for the environment; a file is safer.",
  }),
  redisTls: bool({ doc: "Speaks TLS to Redis." }),
  redisCa: path({ value: "FILE", doc: "Roots (PEM) that Redis's certificate must chain to." }),
  redisCert: path({ value: "FILE", doc: "Certificate (PEM) to show to Redis." }),
  redisKey: secretFile({ doc: "Private key (PEM) of `--redis-cert`." }),
  redisSkipHostname: bool({ doc: "Takes a certificate of Redis whatever name it has." }),
  redisSentinelAuth: string({
    secret: true,
    doc: "`password` or `user:password` for the sentinels themselves.",
  }),
  redisConnectTimeoutMs: duration({
    default: "2s",
    minMs: 1,
    doc: "The longest that a connection to Redis may take to come about.",
  }),
};

/** What those fields give. */
export interface RedisConfig {
  /** What the URL names. */
  readonly redisType: string;
  /** File with credentials. */
  readonly redisAuthFile: string | undefined;
  /** Credentials as text. */
  readonly redisAuth: string | undefined;
  /** Whether TLS is spoken. */
  readonly redisTls: boolean;
  /** File of roots. */
  readonly redisCa: string | undefined;
  /** File of our certificate. */
  readonly redisCert: string | undefined;
  /** File of its key. */
  readonly redisKey: string | undefined;
  /** Whether the name in Redis's certificate is no matter. */
  readonly redisSkipHostname: boolean;
  /** Credentials for sentinels. */
  readonly redisSentinelAuth: string | undefined;
  /** Longest time to connect, in ms. */
  readonly redisConnectTimeoutMs: number;
}

/** Returns how the Redis of `--redis-url` is reached. @throws ProblemError when that makes no sense */
export function mainRedisSettings(
  config: RedisConfig & { readonly url: string },
  connectionName: string,
): RedisSettings {
  return redisSettings("--redis-url", {
    url: config.url,
    type: config.redisType,
    credentials: mainCredentials(config),
    sentinelAuth: config.redisSentinelAuth,
    tls: config.redisTls ? readRedisTls(config) : undefined,
    connectTimeoutMs: config.redisConnectTimeoutMs,
    connectionName,
  });
}

/** The parts of settings from several places. */
export interface RedisParts {
  /** What the flag says. */
  readonly url: string;
  /** What it names: `single`, `sentinel` or `cluster`. */
  readonly type: string;
  /** See {@linkcode RedisSettings}. */
  readonly credentials: () => RedisCredentials;
  /** `password` or `user:password` for the sentinels. */
  readonly sentinelAuth: string | undefined;
  /** See {@linkcode RedisSettings}. */
  readonly tls: RedisTls | undefined;
  /** See {@linkcode RedisSettings}. */
  readonly connectTimeoutMs: number;
  /** See {@linkcode RedisSettings}. */
  readonly connectionName: string;
}

/** Puts settings together; `flag` names them in errors. @throws ProblemError */
export function redisSettings(flag: string, parts: RedisParts): RedisSettings {
  const { url, type, credentials, sentinelAuth, tls, connectTimeoutMs, connectionName } = parts;
  const sentinelCredentials = () => parseRedisAuth(sentinelAuth ?? "");
  const socketType = type === "single" && url.startsWith("/") ? "unix" : "tcp";
  try {
    const topology = parseRedisTopology({ type, socketType, url });
    const common = { topology, credentials, sentinelCredentials, connectTimeoutMs, connectionName };
    return { ...common, ...(tls !== undefined && { tls }) };
  } catch (error) {
    throw usageError(flag, error);
  }
}

/** The file is read again for each connection; while it cannot be, what it said last counts. */
function mainCredentials({ redisAuth, redisAuthFile }: RedisConfig): () => RedisCredentials {
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

/** Returns what the flags of TLS say. @throws ProblemError when a file cannot be read */
export function readRedisTls(config: RedisConfig): RedisTls {
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
