// SPDX-License-Identifier: Apache-2.0
/**
 * The state of ads in a real Redis keeps the contract of stores: what one replica has written another
 * reads that starts after it.
 * @module
 */
import { openReplica, runStoreContract } from "@denvoy/ads/replicas";
import { RecordingLogger } from "@denvoy/base/testing";
import { systemClock } from "@denvoy/runtime";
import { startRedis } from "../support/mod.ts";
import { onPort, Peer } from "../redis/store.ts";

Deno.test("replicas of ads keep the contract of stores", async (t) => {
  await using redis = await startRedis();
  await using peer = new Peer(redis.port);
  const parts = { clock: systemClock, logger: new RecordingLogger() };
  await runStoreContract(t, async () => {
    await peer.flushall();
    await using opening = new AsyncDisposableStack();
    let newest = opening.use(await openReplica(onPort(redis.port), parts));
    const open = opening.move();
    return {
      store: newest.configuration.store,
      commit(batch) {
        const { store, submit } = newest.configuration;
        return Promise.resolve(submit(() => store.commit(batch)));
      },
      async reopen() {
        newest = open.use(await openReplica(onPort(redis.port), parts));
        return newest.configuration.store;
      },
      [Symbol.asyncDispose]: () => open.disposeAsync(),
    };
  });
});
