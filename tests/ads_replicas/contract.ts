// SPDX-License-Identifier: Apache-2.0
/**
 * The contract of stores on replicas of ads: what one has written another reads that starts after it.
 * @module
 */
import { openReplica, runStoreContract } from "@denvoy/ads/replicas";
import { RecordingLogger } from "@denvoy/base/testing";
import type { RedisSettings } from "@denvoy/redis";
import { systemClock } from "@denvoy/runtime";

/** Runs the contract on a Redis, each check under keys of its own. */
export async function keepContractOn(t: Deno.TestContext, redis: RedisSettings): Promise<void> {
  let count = 0;
  await runStoreContract(t, async () => {
    const keyPrefix = `contract_${count++}:`;
    const parts = { clock: systemClock, logger: new RecordingLogger(), keyPrefix };
    await using opening = new AsyncDisposableStack();
    let newest = opening.use(await openReplica(redis, parts));
    const open = opening.move();
    return {
      store: newest.configuration.store,
      commit(batch) {
        const { store, submit } = newest.configuration;
        return Promise.resolve(submit(() => store.commit(batch)));
      },
      async reopen() {
        newest = open.use(await openReplica(redis, parts));
        return newest.configuration.store;
      },
      [Symbol.asyncDispose]: () => open.disposeAsync(),
    };
  });
}
