// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { Child } from "@denvoy/tools/child";
import { getRedis } from "@denvoy/tools/real_parts";
import type { RedisSettings } from "@denvoy/redis";
import { eventually, freePort, startRedis } from "../support/mod.ts";
import { hit, hourly, openStore, Peer } from "./store.ts";

/** Starts a sentinel that watches a master under the name `limits`. */
async function startSentinel(
  stack: AsyncDisposableStack,
  masterPort: number,
): Promise<RedisSettings> {
  const folder = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const [port, file] = [freePort(), `${folder}/sentinel.conf`];
  const lines = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${folder}`,
    `sentinel monitor limits 127.0.0.1 ${masterPort} 1`,
    "sentinel down-after-milliseconds limits 500",
    "sentinel failover-timeout limits 5000",
  ];
  await Deno.writeTextFile(file, `${lines.join("\n")}\n`);
  const command = await getRedis();
  stack.use(Child.start({ name: "sentinel", command, args: [file, "--sentinel"] }));
  const sentinels = [{ host: "127.0.0.1", port }];
  return { topology: { kind: "sentinel", master: "limits", sentinels } };
}

function sentinelPort({ topology }: RedisSettings): number {
  assert.ok(topology.kind === "sentinel");
  return topology.sentinels[0]?.port ?? 0;
}

Deno.test("RedisCounterStore finds the master by Sentinel and follows a failover", async () => {
  await using stack = new AsyncDisposableStack();
  // A replica is fed from a file, which must not be left where the tests run.
  const folder = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const master = stack.use(await startRedis({ args: ["--dir", folder] }));
  const replica = stack.use(
    await startRedis({ args: ["--dir", folder, "--replicaof", "127.0.0.1", String(master.port)] }),
  );
  const settings = await startSentinel(stack, master.port);
  const onReplica = stack.use(new Peer(replica.port));
  const onSentinel = stack.use(new Peer(sentinelPort(settings)));
  await eventually(
    async () => (await onReplica.info("replication")).includes("master_link_status:up"),
    { what: "the replica to follow", withinMs: 20_000 },
  );
  await eventually(
    async () =>
      JSON.stringify(await onSentinel.call("SENTINEL", ["REPLICAS", "limits"])).length > 10,
    { what: "the sentinel to know the replica", withinMs: 20_000 },
  );
  const { store } = stack.use(await openStore(settings));
  assert.equal(await hit(store, hourly("d_s_")), 1);
  await eventually(
    async () => (await onReplica.keys("d_s_*")).length === 1,
    { what: "the count to be replicated" },
  );
  master.child.kill("SIGKILL");
  await eventually(async () => {
    const start = performance.now();
    const outcome = await hit(store, hourly("d_s_"), { timeoutMs: 50 });
    assert.ok(performance.now() - start < 1_500, "each answer comes in time");
    return outcome === 2;
  }, {
    what: "the new master to go on counting",
    withinMs: 30_000,
    detail: () => JSON.stringify(store.health()),
  });
});
