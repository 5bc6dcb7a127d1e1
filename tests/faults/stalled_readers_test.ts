// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { connectGrpc } from "@denvoy/grpc";
import { RawPeer } from "@denvoy/grpc/testing";
import { type DenvoyAds, startDenvoyAds, TempFolder } from "../support/mod.ts";
import { assertUnharmed, heapOf, memoryIsBelow, streamsAreDown } from "./ads_health.ts";
import { HonestClient, PATIENCE_MS } from "./honest_client.ts";
import { ENDPOINTS_TYPE, endpointsJson, put } from "./http_api.ts";
import { DELTA_PATH } from "./raw_attacks.ts";
import { deltaMethod, type DeltaStream, testNode, XdsStream } from "./xds_stream.ts";

const CLUSTERS = 200;
const ENDPOINTS = 100;
const STALLED_EACH = 15;
const CHANGES = 1_000;
/** Little more than the resources take: what stalled clients are owed is not kept for each. */
const HEAP_MIB = 192;

/** In which way a peer does not read. */
const stalls: Readonly<Record<string, (peer: RawPeer, streamId: number) => Promise<void>>> = {
  "gives no window": () => Promise.resolve(),
  "gives every window and does not read its socket": async (peer, streamId) => {
    peer.stopReading();
    await peer.grant(streamId, 0x3fff_ffff);
  },
};

Deno.test("clients that never read cost little and delay nobody while 1,000 changes happen", async () => {
  await using folder = await TempFolder.create(endpointsFiles());
  await using ads = await startDenvoyAds({ resources: folder.path, env: heapOf(HEAP_MIB) });
  await using honest = await HonestClient.connect(ads);
  await using client = connectGrpc({ address: ads.grpcAddress });
  await using follower = XdsStream.delta(client);
  follower.send({ node: testNode, typeUrl: ENDPOINTS_TYPE, resourceNamesSubscribe: ["c0"] });
  await follower.response(0);
  await using stalled = new AsyncDisposableStack();
  for (const stall of Object.values(stalls)) {
    for (let i = 0; i < STALLED_EACH; i++) stalled.use(await stalledPeer(ads, stall));
  }

  let worstMs = 0;
  await honest.askDuring(async () => {
    for (let generation = 1; generation <= CHANGES; generation++) {
      const waitedMs = await followOneChange(ads, { follower, generation });
      worstMs = Math.max(worstMs, waitedMs);
    }
  });
  assert.ok(worstMs < PATIENCE_MS, `a change must reach others at once: ${worstMs} ms`);
  await memoryIsBelow(ads, HEAP_MIB + 256);
  await stalled.disposeAsync();
  await streamsAreDown(ads, 2);
  assertUnharmed(ads);
});

function endpointsFiles(): Readonly<Record<string, string>> {
  const files = Array.from({ length: CLUSTERS }, (_, index) => {
    const resources = [endpointsJson(`c${index}`, { count: ENDPOINTS })];
    return [`c${index}.json`, JSON.stringify({ resources })];
  });
  return Object.fromEntries(files);
}

/** A peer that asks for everything and reads none of it. */
async function stalledPeer(
  ads: DenvoyAds,
  stall: (peer: RawPeer, streamId: number) => Promise<void>,
): Promise<RawPeer> {
  const peer = await RawPeer.connect(ads.grpcAddress);
  const streamId = await peer.open(DELTA_PATH);
  await stall(peer, streamId);
  const resourceNamesSubscribe = Array.from({ length: CLUSTERS }, (_, index) => `c${index}`);
  const request = deltaMethod.request.encode({
    node: testNode,
    typeUrl: ENDPOINTS_TYPE,
    resourceNamesSubscribe,
  });
  await peer.sendMessage(streamId, request as Uint8Array);
  return peer;
}

/** Changes a resource that everybody wants; returns the time until the follower has it. */
async function followOneChange(
  ads: DenvoyAds,
  { follower, generation }: { readonly follower: DeltaStream; readonly generation: number },
): Promise<number> {
  const responseNonce = follower.responses.at(-1)?.nonce ?? "";
  follower.send({ typeUrl: ENDPOINTS_TYPE, responseNonce });
  const startMs = performance.now();
  // One endpoint more or less each time, so that no content comes back.
  const count = ENDPOINTS + generation % 2;
  await put(ads, "endpoints/c0", endpointsJson("c0", { count, generation }));
  await follower.response(generation);
  return performance.now() - startMs;
}
