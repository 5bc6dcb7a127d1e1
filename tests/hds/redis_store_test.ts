// SPDX-License-Identifier: Apache-2.0
/**
 * The state of hds in a real Redis: what one replica writes another has, who may write, and what
 * happens when Redis is away or has lost its data.
 * @module
 */
import assert from "node:assert/strict";
import { RedisHealthStore, type SharedNews } from "@denvoy/hds/redis_store";
import { change, keepsStoreContract, verdict } from "@denvoy/hds/store_contract";
import { openRedisLink } from "@denvoy/redis";
import { systemClock } from "@denvoy/runtime";
import { eventually, freePort, type Redis, startRedis } from "../support/mod.ts";

interface Replica extends AsyncDisposable {
  readonly store: RedisHealthStore;
  readonly news: () => SharedNews;
}

/** Opens a store, which has read all that is there. */
async function replica({ port }: Pick<Redis, "port">, name: string): Promise<Replica> {
  const link = openRedisLink({
    topology: { kind: "single", address: { host: "127.0.0.1", port } },
  });
  const options = { link, replica: name, keyPrefix: "test:", leaseMs: 1000, clock: systemClock };
  const store = new RedisHealthStore(options);
  await store.opened(20_000);
  return {
    store,
    news: () => store.news,
    [Symbol.asyncDispose]: () => store.close(),
  };
}

function becomes(what: string, isSo: () => boolean): Promise<unknown> {
  return eventually(() => Promise.resolve(isSo()), { what, withinMs: 40_000 });
}

const place = { cluster: "web", address: "10.0.0.1:80" };
const order = { state: "down", who: "ops", reason: "", atMs: 7 } as const;

Deno.test("RedisHealthStore keeps verdicts, history, orders and clusters", async () => {
  await using redis = await startRedis();
  await using only = await replica(redis, "a");
  await keepsStoreContract(only.store);
});

Deno.test("replicas share all; one leads, and another when it goes", async () => {
  await using redis = await startRedis();
  const first = await replica(redis, "a");
  await using second = await replica(redis, "b");
  try {
    assert.deepEqual([first.news().leads, second.news().leads], [true, false]);
    first.store.write({ verdicts: [verdict], changes: [change(80, "HEALTHY")], removed: [] });
    second.store.write({ verdicts: [], changes: [change(81, "TIMEOUT")], removed: [verdict] });
    second.store.setOrder({ ...place, order });
    second.store.setCluster("a", "name: a");
    await second.store.kept();
    await becomes("the leader to have the order", () => first.store.orders().length === 1);
    assert.deepEqual([...first.store.clusters()], [["a", "name: a"]]);
    await becomes("the other to have the verdict", () => second.store.verdicts().length === 1);
    assert.deepEqual(second.store.verdicts(), [verdict]);
    assert.deepEqual(second.store.changes({ limit: 9 }), [change(80, "HEALTHY")]);
    assert.deepEqual(first.store.changes({ limit: 9 }), [change(80, "HEALTHY")]);
  } finally {
    await first[Symbol.asyncDispose]();
  }
  await becomes("the other to lead", () => second.news().leads);
  await using third = await replica(redis, "c");
  assert.equal(third.news().leads, false);
  assert.deepEqual(third.store.verdicts(), [verdict]);
  assert.deepEqual(third.store.orders(), [{ ...place, order }]);
  assert.deepEqual(third.store.changes({ limit: 9 }), [change(80, "HEALTHY")]);
});

Deno.test("Redis away: all that is known stays, and an empty one gets it again", async () => {
  const port = freePort();
  const opening = replica({ port }, "a");
  let redis = await startRedis({ port });
  try {
    await using leader = await opening;
    assert.equal(leader.news().leads, true);
    await using follower = await replica(redis, "b");
    leader.store.setOrder({ ...place, order });
    leader.store.write({ verdicts: [verdict], changes: [change(80, "HEALTHY")], removed: [] });
    await leader.store.kept();
    await becomes("the follower to know", () => follower.store.verdicts().length === 1);
    redis.child.kill("SIGKILL");
    await redis.child.exited;
    await becomes(
      "both to notice",
      () => [leader, follower].every((each) => each.news().trouble !== undefined),
    );
    assert.throws(() => leader.store.setOrder({ ...place, order: undefined }), /Redis is away/);
    const found = { ...verdict, health: "HEALTHY" as const };
    leader.store.write({ verdicts: [found], changes: [change(81, "HEALTHY")], removed: [] });
    assert.deepEqual(leader.store.verdicts(), [found]);
    assert.deepEqual(follower.store.verdicts(), [verdict]);
    redis = await startRedis({ port });
    await becomes(
      "both to be back",
      () => [leader, follower].every((each) => each.news().trouble === undefined),
    );
    const writer = leader.news().leads ? leader : follower;
    await using late = await replica(redis, "c");
    await becomes(
      "all to be there again",
      () =>
        [leader, follower, late].every(({ store }) =>
          store.orders().length === 1 && store.verdicts().length === 1 &&
          store.changes({ limit: 9 }).length === writer.store.changes({ limit: 9 }).length
        ),
    );
    assert.deepEqual(late.store.verdicts(), writer.store.verdicts());
  } finally {
    await redis[Symbol.asyncDispose]();
  }
});
