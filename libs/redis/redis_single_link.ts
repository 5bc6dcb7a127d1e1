// SPDX-License-Identifier: Apache-2.0
/**
 * The connection to one Redis, by TCP, TLS, a unix socket, or wherever Sentinel says the master is.
 * @module
 */
import { Redis, type RedisOptions } from "ioredis";
import type { ScriptCommand } from "./redis_command.ts";
import type { RedisLink, RedisPlace } from "./redis_link.ts";
import type { RedisCredentials, RedisSettings, RedisTls } from "./redis_settings.ts";

/** What ioredis takes for a connection that answers in its default shapes. */
export type ConnectionOptions = Omit<RedisOptions, "replyMapping">;

/** How long the other side may take to agree to an end. */
const DISCONNECT_TIMEOUT_MS = 50;

const onlyPlace: RedisPlace = { lane: "", slot: 0 };

/** One ioredis client that never queues and never repeats. */
export class SingleRedisLink implements RedisLink {
  /** See {@linkcode RedisLink.isOnePlace}. */
  readonly isOnePlace = true;
  readonly #redis: Redis;
  #trouble = "connecting";

  /** Begins to connect, and goes on trying until it is closed. */
  constructor(settings: RedisSettings) {
    this.#redis = new Redis(singleOptions(settings));
    keepCredentials(this.#redis, settings);
    this.#redis.on("error", (error: Error) => this.#trouble = error.message);
    this.#redis.on("close", () => this.#trouble ||= "connection closed");
    this.#redis.on("ready", () => this.#trouble = "");
  }

  /** There is one place. */
  place(): RedisPlace {
    return onlyPlace;
  }

  /** See {@linkcode RedisLink.ready}. */
  ready(): boolean {
    return this.#redis.status === "ready";
  }

  /** See {@linkcode RedisLink.trouble}. */
  trouble(): string {
    return this.#trouble;
  }

  /** See {@linkcode RedisLink.send}. */
  send(command: ScriptCommand): Promise<unknown> {
    return Promise.resolve(this.#redis.sendCommand(command));
  }

  /** See {@linkcode RedisLink.call}. */
  call(command: string, args: readonly (string | number)[]): Promise<unknown> {
    return this.#redis.call(command, args as (string | number)[]);
  }

  /** See {@linkcode RedisLink.drop}. */
  drop(): void {
    const { status } = this.#redis;
    if (status === "ready" || status === "connect") this.#redis.disconnect(true);
  }

  /** See {@linkcode RedisLink.onReady}. */
  onReady(callback: () => void): void {
    this.#redis.on("ready", callback);
  }

  /** See {@linkcode RedisLink.close}. */
  close(): Promise<void> {
    return endOf(this.#redis);
  }
}

/** Ends a client; resolves when nothing of it is left. */
export async function endOf(redis: Redis): Promise<void> {
  if (!isOpen(redis)) {
    redis.disconnect();
    // Without a connection ioredis tells no end, and its own timer for one runs all the same.
    return await disconnected();
  }
  const ended = new Promise<void>((resolve) => void redis.once("end", () => resolve()));
  redis.disconnect();
  await ended;
}

/** Resolves when ioredis waits for no end of a connection any more. */
export async function disconnected(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, DISCONNECT_TIMEOUT_MS + 5));
}

/** Tells whether there is a connection, or one under way, whose end will be told. */
export function isOpen({ status }: Redis): boolean {
  return status === "ready" || status === "connect" || status === "connecting";
}

/** Options of every connection, also those of a cluster. */
export function connectionOptions(settings: RedisSettings): ConnectionOptions {
  return {
    ...settings.credentials?.(),
    ...(settings.tls === undefined ? {} : { tls: tlsOptions(settings.tls) }),
    connectTimeout: settings.connectTimeoutMs ?? 2_000,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    // What was sent may have been counted: it is not sent again, and does not wait for later.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    connectionName: settings.connectionName ?? "denvoy",
  };
}

/** Has a client take up the present credentials whenever it is about to connect again. */
export function keepCredentials(redis: Redis, settings: RedisSettings): void {
  redis.on("close", () => {
    Object.assign(redis.options, credentialFields(settings.credentials?.()));
    if (settings.topology.kind !== "sentinel") return;
    const { username, password } = settings.sentinelCredentials?.() ?? {};
    if (username !== undefined) redis.options.sentinelUsername = username;
    if (password !== undefined) redis.options.sentinelPassword = password;
  });
}

function credentialFields(credentials: RedisCredentials = {}): RedisCredentials {
  const { username, password } = credentials;
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}

function singleOptions(settings: RedisSettings): ConnectionOptions {
  return {
    ...connectionOptions(settings),
    ...addressOptions(settings),
    enableOfflineQueue: false,
    maxLoadingRetryTime: 500,
    retryStrategy: (times) => Math.min(20 * 2 ** Math.min(times, 10), 1_000),
  };
}

function addressOptions(settings: RedisSettings): ConnectionOptions {
  const { topology } = settings;
  switch (topology.kind) {
    case "single":
      return { ...topology.address };
    case "unix":
      return { path: topology.path };
    case "sentinel":
      return sentinelOptions(settings, topology);
    case "cluster":
      throw new TypeError("a cluster needs its own link");
  }
}

function sentinelOptions(
  settings: RedisSettings,
  { master, sentinels }: Extract<RedisSettings["topology"], { kind: "sentinel" }>,
): ConnectionOptions {
  const { username, password } = settings.sentinelCredentials?.() ?? {};
  return {
    name: master,
    sentinels: sentinels.map((address) => ({ ...address })),
    sentinelRetryStrategy: (times) => Math.min(50 * times, 1_000),
    ...(username === undefined ? {} : { sentinelUsername: username }),
    ...(password === undefined ? {} : { sentinelPassword: password }),
    ...(settings.tls === undefined
      ? {}
      : { enableTLSForSentinelMode: true, sentinelTLS: tlsOptions(settings.tls) }),
  };
}

function tlsOptions(tls: RedisTls): NonNullable<RedisOptions["tls"]> {
  return {
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    ...(tls.skipHostnameVerification === true ? { checkServerIdentity: () => undefined } : {}),
  };
}
