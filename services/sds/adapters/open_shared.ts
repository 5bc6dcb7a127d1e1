// SPDX-License-Identifier: Apache-2.0
/**
 * Puts together what replicas share through a Redis: its connections, tables, and the stores on them.
 * @module
 */
import { type Clock, type Logger, StatusCode, StatusError } from "@denvoy/base";
import { openRedisLink, type RedisSettings } from "@denvoy/redis";
import type { ComponentHealth } from "@denvoy/runtime";
import type { AccessStore } from "../domain/access_store.ts";
import type { Sealer } from "../domain/ca/signing_key.ts";
import { CaMarker } from "./ca_marker.ts";
import { RedisAccessStore } from "./redis_access_store.ts";
import { RedisCaStore } from "./redis_ca_store.ts";
import { RedisIssued } from "./redis_issued.ts";
import { SharedHealth } from "./shared_health.ts";
import { SharedTables } from "./shared_tables.ts";

/** What it is opened with. */
export interface OpenSharedOptions {
  /** Which Redis. */
  readonly redis: RedisSettings;
  /** Comes before the name of every key. */
  readonly keyPrefix: string;
  /** Seals; the same on all replicas. */
  readonly sealer: Sealer;
  /** Where this replica remembers which CA it has served; undefined remembers nothing. */
  readonly dataDir?: string;
  /** How long certificates are handed out while Redis is away. */
  readonly withoutRedisMs: number;
  /** The longest life of those. */
  readonly maxLifeMs: number;
  /** Time. */
  readonly clock: Clock;
  /** Told how Redis is. */
  readonly logger: Logger;
  /** Likewise. */
  readonly health: ComponentHealth;
}

/** What replicas share. */
export interface Shared extends AsyncDisposable {
  /** Of the CA. */
  readonly caStore: RedisCaStore;
  /** Of everything else. */
  readonly accessStore: AccessStore;
  /** Certificates that are not written down yet. */
  readonly issued: Pick<RedisIssued, "unwritten">;
  /** Remembers that this replica serves the CA that is in the store now. */
  remember(): Promise<void>;
}

/** So long a start waits for Redis: without it there is nothing that could be served. */
const FIRST_ANSWER_MS = 10_000;
/** Within this time a replica that runs brings its data back to a Redis that has lost it. */
const RESTORED_MS = 2_500;
const LOOK_MS = 50;

/**
 * Opens it. Rejects with StatusError UNAVAILABLE when Redis does not answer within 10 seconds,
 * FAILED_PRECONDITION when its CA was sealed with another key or is not the one of before.
 */
export async function openShared(options: OpenSharedOptions): Promise<Shared> {
  const { redis, keyPrefix, sealer, clock, logger } = options;
  await using opening = new AsyncDisposableStack();
  const health = new SharedHealth(options.health, logger);
  const link = openRedisLink(redis);
  const tables = opening.use(
    new SharedTables({
      ...{ link, keyPrefix, clock, logger },
      feed: openRedisLink(redis),
      onTrouble(trouble) {
        health.trouble(trouble);
        if (trouble === undefined) void issued.flush();
      },
    }),
  );
  const issued = new RedisIssued({ ...options, tables, link });
  await openInTime(tables, { clock, trouble: () => link.trouble() });
  const onStrangeCa = (why: string | undefined) => health.strange(why);
  const caStore = new RedisCaStore({ tables, issued, sealer, onStrangeCa });
  await caStore.load();
  const marker = new CaMarker(options.dataDir);
  await marker.check(caStore.caId);
  const accessStore = opening.use(await RedisAccessStore.open({ tables, sealer, logger }));
  const opened = opening.move();
  return {
    caStore,
    accessStore,
    issued,
    async remember() {
      if (caStore.caId !== undefined) await marker.write(caStore.caId);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** An empty Redis may have lost its data: a replica that has them is given time to bring them back. */
async function openInTime(
  tables: SharedTables,
  { clock, trouble }: { readonly clock: Clock; readonly trouble: () => string },
): Promise<void> {
  const answered = tables.open();
  if (!await within(FIRST_ANSWER_MS, { clock, isSo: () => tables.awaySinceMs === undefined })) {
    const message = `cannot start as Redis must answer within ${FIRST_ANSWER_MS} ms: ` +
      (trouble() || "it does not");
    throw new StatusError(StatusCode.UNAVAILABLE, message);
  }
  await answered;
  await within(RESTORED_MS, { clock, isSo: () => tables.sequence > 0 });
}

async function within(
  ms: number,
  { clock, isSo }: { readonly clock: Clock; readonly isSo: () => boolean },
): Promise<boolean> {
  for (const endMs = clock.monotonicMs() + ms; clock.monotonicMs() < endMs;) {
    if (isSo()) return true;
    await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
  }
  return isSo();
}
