// SPDX-License-Identifier: Apache-2.0
/**
 * Two hds that share a Redis: the leader decides, the other shows the same and takes over.
 * @module
 */
import assert from "node:assert/strict";
import {
  type DenvoyHds,
  eventually,
  freePort,
  startDenvoyHds,
  startRedis,
  TempFolder,
} from "../support/mod.ts";
import { FaultyBackend } from "./faulty_backend.ts";
import { clusterOf, clustersFile, healthBecomes, readHealth, startProber } from "./scene.ts";

function startReplica(
  { clusters, redisPort }: { readonly clusters: string; readonly redisPort: number },
): Promise<DenvoyHds> {
  const redis = `127.0.0.1:${redisPort}`;
  const flags = ["--redis-url", redis, "--leader-ttl", "1s", "--report-interval", "500ms"];
  const grpcAddress = `127.0.0.1:${freePort()}`;
  return startDenvoyHds({ clusters, grpcAddress, flags, connects: [redis, grpcAddress] });
}

async function readyzBecomes({ httpUrl }: DenvoyHds, wanted: RegExp): Promise<void> {
  let seen = "";
  await eventually(async () => {
    const response = await fetch(`${httpUrl}/readyz`);
    seen = await response.text();
    return wanted.test(seen);
  }, { what: `/readyz to say ${wanted}`, withinMs: 40_000, detail: () => seen });
}

async function give({ httpUrl }: DenvoyHds, port: number, state: string): Promise<number> {
  const response = await fetch(`${httpUrl}/v1/health/web/127.0.0.1:${port}/order`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ state }),
  });
  await response.body?.cancel();
  return response.status;
}

Deno.test("replicas on one Redis: any takes orders, one leads, and another when it is gone", async () => {
  await using well = new FaultyBackend("well");
  await using failing = new FaultyBackend("failing");
  await failing.become("status");
  const [good, bad, drained] = [well.port, failing.port, freePort()];
  const clusters = clustersFile(clusterOf("web", { ports: [good, bad, drained] }));
  await using folder = await TempFolder.create({ "clusters.json": clusters });
  let redis = await startRedis();
  try {
    const parts = { clusters: folder.path, redisPort: redis.port };
    await using first = await startReplica(parts);
    await readyzBecomes(first, /this replica leads/);
    await using second = await startReplica(parts);
    await readyzBecomes(second, /another replica leads/);
    const hds = `${second.grpcAddress},${first.grpcAddress}`;
    await using _prober = await startProber("prober", { hds });

    assert.equal(await give(second, drained, "draining"), 200);
    const wanted = { [good]: "HEALTHY", [bad]: "UNHEALTHY", [drained]: "DRAINING" };
    await healthBecomes(first.httpUrl, wanted);
    await healthBecomes(second.httpUrl, wanted);

    const extra = await fetch(`${second.httpUrl}/v1/clusters/extra`, {
      method: "PUT",
      body: JSON.stringify(clusterOf("extra", { ports: [good] })),
      headers: { "content-type": "application/json" },
    });
    assert.equal(extra.status, 200, await extra.text());
    await eventually(async () => {
      const records = await readHealth(first.httpUrl);
      return records.some(({ cluster, health }) => cluster === "extra" && health === "HEALTHY");
    }, { what: "the leader to check the new cluster", withinMs: 40_000 });

    redis.child.kill("SIGKILL");
    await redis.child.exited;
    await readyzBecomes(first, /degraded[^]*goes on with what it knows/);
    assert.equal(await give(first, good, "down"), 503);
    await failing.become("well");
    await healthBecomes(first.httpUrl, { [bad]: "HEALTHY" });
    redis = await startRedis({ port: redis.port });
    await readyzBecomes(first, /replica leads/);

    await first.crash();
    await readyzBecomes(second, /this replica leads/);
    const kept = (await readHealth(second.httpUrl)).find(({ address }) =>
      address.endsWith(`:${drained}`)
    );
    assert.equal(kept?.health, "DRAINING");
    await failing.become("status");
    await healthBecomes(second.httpUrl, { [bad]: "UNHEALTHY", [good]: "HEALTHY" });
  } finally {
    await redis[Symbol.asyncDispose]();
  }
});

/** Changes of verdicts, newest first. */
async function changesOf(hds: DenvoyHds): Promise<readonly unknown[]> {
  const { changes } = await hds.call("GET", "/v1/changes");
  return changes as readonly unknown[];
}

async function connected(hds: DenvoyHds): Promise<readonly string[]> {
  const { probers } = await hds.call("GET", "/v1/probers");
  return (probers as readonly { readonly name: string; readonly connected: boolean }[])
    .filter((prober) => prober.connected).map(({ name }) => name).sort();
}

function probersBecome(hds: DenvoyHds, ...wanted: readonly string[]): Promise<unknown> {
  return eventually(async () => `${await connected(hds)}` === `${wanted}`, {
    what: `the probers of a replica to be ${wanted}`,
    withinMs: 40_000,
  });
}

Deno.test("a follower turns Envoys away, which go to the leader, and come when it leads", async () => {
  await using well = new FaultyBackend("well");
  await using failing = new FaultyBackend("failing");
  await failing.become("status");
  const clusters = clustersFile(clusterOf("web", { ports: [well.port, failing.port] }));
  await using folder = await TempFolder.create({ "clusters.json": clusters });
  await using redis = await startRedis();
  const parts = { clusters: folder.path, redisPort: redis.port };
  await using leader = await startReplica(parts);
  await readyzBecomes(leader, /this replica leads/);
  await using follower = await startReplica(parts);
  await readyzBecomes(follower, /another replica leads/);
  await using lost = await startProber("lost", { hds: follower.grpcAddress });
  const both = `${follower.grpcAddress},${leader.grpcAddress}`;
  await using _near = await startProber("near", { hds: both });

  await probersBecome(leader, "near");
  const verdicts = { [well.port]: "HEALTHY", [failing.port]: "UNHEALTHY" };
  await healthBecomes(leader.httpUrl, verdicts);
  await healthBecomes(follower.httpUrl, verdicts);
  const refused = async () => await lost.admin.stat("cluster.hds.upstream_cx_connect_fail") ?? 0;
  await eventually(async () => await refused() > 2, {
    what: "an Envoy that knows the follower only to go on trying",
    withinMs: 20_000,
  });
  assert.deepEqual(await connected(follower), []);
  const before = await changesOf(leader);
  // Frozen, as a machine that is lost: nothing tells Envoys but that nobody answers.
  leader.child.kill("SIGSTOP");
  try {
    await readyzBecomes(follower, /this replica leads/);
    await probersBecome(follower, "lost", "near");
    await failing.become("well");
    await healthBecomes(follower.httpUrl, { ...verdicts, [failing.port]: "HEALTHY" });
  } finally {
    leader.child.kill("SIGCONT");
  }
  await readyzBecomes(leader, /another replica leads/);
  assert.deepEqual(await connected(leader), []);
  await healthBecomes(leader.httpUrl, { ...verdicts, [failing.port]: "HEALTHY" });
  assert.deepEqual(await connected(follower), ["lost", "near"]);
  const since = (await changesOf(follower)).slice(0, -before.length);
  assert.equal(since.length, 1, JSON.stringify(since));
});
