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
