// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { connectGrpc, type GrpcClient } from "@denvoy/grpc";
import { type DenvoyAds, eventually, startDenvoyAds, TempFolder } from "../support/mod.ts";
import { errorLines, metric } from "./ads_health.ts";
import { CLUSTER_TYPE, clusterJson, put } from "./http_api.ts";
import { type DeltaStream, testNode, XdsStream } from "./xds_stream.ts";

const WRITERS = 8;
const KILLS = 3;
const STREAMS = 200;
const CLUSTERS = 20;
const GRACE_MS = 6_000;

Deno.test("a write that was acknowledged outlives kill -9 in the middle of many", async () => {
  await using data = await TempFolder.create();
  const acknowledged = new Set<string>();
  for (let round = 0; round < KILLS; round++) {
    await using ads = await startDenvoyAds({ dataDir: data.path });
    await assertServed(ads, acknowledged);
    const before = acknowledged.size;
    const writers = Array.from(
      { length: WRITERS },
      (_, writer) => writeUntilKilled(ads, { prefix: `r${round}-w${writer}`, acknowledged }),
    );
    await eventually(() => acknowledged.size >= before + 50, { what: "50 writes" });
    await ads.crash();
    await Promise.all(writers);
  }
  await using ads = await startDenvoyAds({ dataDir: data.path });
  await assertServed(ads, acknowledged);
  await put(ads, "clusters/afterwards", clusterJson("afterwards"));
  assert.deepEqual(errorLines(ads), []);
});

for (const transport of ["native", "grpc-js"]) {
  Deno.test(`${transport}: SIGTERM under ${STREAMS} streams ends them in order, and they come back for what changed only`, async () => {
    await using folder = await TempFolder.create({ "clusters.json": clustersText(0) });
    const flags = ["--grpc-server", transport, "--shutdown-grace", `${GRACE_MS}ms`];
    await using ads = await startDenvoyAds({ resources: folder.path, flags });
    await using clients = new AsyncDisposableStack();
    const connections = Array.from(
      { length: 10 },
      () => clients.use(connectGrpc({ address: ads.grpcAddress })),
    );
    const versions = await openStreams(clients, { connections, known: {} });
    await eventually(async () => await metric(ads, "ads_streams") === STREAMS, {
      what: "all streams",
    });

    const startMs = performance.now();
    const exit = await ads.child.stop(8_000);
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < GRACE_MS, `must not wait for streams that never end: ${tookMs} ms`);
    assert.deepEqual(exit, { code: 0, signal: undefined }, ads.child.lastWords());
    assert.deepEqual(errorLines(ads), []);

    await folder.write("clusters.json", clustersText(1));
    const { grpcAddress } = ads;
    await using next = await startDenvoyAds({ resources: folder.path, flags, grpcAddress });
    await openStreams(clients, { connections, known: versions, changed: ["c0"] });
    assert.deepEqual(errorLines(next), []);
  });
}

/** Writes one resource after the other until there is no server; notes those that were answered. */
async function writeUntilKilled(
  ads: DenvoyAds,
  { prefix, acknowledged }: { readonly prefix: string; readonly acknowledged: Set<string> },
): Promise<void> {
  for (let count = 0;; count++) {
    const name = `${prefix}-${count}`;
    try {
      await put(ads, `clusters/${name}`, clusterJson(name));
    } catch (error) {
      // No connection any more; an answer that is not 2xx is something else.
      if (error instanceof TypeError) return;
      throw error;
    }
    acknowledged.add(name);
  }
}

async function assertServed(ads: DenvoyAds, names: ReadonlySet<string>): Promise<void> {
  const response = await fetch(`${ads.httpUrl}/v1/resources?type=clusters&limit=10000`);
  const { resources } = await response.json() as {
    readonly resources: readonly { readonly name: string }[];
  };
  const served = new Set(resources.map(({ name }) => name));
  assert.deepEqual([...names].filter((name) => !served.has(name)), []);
}

/** Clusters of which the first is of a generation. */
function clustersText(generation: number): string {
  const resources = Array.from(
    { length: CLUSTERS },
    (_, index) => clusterJson(`c${index}`, index === 0 ? generation : 0),
  );
  return JSON.stringify({ resources });
}

interface Opening {
  readonly connections: readonly GrpcClient[];
  /** What clients have from before. */
  readonly known: Readonly<Record<string, string>>;
  /** What they are to get; everything when absent. */
  readonly changed?: readonly string[];
}

/** Opens streams that ask for all clusters, checks what they get, and returns its versions. */
async function openStreams(
  clients: AsyncDisposableStack,
  { connections, known, changed }: Opening,
): Promise<Readonly<Record<string, string>>> {
  await Promise.all(connections.map((client) => client.waitForReady(20_000)));
  const streams = Array.from({ length: STREAMS }, (_, index): DeltaStream => {
    const client = connections[index % connections.length] as GrpcClient;
    const stream = clients.use(XdsStream.delta(client));
    stream.send({
      node: { ...testNode, id: `node-${index}` },
      typeUrl: CLUSTER_TYPE,
      initialResourceVersions: known,
    });
    return stream;
  });
  let versions = known;
  for (const stream of streams) {
    const { resources, removedResources, nonce } = await stream.response(0);
    stream.send({ typeUrl: CLUSTER_TYPE, responseNonce: nonce });
    if (changed !== undefined) assert.deepEqual(resources.map(({ name }) => name), changed);
    else assert.equal(resources.length, CLUSTERS);
    assert.deepEqual(removedResources, []);
    versions = Object.fromEntries(resources.map(({ name, version }) => [name, version]));
  }
  return versions;
}
