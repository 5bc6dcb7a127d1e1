// SPDX-License-Identifier: Apache-2.0
// Two metrics that share a Redis: each node is counted and shown by the one that has its stream.
import assert from "node:assert/strict";
import type { TestFlush } from "@denvoy/metrics/testing";
import {
  type DenvoyMetrics,
  eventually,
  startBackend,
  startDenvoyMetrics,
  startEnvoy,
  startRedis,
} from "../support/mod.ts";
import { fleetEnvoy } from "./fleet_envoy.ts";
import { askEnvoy, scrapeFleet, valueOf } from "./fleet_scrape.ts";
import { StatsStream } from "./stats_stream.ts";

function startReplica(redisPort: number): Promise<DenvoyMetrics> {
  const redis = `127.0.0.1:${redisPort}`;
  const flags = ["--redis-url", redis, "--save-interval", "1s"];
  return startDenvoyMetrics({ flags, connects: [redis] });
}

/** A flush: the counter as it stands, and samples that came since the last one. */
function flushOf(counter: number, samples: number): TestFlush {
  return {
    counters: { x: counter },
    gauges: { "server.uptime": 1_000 },
    histograms: { h: { count: samples, sum: samples, buckets: [[1, samples]] } },
  };
}

type Shown = readonly [counter: number | undefined, samples: number | undefined];

async function shown(replica: DenvoyMetrics, query = ""): Promise<Shown> {
  const text = await scrapeFleet(replica, query);
  return [valueOf(text, "envoy_x", {}), valueOf(text, "envoy_h_count", {})];
}

const nothing: Shown = [undefined, undefined];

interface Wanted {
  readonly first: Shown;
  readonly second: Shown;
}

/** Waits until each replica shows what it should of the node. */
async function bothShow(
  replicas: readonly [DenvoyMetrics, DenvoyMetrics],
  { first, second }: Wanted,
): Promise<void> {
  const wanted = JSON.stringify([first, second]);
  let found = "";
  await eventually(async () => {
    found = JSON.stringify([await shown(replicas[0]), await shown(replicas[1])]);
    return found === wanted;
  }, {
    what: `replicas to show ${wanted}`,
    withinMs: 30_000,
    detail: () =>
      `they show ${found}\n${replicas[0].child.lastWords()}\n${replicas[1].child.lastWords()}`,
  });
}

async function readyzBecomes({ httpUrl }: DenvoyMetrics, wanted: RegExp): Promise<void> {
  let seen = "";
  await eventually(async () => {
    const response = await fetch(`${httpUrl}/readyz`);
    seen = await response.text();
    return response.status === 200 && wanted.test(seen);
  }, { what: `/readyz to say ${wanted}`, withinMs: 30_000, detail: () => seen });
}

Deno.test("a node is shown by the replica that has its newest stream, and goes on where it was", async () => {
  await using redis = await startRedis();
  await using first = await startReplica(redis.port);
  await using second = await startReplica(redis.port);
  const both = [first, second] as const;
  await readyzBecomes(first, /"redis":\{[^}]*"ok"/);
  await readyzBecomes(second, /"redis":\{[^}]*"ok"/);

  await using early = new StatsStream(first.grpcAddress, "edge-1");
  early.flush(flushOf(10, 10));
  await bothShow(both, { first: [10, 10], second: nothing });
  {
    await using late = new StatsStream(second.grpcAddress, "edge-1");
    late.flush(flushOf(15, 5));
    await bothShow(both, { first: nothing, second: [15, 15] });
    // An Envoy of the same name, or a connection that nobody has heard the end of.
    early.flush(flushOf(11, 1));
    late.flush(flushOf(16, 1));
    await bothShow(both, { first: nothing, second: [16, 16] });
    const sums = [await shown(first, "?by=cluster"), await shown(second, "?by=cluster")];
    assert.deepEqual(sums, [[10, 10], [6, 6]], "sums add up over replicas");
  }
  // The newer stream is over: the older one is read again, as soon as that is known.
  await eventually(async () => {
    early.flush(flushOf(18, 0));
    return (await shown(first))[0] === 18;
  }, { what: "the node to be back", withinMs: 30_000, detail: () => first.child.lastWords() });
  await bothShow(both, { first: [18, 16], second: nothing });
  const sums = [await shown(first, "?by=cluster"), await shown(second, "?by=cluster")];
  assert.deepEqual(sums, [[12, 10], [6, 6]], "and never fall");
});

Deno.test("without Redis each replica goes on alone, and what they counted is put together after", async () => {
  const redis = await startRedis();
  await using first = await startReplica(redis.port);
  await using second = await startReplica(redis.port);
  const both = [first, second] as const;
  await using early = new StatsStream(first.grpcAddress, "edge-1");
  early.flush(flushOf(10, 10));
  await bothShow(both, { first: [10, 10], second: nothing });
  await readyzBecomes(second, /"redis":\{[^}]*"ok"/);

  redis.child.kill("SIGKILL");
  await redis.child.exited;
  await readyzBecomes(first, /"degraded".*goes on alone/);
  early.flush(flushOf(20, 10));
  await using late = new StatsStream(second.grpcAddress, "edge-1");
  late.flush(flushOf(25, 5));
  await bothShow(both, { first: [20, 20], second: [25, 5] });

  // It has lost everything, as it keeps nothing on disk.
  await using _back = await startRedis({ port: redis.port });
  await bothShow(both, { first: nothing, second: [25, 25] });
  await readyzBecomes(first, /"redis":\{[^}]*"ok"/);
  await redis[Symbol.asyncDispose]();
});

Deno.test("a replica that is killed leaves what it had written, and its nodes to the others", async () => {
  await using redis = await startRedis();
  await using first = await startReplica(redis.port);
  await using second = await startReplica(redis.port);
  await using early = new StatsStream(first.grpcAddress, "edge-1");
  early.flush(flushOf(10, 10));
  await bothShow([first, second], { first: [10, 10], second: nothing });
  // A save that ended after the flush holds it.
  const saves = () => fetch(`${first.httpUrl}/metrics`).then((response) => response.text());
  await eventually(async () => /metrics_saved_nodes_total [1-9]/.test(await saves()), {
    what: "totals to be saved",
    withinMs: 20_000,
  });
  await first.crash();
  await using late = new StatsStream(second.grpcAddress, "edge-1");
  late.flush(flushOf(12, 2));
  await eventually(async () => JSON.stringify(await shown(second)) === "[12,12]", {
    what: "the other to go on",
    withinMs: 30_000,
    detail: () => second.child.lastWords(),
  });
});

Deno.test("a real Envoy that loses its replica goes on at another, and no counter falls", async () => {
  await using redis = await startRedis();
  const replicas = [await startReplica(redis.port), await startReplica(redis.port)];
  await using backend = startBackend("shop");
  try {
    const addresses = replicas.map(({ grpcAddress }) => grpcAddress);
    const { port, bootstrap } = fleetEnvoy({ metrics: addresses, backend });
    await using envoy = await startEnvoy({ bootstrap });
    await envoy.admin.ready();
    await askEnvoy(port, "/", 10);
    const names = [
      "envoy_cluster_v1_upstream_rq_total",
      "envoy_cluster_v1_upstream_rq_time_count",
    ] as const;
    const read = async (replica: DenvoyMetrics) => {
      const text = await scrapeFleet(replica);
      return names.map((name) => valueOf(text, name, { envoy_node_id: "edge-1" }));
    };
    let owner = -1;
    await eventually(async () => {
      const found = await Promise.all(replicas.map(read));
      owner = found.findIndex(([requests, samples]) => requests === 10 && samples === 10);
      return owner >= 0;
    }, { what: "one replica to show the requests", withinMs: 30_000 });
    const [other, stopped] = [replicas[1 - owner], replicas[owner]];
    assert.ok(other !== undefined && stopped !== undefined);
    assert.deepEqual(await read(other), [undefined, undefined], "the other shows nothing of it");

    await stopped.child.stop();
    await eventually(async () => (await read(other))[0] === 10, {
      what: "the other to have the node",
      withinMs: 30_000,
      detail: () => other.child.lastWords(),
    });
    assert.equal((await read(other))[1], 10, "with the samples that no Envoy sends again");
    await askEnvoy(port, "/", 7);
    await eventually(async () => (await read(other)).join() === "17,17", {
      what: "the other to count on",
      withinMs: 30_000,
      detail: () => other.child.lastWords(),
    });
  } finally {
    for (const replica of replicas) await replica[Symbol.asyncDispose]();
  }
});
