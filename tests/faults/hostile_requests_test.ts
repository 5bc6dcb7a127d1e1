// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { StatusCode } from "@denvoy/base";
import { connectGrpc, type GrpcClient } from "@denvoy/grpc";
import { messageFromBinary, toJson } from "@denvoy/proto";
import { type DenvoyAds, eventually, startDenvoyAds, TempFolder } from "../support/mod.ts";
import { assertUnharmed, heapOf, memoryIsBelow, metric, streamsAreDown } from "./ads_health.ts";
import { HonestClient } from "./honest_client.ts";
import { changeCluster, CLUSTER_TYPE, clusterJson, ENDPOINTS_TYPE } from "./http_api.ts";
import { sotwMethod, testNode, XdsStream } from "./xds_stream.ts";

/** What requests may take, with 100,000 names in one of them, together with the service itself. */
const HEAP_MIB = 384;

/** An ads with a few clusters, an honest client, and the client that a test misbehaves with. */
async function withAds(
  transport: string,
  body: (ads: DenvoyAds, client: GrpcClient, honest: HonestClient) => Promise<void>,
): Promise<void> {
  const clusters = ["a", "b", "c"].map((name) => clusterJson(name));
  await using folder = await TempFolder.create({
    "clusters.json": JSON.stringify({ resources: clusters }),
  });
  await using ads = await startDenvoyAds({
    resources: folder.path,
    flags: ["--grpc-server", transport],
    env: heapOf(HEAP_MIB),
  });
  await using honest = await HonestClient.connect(ads);
  await using client = connectGrpc({ address: ads.grpcAddress });
  await body(ads, client, honest);
  await streamsAreDown(ads, 1);
  assertUnharmed(ads);
}

for (const transport of ["native", "grpc-js"]) {
  Deno.test(`${transport}: requests that make no sense end in a status, or in patience`, async (t) => {
    await withAds(transport, async (_ads, client) => {
      await t.step("a type that nobody knows is remembered, and harms no other type", async () => {
        await using stream = XdsStream.delta(client);
        stream.send({ node: testNode, typeUrl: "type.googleapis.com/no.Such" });
        stream.send({ typeUrl: CLUSTER_TYPE });
        const { typeUrl, resources } = await eventually(
          () => stream.responses.find((response) => response.typeUrl === CLUSTER_TYPE),
          { what: "clusters" },
        );
        assert.equal(typeUrl, CLUSTER_TYPE);
        assert.equal(resources.length, 3);
      });
      await t.step("more types than there can be are RESOURCE_EXHAUSTED", async () => {
        await using stream = XdsStream.delta(client);
        for (let i = 0; i < 1_000; i++) {
          stream.send({ node: testNode, typeUrl: `type/no.Such${i}` });
        }
        assert.equal((await stream.failure()).code, StatusCode.RESOURCE_EXHAUSTED);
      });
      await t.step("no type on the aggregated service is INVALID_ARGUMENT", async () => {
        await using stream = XdsStream.delta(client);
        stream.send({ node: testNode });
        assert.equal((await stream.failure()).code, StatusCode.INVALID_ARGUMENT);
      });
      await t.step("another type on a service of one is INVALID_ARGUMENT", async () => {
        const method = {
          ...sotwMethod,
          service: "envoy.service.cluster.v3.ClusterDiscoveryService",
          method: "StreamClusters",
        };
        await using stream = new XdsStream(client, method);
        stream.send({ node: testNode, typeUrl: ENDPOINTS_TYPE, resourceNames: ["a"] });
        assert.equal((await stream.failure()).code, StatusCode.INVALID_ARGUMENT);
      });
      await t.step("a client without a node is served", async () => {
        await using stream = XdsStream.sotw(client);
        stream.send({ typeUrl: CLUSTER_TYPE });
        assert.equal((await stream.response(0)).resources.length, 3);
      });
      await t.step("a method that does not exist is UNIMPLEMENTED", async () => {
        await using stream = new XdsStream(client, { ...sotwMethod, method: "NoSuch" });
        stream.send({ node: testNode });
        assert.equal((await stream.failure()).code, StatusCode.UNIMPLEMENTED);
      });
    });
  });

  Deno.test(`${transport}: stale nonces by the thousand are ignored`, async () => {
    await withAds(transport, async (_ads, client, honest) => {
      await using stream = XdsStream.sotw(client);
      stream.send({ node: testNode, typeUrl: CLUSTER_TYPE });
      await stream.response(0);
      await honest.askDuring(async () => {
        for (let i = 0; i < 5_000; i++) {
          stream.send({ typeUrl: CLUSTER_TYPE, responseNonce: `stale-${i}` });
        }
        stream.send({ typeUrl: ENDPOINTS_TYPE, resourceNames: ["last"] });
        await answered(stream, ENDPOINTS_TYPE);
      });
      const clusters = stream.responses.filter(({ typeUrl }) => typeUrl === CLUSTER_TYPE);
      assert.equal(clusters.length, 1);
    });
  });

  Deno.test(`${transport}: 10,000 and 100,000 names are answered, more are refused`, async (t) => {
    await withAds(transport, async (ads, client, honest) => {
      for (const count of [10_000, 100_000]) {
        for (const mode of ["delta", "sotw"] as const) {
          await t.step(`${count} names, ${mode}`, async () => {
            await honest.askDuring(() => askForNames(client, { count, mode }));
          });
        }
      }
      await t.step("100,001 names are RESOURCE_EXHAUSTED", async () => {
        await using stream = XdsStream.delta(client);
        stream.send({
          node: testNode,
          typeUrl: ENDPOINTS_TYPE,
          resourceNamesSubscribe: names(100_001),
        });
        assert.equal((await stream.failure()).code, StatusCode.RESOURCE_EXHAUSTED);
      });
      await t.step("names that are too long are RESOURCE_EXHAUSTED", async () => {
        await using stream = XdsStream.delta(client);
        const name = "n".repeat(17 * 2 ** 20);
        stream.send({ node: testNode, typeUrl: ENDPOINTS_TYPE, resourceNamesSubscribe: [name] });
        assert.equal((await stream.failure()).code, StatusCode.RESOURCE_EXHAUSTED);
      });
      await streamsAreDown(ads, 1);
      await memoryIsBelow(ads, HEAP_MIB + 256);
    });
  });

  Deno.test(`${transport}: a client that subscribes and unsubscribes without end costs nobody else`, async () => {
    await withAds(transport, async (ads, client, honest) => {
      await using stream = XdsStream.delta(client);
      stream.send({ node: testNode, typeUrl: CLUSTER_TYPE, resourceNamesSubscribe: ["a"] });
      await honest.askDuring(async () => {
        for (let round = 0; round < 5_000; round++) {
          const responseNonce = stream.responses.at(-1)?.nonce ?? "";
          const known = { typeUrl: CLUSTER_TYPE, responseNonce };
          stream.send({ ...known, resourceNamesSubscribe: ["a", `x${round}`, "*"] });
          stream.send({ ...known, resourceNamesUnsubscribe: ["a", `x${round}`, "*"] });
          if (round % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
        }
        stream.send({ typeUrl: ENDPOINTS_TYPE, resourceNamesSubscribe: ["last"] });
        await answered(stream, ENDPOINTS_TYPE);
      });
      await memoryIsBelow(ads, HEAP_MIB + 128);
    });
  });
}

Deno.test("a client that rejects everything is sent nothing twice", async () => {
  await withAds("native", async (ads, client, honest) => {
    await using stream = XdsStream.delta(client);
    stream.send({ node: testNode, typeUrl: CLUSTER_TYPE });
    let answered = 0;
    const rejectAll = () => {
      for (; answered < stream.responses.length; answered++) {
        const responseNonce = stream.responses[answered]?.nonce ?? "";
        const errorDetail = { code: StatusCode.INVALID_ARGUMENT, message: "never" };
        stream.send({ typeUrl: CLUSTER_TYPE, responseNonce, errorDetail });
      }
    };
    const versions = () =>
      stream.responses.flatMap(({ resources }) =>
        resources.map(({ name, version }) => `${name}@${version}`)
      );
    const ticker = setInterval(rejectAll, 5);
    await honest.askDuring(() => changeCluster(ads, { name: "d", times: 50 }));
    await eventually(() => answered === stream.responses.length && answered > 1, {
      what: "all to be rejected",
    });
    clearInterval(ticker);
    const sent = versions();
    // The first rejection names nobody, so each of its suspects is tried once alone.
    const most = Math.max(
      ...new Map(sent.map((one) => [one, sent.filter((v) => v === one).length])).values(),
    );
    assert.ok(most <= 2, `no version may be sent again and again: ${most} times`);
    assert.ok(await metric(ads, "ads_rejected_resources") >= 3);
  });
});

Deno.test("a client that never answers holds one response of each type", async () => {
  await withAds("native", async (ads, client, honest) => {
    await using stream = XdsStream.delta(client);
    stream.send({ node: testNode, typeUrl: CLUSTER_TYPE });
    await stream.response(0);
    await honest.askDuring(() => changeCluster(ads, { name: "d", times: 100 }));
    assert.equal(stream.responses.length, 1);
    stream.send({ typeUrl: CLUSTER_TYPE, responseNonce: stream.responses[0]?.nonce ?? "" });
    const next = await stream.response(1);
    assert.deepEqual(next.resources.map(({ name }) => name), ["d"]);
    const { value = new Uint8Array() } = next.resources[0]?.resource ?? {};
    const cluster = toJson(messageFromBinary(CLUSTER_TYPE, value)) as { connect_timeout: string };
    assert.equal(cluster.connect_timeout, "101s");
  });
});

function names(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `outbound|8080||service-${index}.mesh.local`);
}

async function askForNames(
  client: GrpcClient,
  { count, mode }: { readonly count: number; readonly mode: "delta" | "sotw" },
): Promise<void> {
  const typeUrl = ENDPOINTS_TYPE;
  if (mode === "delta") {
    await using stream = XdsStream.delta(client);
    stream.send({ node: testNode, typeUrl, resourceNamesSubscribe: names(count) });
    const { removedResources } = await stream.response(0);
    assert.equal(removedResources.length, count);
    return;
  }
  await using stream = XdsStream.sotw(client);
  stream.send({ node: testNode, typeUrl, resourceNames: names(count) });
  const { resourceErrors } = await stream.response(0);
  assert.equal(resourceErrors.length, count);
}

async function answered(
  stream: { readonly responses: readonly { readonly typeUrl: string }[] },
  wanted: string,
): Promise<void> {
  await eventually(() => stream.responses.some(({ typeUrl }) => typeUrl === wanted), {
    what: `a response of ${wanted}`,
    withinMs: 20_000,
  });
}
