// SPDX-License-Identifier: Apache-2.0
/**
 * For tests against a real Redis: a replica of the configuration on it, and what stores must do.
 * @module
 */
import type { Clock, Logger } from "@denvoy/base";
import { openRedisLink, type RedisSettings } from "@denvoy/redis";
import { RedisReplication } from "./adapters/redis_replication.ts";
import { type Configuration, openConfiguration } from "./domain/configuration.ts";
import { Replica } from "./domain/replica.ts";

export { runStoreContract } from "./adapters/store_contract.ts";

/** A replica without listeners. */
export interface TestReplica extends AsyncDisposable {
  /** What it serves. */
  readonly configuration: Configuration;
  /** How it hears of the others. */
  readonly replication: RedisReplication;
}

/** Opens a replica that keeps three revisions, and waits until it has all that is there. */
export async function openReplica(
  redis: RedisSettings,
  { clock, logger, keyPrefix = "test:" }: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly keyPrefix?: string;
  },
): Promise<TestReplica> {
  const replication = new RedisReplication({
    link: openRedisLink(redis),
    feed: openRedisLink(redis),
    keepRevisions: 3,
    emptyWaitMs: 0,
    ...{ keyPrefix, clock, logger },
  });
  const { store } = replication;
  const configuration = openConfiguration({ clock, store, replication });
  await replication.open(new Replica(configuration, store));
  return { configuration, replication, [Symbol.asyncDispose]: () => replication.close() };
}
