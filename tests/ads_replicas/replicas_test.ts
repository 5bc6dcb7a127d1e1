// SPDX-License-Identifier: Apache-2.0
/**
 * Two ads processes on one Redis: whichever takes a change, both serve it, in one order, and nothing is
 * lost while they write at once, while one of them dies, or while Redis is away.
 * @module
 */
import assert from "node:assert/strict";
import { connectGrpc, type GrpcClient } from "@denvoy/grpc";
import {
  type DenvoyAds,
  eventually,
  type Redis,
  startDenvoyAds,
  startRedis,
  TempFolder,
} from "../support/mod.ts";
import { type ApiAnswer, call, mustCall } from "../envoy/http_api.ts";
import { CLUSTER_TYPE, clusterJson } from "../faults/http_api.ts";
import { type DeltaStream, testNode, XdsStream } from "../faults/xds_stream.ts";

type Body = ApiAnswer["body"];

function startReplica(redis: Pick<Redis, "port">, resources: string): Promise<DenvoyAds> {
  const address = `127.0.0.1:${redis.port}`;
  return startDenvoyAds({ resources, connects: [address], flags: ["--redis-url", address] });
}

function putCluster(ads: DenvoyAds, name: string, generation = 0): Promise<ApiAnswer> {
  const path = `/v1/resources/clusters/${name}`;
  return call(ads, { method: "PUT", path, body: clusterJson(name, generation) });
}

async function names(ads: DenvoyAds): Promise<readonly unknown[]> {
  const { resources } = await mustCall(ads, { path: "/v1/resources?type=clusters" });
  return (resources as Body[]).map(({ name }) => name);
}

function history(ads: DenvoyAds): Promise<Body> {
  return mustCall(ads, { path: "/v1/revisions?limit=1000" });
}

async function becomes(what: string, isSo: () => Promise<boolean>): Promise<void> {
  await eventually(isSo, { what, withinMs: 30_000 });
}

/** Waits until both have the same history, and so serve the same. */
async function agree(one: DenvoyAds, other: DenvoyAds): Promise<Body> {
  let seen: readonly Body[] = [];
  await eventually(async () => {
    seen = await Promise.all([history(one), history(other)]);
    return JSON.stringify(seen[0]) === JSON.stringify(seen[1]);
  }, { what: "both to have one history", withinMs: 30_000, detail: () => JSON.stringify(seen) });
  assert.deepEqual(await names(one), await names(other));
  return await history(one);
}

async function readyz(ads: DenvoyAds): Promise<string> {
  const response = await fetch(`${ads.httpUrl}/readyz`);
  return await response.text();
}

/** A node that has all clusters of a replica. */
class Node implements AsyncDisposable {
  readonly #client: GrpcClient;
  readonly #stream: DeltaStream;
  readonly #names = new Set<string>();
  #taken = 0;

  /** Connects and subscribes. */
  constructor(ads: DenvoyAds) {
    this.#client = connectGrpc({ address: ads.grpcAddress });
    this.#stream = XdsStream.delta(this.#client);
    this.#stream.send({ node: testNode, typeUrl: CLUSTER_TYPE, resourceNamesSubscribe: ["*"] });
  }

  /** Whether its connection still lives. */
  get isOpen(): boolean {
    return this.#stream.end === undefined;
  }

  /** Accepts what came, and tells whether a cluster is among what it has. */
  has(name: string): boolean {
    for (; this.#taken < this.#stream.responses.length; this.#taken++) {
      const response = this.#stream.responses[this.#taken];
      for (const resource of response?.resources ?? []) this.#names.add(resource.name);
      for (const removed of response?.removedResources ?? []) this.#names.delete(removed);
      this.#stream.send({ typeUrl: CLUSTER_TYPE, responseNonce: response?.nonce ?? "" });
    }
    return this.#names.has(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stream[Symbol.asyncDispose]();
    await this.#client[Symbol.asyncDispose]();
  }
}

function file(generation: number): string {
  return JSON.stringify({ resources: [clusterJson("from-file", generation)] });
}

/** What the steps of one test share. */
interface Scene {
  readonly first: DenvoyAds;
  readonly second: DenvoyAds;
  readonly folder: TempFolder;
}

const steps: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  async "what both have in files is one revision"({ first, second }) {
    assert.equal((await agree(first, second)).current, 1);
  },

  async "a write to one reaches nodes of the other, and its writer at once"({ first, second }) {
    await using node = new Node(second);
    assert.equal((await putCluster(first, "written")).status, 200);
    assert.ok((await names(first)).includes("written"));
    await becomes("the node to have it", () => Promise.resolve(node.has("written")));
    const path = "/v1/resources/clusters/written";
    assert.equal((await call(second, { method: "DELETE", path })).status, 200);
    await becomes("the other to lose it", async () => !(await names(first)).includes("written"));
    await becomes("the node to lose it", () => Promise.resolve(!node.has("written")));
  },

  async "of writers at once all are kept, in one order"({ first, second }) {
    const writes = Array.from(
      { length: 40 },
      (_, n) => putCluster(n % 2 ? first : second, `c${n}`),
    );
    const revisions = (await Promise.all(writes)).map(({ status, body }) => {
      assert.equal(status, 200, JSON.stringify(body));
      return (body.revision as Body).id;
    });
    assert.equal(new Set(revisions).size, 40);
    assert.equal((await agree(first, second)).current, 43);
    assert.equal((await names(first)).length, 41);
  },

  async "of writers that expect the same version one is let through"({ first, second }) {
    const path = "/v1/resources/clusters/once";
    const headers = { "if-none-match": "*", "content-type": "application/json" };
    const answers = await Promise.all([first, second].map(async (ads, n) => {
      const body = JSON.stringify(clusterJson("once", n));
      const answer = await fetch(ads.httpUrl + path, { method: "PUT", body, headers });
      await answer.body?.cancel();
      return answer.status;
    }));
    assert.deepEqual(answers.sort(), [200, 412]);
  },

  async "a file that both see change is one revision"({ first, second, folder }) {
    const { current } = await agree(first, second);
    await folder.write("a.json", file(1));
    const isNew = async (ads: DenvoyAds) => (await history(ads)).current !== current;
    await becomes("the change to be seen", () => isNew(first));
    await becomes("the other to have it", () => isNew(second));
    // Whoever was last to look at the file has looked when it knows of the next change, too.
    await folder.write("a.json", file(2));
    await becomes(
      "the next",
      async () => Number((await history(first)).current) > Number(current) + 1,
    );
    assert.equal((await agree(first, second)).current, Number(current) + 2);
  },

  async "an endpoint may register, beat and leave anywhere, and expires once"({ first, second }) {
    const path = "/v1/clusters/blue/endpoints/";
    const body = { address: "10.0.0.1", port: 80, ttl: "1s" };
    await mustCall(first, { method: "PUT", path: `${path}one`, body });
    const isThere = async (ads: DenvoyAds, id: string) =>
      (await call(ads, { path: path + id })).status === 200;
    await becomes("the other to know it", () => isThere(second, "one"));
    await mustCall(second, { method: "POST", path: `${path}one/heartbeat` });
    const two = { ...body, port: 81, ttl: "1h" };
    await mustCall(second, { method: "PUT", path: `${path}two`, body: two });
    for (const ads of [first, second]) {
      await becomes("it to expire", async () => !await isThere(ads, "one"));
      await becomes("the other endpoint to stay", () => isThere(ads, "two"));
    }
    await mustCall(first, { method: "DELETE", path: `${path}two` });
    await becomes("it to be gone", async () => !await isThere(second, "two"));
  },

  async "verdicts given to one are known to all"({ first, second }) {
    const endpoint = { cluster: "blue", address: "10.0.0.9", port: 80 };
    const path = "/v1/clusters/blue/endpoints/nine";
    await mustCall(first, { method: "PUT", path, body: { address: "10.0.0.9", port: 80 } });
    const body = { endpoints: [{ ...endpoint, health: "unhealthy" }] };
    await mustCall(first, { method: "PUT", path: "/v1/endpoint-health", body });
    await becomes("the verdict to arrive", async () => {
      return (await call(second, { path })).body.verdict === "unhealthy";
    });
    const instances = await Promise.all([first, second].map((ads) => {
      return mustCall(ads, { path: "/v1/endpoint-health" });
    }));
    assert.deepEqual(instances[0], instances[1]);
  },
};

Deno.test("a change through any replica is served by all, and none is lost", async (t) => {
  await using redis = await startRedis();
  await using folder = await TempFolder.create({ "a.json": file(0) });
  await using first = await startReplica(redis, folder.path);
  await using second = await startReplica(redis, folder.path);
  for (const [name, step] of Object.entries(steps)) {
    await t.step(name, () => step({ first, second, folder }));
  }
});

Deno.test("a replica that dies, and a Redis that is away and back without its data, lose nothing", async () => {
  let redis = await startRedis();
  try {
    await using folder = await TempFolder.create({ "a.json": file(0) });
    const first = await startReplica(redis, folder.path);
    await using second = await startReplica(redis, folder.path);
    await using node = new Node(second);
    const writes = Array.from({ length: 30 }, (_, n) => putCluster(first, `mid-way-${n}`));
    const kept = Promise.allSettled(writes);
    await becomes("some to be written", async () => (await names(second)).length > 3);
    await first.crash();
    const written = (await kept).flatMap((answer, n) =>
      answer.status === "fulfilled" && answer.value.status === 200 ? [`mid-way-${n}`] : []
    );
    const there = await names(second);
    for (const name of written) assert.ok(there.includes(name), name);
    assert.equal((await putCluster(second, "alone")).status, 200);
    await using again = await startReplica(redis, folder.path);
    await agree(again, second);

    redis.child.kill("SIGKILL");
    await redis.child.exited;
    for (const ads of [again, second]) {
      await becomes("it to be degraded", async () => /degraded[^]*Redis/.test(await readyz(ads)));
      const { status, body } = await putCluster(ads, "refused");
      assert.equal(status, 503);
      assert.match(JSON.stringify(body), /Redis is away.*still served.*try again/);
      assert.ok((await names(ads)).includes("alone"));
    }
    await becomes("the node to go on", () => Promise.resolve(node.isOpen && node.has("alone")));

    redis = await startRedis({ port: redis.port });
    await becomes("a write to be taken", async () => {
      return (await putCluster(again, "healed")).status === 200;
    });
    await becomes("the node to have it", () => Promise.resolve(node.has("healed")));
    await agree(again, second);
    await using late = await startReplica(redis, folder.path);
    await agree(late, second);
    assert.ok((await names(late)).includes("alone"));
  } finally {
    await redis[Symbol.asyncDispose]();
  }
});
