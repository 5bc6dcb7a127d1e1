// SPDX-License-Identifier: Apache-2.0
/**
 * What one replica of sds keeps in a real Redis, without the rest of it.
 * @module
 */
import { RecordingLogger } from "@denvoy/base/testing";
import { openRedisLink, type RedisLink, type RedisSettings } from "@denvoy/redis";
import { systemClock } from "@denvoy/runtime";
import {
  AesSealer,
  RedisAccessStore,
  RedisCaStore,
  RedisIssued,
  SharedTables,
} from "@denvoy/sds/shared_stores";
import { eventually, type Redis } from "../support/mod.ts";

/** An hour. */
export const HOUR_MS = 3_600_000;
/** The key that replicas share. */
export const sealer: AesSealer = await AesSealer.create(new Uint8Array(32).fill(7));

/** One replica. */
export interface Replica extends AsyncDisposable {
  /** What it shares. */
  readonly tables: SharedTables;
  /** What was issued. */
  readonly issued: RedisIssued;
  /** Of the CA. */
  readonly ca: RedisCaStore;
  /** Of everything else. */
  readonly access: RedisAccessStore;
  /** What it logged. */
  readonly logger: RecordingLogger;
  /** What it heard of other CAs. */
  readonly strange: (string | undefined)[];
}

/** How it differs from others. */
export interface ReplicaOptions {
  /** Comes before its keys. */
  readonly keyPrefix?: string;
  /** Its key. @default the one that replicas share */
  readonly sealer?: AesSealer;
  /** How long it issues while Redis is away. @default an hour */
  readonly withoutRedisMs?: number;
}

/** Where Redis is. */
export type Place = Pick<Redis, "port"> | RedisSettings;

/** Returns a connection. */
export function linkTo(place: Place): RedisLink {
  if ("topology" in place) return openRedisLink(place);
  const address = { host: "127.0.0.1", port: place.port };
  return openRedisLink({ topology: { kind: "single", address } });
}

/** Opens one. */
export async function openReplica(
  redis: Place,
  options: ReplicaOptions = {},
): Promise<Replica> {
  const logger = new RecordingLogger();
  const { keyPrefix = "", withoutRedisMs = HOUR_MS } = options;
  const given = options.sealer ?? sealer;
  const [link, feed] = [linkTo(redis), linkTo(redis)];
  const common = { link, keyPrefix, clock: systemClock, logger };
  const onTrouble = (trouble?: string) => trouble === undefined && void issued.flush();
  const tables = new SharedTables({ ...common, feed, onTrouble });
  const limits = { withoutRedisMs, maxLifeMs: 24 * HOUR_MS };
  const issued = new RedisIssued({ ...common, ...limits, tables });
  await tables.open();
  const strange: (string | undefined)[] = [];
  const onStrangeCa = (why: string | undefined) => void strange.push(why);
  const ca = new RedisCaStore({ tables, issued, sealer: given, onStrangeCa });
  const access = await RedisAccessStore.open({ tables, sealer: given, logger });
  return {
    ...{ tables, issued, ca, access, logger, strange },
    async [Symbol.asyncDispose]() {
      access[Symbol.dispose]();
      await tables[Symbol.asyncDispose]();
    },
  };
}

/** Waits for a condition. */
export function becomes(what: string, isSo: () => boolean | Promise<boolean>): Promise<unknown> {
  return eventually(async () => await isSo(), { what, withinMs: 40_000 });
}
