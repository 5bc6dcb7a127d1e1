// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { RedisHealthStore } from "@denvoy/hds/redis_store";
import { keepsStoreContract } from "@denvoy/hds/store_contract";
import { runCounterStoreContract } from "@denvoy/rls/stores_contract";
import { openRedisLink, type RedisSettings } from "@denvoy/redis";
import type { Charge, RedisCounterStore } from "@denvoy/rls/stores";
import { systemClock } from "@denvoy/runtime";
import { caStoreContract } from "@denvoy/sds/ca_store_contract";
import { eventually, freePort, type Redis, startRedis } from "../support/mod.ts";
import { keepContractOn } from "../ads_replicas/contract.ts";
import { keepTotalsOn } from "../metrics/redis_totals.ts";
import { openReplica } from "../sds/redis_replica.ts";
import { hit, hourly, openStore, Peer } from "./store.ts";

const slots = 16_384;

/** Three masters that share the slots. */
class RedisCluster implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #folder: string;
  readonly nodes: readonly Redis[];
  readonly peers: readonly Peer[];

  private constructor(
    stack: AsyncDisposableStack,
    { nodes, peers, folder }: {
      readonly nodes: readonly Redis[];
      readonly peers: readonly Peer[];
      readonly folder: string;
    },
  ) {
    this.#stack = stack;
    this.#folder = folder;
    this.nodes = nodes;
    this.peers = peers;
  }

  static async start(): Promise<RedisCluster> {
    await using stack = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir();
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const nodes: Redis[] = [];
    for (let n = 0; n < 3; n++) nodes.push(stack.use(await startNode(folder)));
    const peers = nodes.map(({ port }) => stack.use(new Peer(port)));
    await form(nodes, peers);
    return new RedisCluster(stack.move(), { nodes, peers, folder });
  }

  /** Starts a replica of a node. */
  async addReplica(of: number): Promise<Redis> {
    const [master, other] = [this.nodes[of], this.nodes[(of + 1) % this.nodes.length]];
    const id = String(await this.peers[of]?.call("CLUSTER", ["MYID"]));
    const replica = await startNode(this.#folder);
    await using peer = new Peer(replica.port);
    await peer.call("CLUSTER", ["MEET", "127.0.0.1", other?.port ?? 0]);
    await eventually(async () => {
      const answer = await peer.call("CLUSTER", ["REPLICATE", id]).catch(String);
      return answer === "OK";
    }, { what: `the replica of ${master?.port} to know it`, withinMs: 20_000 });
    return replica;
  }

  get settings(): RedisSettings {
    const nodes = this.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
    return { topology: { kind: "cluster", nodes: nodes.slice(0, 1) } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

async function startNode(folder: string): Promise<Redis> {
  // The cluster bus listens 10000 above the node's port, which must be a port too.
  let port = freePort();
  while (port > 55_000) port = freePort();
  const file = `${folder}/nodes-${port}.conf`;
  const args = ["--cluster-enabled", "yes", "--cluster-config-file", file, "--dir", folder];
  return await startRedis({ port, args });
}

async function form(nodes: readonly Redis[], peers: readonly Peer[]): Promise<void> {
  for (const [n, peer] of peers.entries()) {
    const first = Math.floor(n * slots / nodes.length);
    const end = Math.floor((n + 1) * slots / nodes.length);
    const own = Array.from({ length: end - first }, (_, at) => first + at);
    await peer.call("CLUSTER", ["ADDSLOTS", ...own]);
    await peer.call("CLUSTER", ["SET-CONFIG-EPOCH", n + 1]);
  }
  for (const { port } of nodes.slice(1)) {
    await peers[0]?.call("CLUSTER", ["MEET", "127.0.0.1", port]);
  }
  await eventually(async () => {
    const infos = await Promise.all(peers.map((peer) => peer.call("CLUSTER", ["INFO"])));
    return infos.every((info) => /cluster_state:ok[^]*cluster_known_nodes:3/.test(String(info)));
  }, { what: "the cluster to form", withinMs: 30_000 });
}

Deno.test("RedisCounterStore keeps the contract of counter stores on a cluster", async (t) => {
  await using cluster = await RedisCluster.start();
  await using opened = await openStore(cluster.settings);
  await runCounterStoreContract(t, opened.store);

  await t.step("keeps the state of hds, which is in one place", async () => {
    const link = openRedisLink(cluster.settings);
    const options = { link, replica: "a", keyPrefix: "", leaseMs: 5_000, clock: systemClock };
    const store = new RedisHealthStore(options);
    try {
      await store.opened(20_000);
      await keepsStoreContract(store);
    } finally {
      await store.close();
    }
  });

  await t.step("keeps the totals of metrics", () => keepTotalsOn(cluster.settings));

  await t.step("keeps what replicas of ads share", (t) => keepContractOn(t, cluster.settings));

  await t.step("keeps what replicas of sds share, likewise", async () => {
    for (const [keyPrefix, run] of Object.entries(caStoreContract)) {
      await using replica = await openReplica(cluster.settings, { keyPrefix });
      await run(replica.ca);
    }
  });

  await t.step("reaches every node with one request, all or nothing", async () => {
    const charges = Array.from({ length: 30 }, (_, n) => hourly(`d_n${n}_`, { limit: 1 }));
    const options = { nowMs: Date.now(), timeoutMs: 2_000 };
    for (const over of [false, true]) {
      const outcome = await opened.store.charge({ charges, atomic: "all-or-nothing" }, options);
      assert.ok(Array.isArray(outcome));
      assert.ok(outcome.every((charged) => charged.over === over && charged.after === 1));
    }
    for (const peer of cluster.peers) assert.ok((await peer.keys("d_n*")).length > 0);
  });

  await t.step("counts each hit of a slot while it moves to another node", async () => {
    const charges = ["fixed-window", "token-bucket"].map((kind) =>
      hourly(`d_{moving}_${kind}_`, { algorithm: { kind } as Charge["algorithm"] })
    );
    let expected = 0;
    const countAll = async () => {
      expected++;
      for (const charge of charges) assert.equal(await hit(opened.store, charge), expected);
    };
    await countAll();
    const [from, to] = await movePair(cluster);
    await moveSlot(cluster, { from, to, during: countAll });
    await eventually(async () => {
      const outcome = await hit(opened.store, { ...charges[0] ?? hourly("d_"), hits: 0 });
      return outcome === expected;
    }, { what: "the count on the new node" });
    await countAll();
  });
  await failNodes(t, { cluster, store: opened.store });
});

/** Waits until all nodes know each other and are of one epoch: who takes over then is believed. */
async function allAgree(peers: readonly Peer[]): Promise<void> {
  await eventually(async () => {
    const infos = await Promise.all(peers.map((peer) => peer.call("CLUSTER", ["INFO"])));
    const states = infos.map((info) => {
      const [, state] = /cluster_state:(\w+)/.exec(String(info)) ?? [];
      const [, nodes] = /cluster_known_nodes:(\d+)/.exec(String(info)) ?? [];
      const [, epoch] = /cluster_current_epoch:(\d+)/.exec(String(info)) ?? [];
      return `${state} ${nodes} ${epoch}`;
    });
    return new Set(states).size === 1 && states[0]?.startsWith(`ok ${peers.length} `) === true;
  }, { what: "all nodes to agree", withinMs: 20_000 });
}

/** Returns the number of the node that has a key. */
async function ownerOf({ peers }: RedisCluster, pattern: string): Promise<number> {
  const found = await Promise.all(peers.map((peer) => peer.keys(pattern)));
  return found.findIndex((keys) => keys.length > 0);
}

/** Returns the numbers of the node that has the moving key, and of another. */
async function movePair(cluster: RedisCluster): Promise<readonly [number, number]> {
  const from = await ownerOf(cluster, "d_{moving}_*");
  return [from, (from + 1) % cluster.peers.length];
}

async function moveSlot(
  { nodes, peers }: RedisCluster,
  { from, to, during }: {
    readonly from: number;
    readonly to: number;
    readonly during: () => Promise<void>;
  },
): Promise<void> {
  const [source, target] = [peers[from], peers[to]];
  assert.ok(source !== undefined && target !== undefined);
  const ids = await Promise.all([source, target].map((peer) => peer.call("CLUSTER", ["MYID"])));
  const [sourceId, targetId] = ids.map(String);
  const slot = Number(await source.call("CLUSTER", ["KEYSLOT", "{moving}"]));
  await target.call("CLUSTER", ["SETSLOT", slot, "IMPORTING", String(sourceId)]);
  await source.call("CLUSTER", ["SETSLOT", slot, "MIGRATING", String(targetId)]);
  await during();
  for (const key of await source.keys("d_{moving}_*")) {
    await source.call("MIGRATE", ["127.0.0.1", nodes[to]?.port ?? 0, key, 0, 5_000]);
  }
  // Their slot still belongs to the source, which sends whoever asks for them to the target.
  await during();
  for (const peer of [target, source]) {
    await peer.call("CLUSTER", ["SETSLOT", slot, "NODE", String(targetId)]);
  }
}

/** Pauses a node and kills another, which a replica takes over: the cluster is not whole after it. */
async function failNodes(
  t: Deno.TestContext,
  { cluster, store }: { readonly cluster: RedisCluster; readonly store: RedisCounterStore },
): Promise<void> {
  await t.step("counts on the other nodes while one is paused", async () => {
    const names = Array.from({ length: 60 }, (_, n) => `d_p${n * n * 7919}_`);
    const all = () =>
      Promise.all(names.map((name) => hit(store, hourly(name), { timeoutMs: 100 })));
    await all();
    for (const peer of cluster.peers) assert.ok((await peer.keys("d_p*")).length > 10);
    const [node] = cluster.nodes;
    node?.child.kill("SIGSTOP");
    try {
      await eventually(async () => {
        const outcomes = await all();
        const counted = outcomes.filter((outcome) => typeof outcome === "number").length;
        return counted > 20 && outcomes.includes("unavailable");
      }, { what: "two nodes to count and one to be left alone" });
    } finally {
      node?.child.kill("SIGCONT");
    }
    await eventually(async () => (await all()).every((outcome) => typeof outcome === "number"), {
      what: "all nodes to count again",
      withinMs: 20_000,
      detail: () => JSON.stringify(store.health()),
    });
  });

  await t.step("follows a failover, and answers in time throughout", async () => {
    const charge = hourly("d_{failing}_");
    assert.equal(await hit(store, charge), 1);
    const at = await ownerOf(cluster, "d_{failing}_*");
    await using stack = new AsyncDisposableStack();
    const replica = stack.use(await cluster.addReplica(at));
    const onReplica = stack.use(new Peer(replica.port));
    await eventually(
      async () => (await onReplica.keys("d_{failing}_*")).length === 1,
      { what: "the count to be replicated", withinMs: 20_000 },
    );
    await allAgree([...cluster.peers, onReplica]);
    await cluster.peers[at]?.[Symbol.asyncDispose]();
    cluster.nodes[at]?.child.kill("SIGKILL");
    await onReplica.call("CLUSTER", ["FAILOVER", "TAKEOVER"]);
    await eventually(async () => {
      const start = performance.now();
      const outcome = await hit(store, charge, { timeoutMs: 100 });
      assert.ok(performance.now() - start < 1_500, "each answer comes in time");
      return typeof outcome === "number" && outcome > 1;
    }, {
      what: "the replica to go on counting",
      withinMs: 30_000,
      detail: () => JSON.stringify(store.health()),
    });
  });
}
