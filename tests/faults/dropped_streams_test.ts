// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { frameType, RawPeer } from "@denvoy/grpc/testing";
import { type DenvoyAds, eventually, startDenvoyAds, TempFolder } from "../support/mod.ts";
import { assertUnharmed, heapOf, memoryIsBelow, metric, streamsAreDown } from "./ads_health.ts";
import { HonestClient } from "./honest_client.ts";
import { CLUSTER_TYPE, clusterJson, ENDPOINTS_TYPE, endpointsJson } from "./http_api.ts";
import { DELTA_PATH } from "./raw_attacks.ts";
import { deltaMethod, testNode } from "./xds_stream.ts";

const PEERS = 60;
const PEERS_AT_ONCE = 10;
const STREAMS_OF_EACH = 5;
/** What 5,400 streams may hold together with the service itself: about as much as no stream. */
const HEAP_MIB = 96;

/** What has happened on a stream when it is dropped. */
const stages: Readonly<Record<string, (peer: RawPeer, streamId: number) => Promise<void>>> = {
  "before the first request": () => Promise.resolve(),
  "after half of the first request": async (peer, streamId) => {
    const payload = new Uint8Array([0, 0, 0, 1, 0, 10]);
    await peer.sendFrame({ type: frameType.data, flags: 0, streamId, payload });
  },
  "after the first request": (peer, streamId) => peer.sendMessage(streamId, clustersRequest),
  "in the middle of a large response": async (peer, streamId) => {
    await peer.sendMessage(streamId, largeRequest);
    await hasData(peer, streamId);
  },
  "after a response": async (peer, streamId) => {
    await peer.sendMessage(streamId, clustersRequest);
    await hasData(peer, streamId);
  },
  "after an ACK": async (peer, streamId) => {
    await peer.sendMessage(streamId, clustersRequest);
    await hasData(peer, streamId);
    await peer.sendMessage(streamId, encode({ typeUrl: CLUSTER_TYPE, responseNonce: "any" }));
  },
};

const clustersRequest = encode({ node: testNode, typeUrl: CLUSTER_TYPE });
const largeRequest = encode({
  node: testNode,
  typeUrl: ENDPOINTS_TYPE,
  resourceNamesSubscribe: ["large"],
});

/** How a stream is dropped. */
const drops: Readonly<Record<string, (peer: RawPeer, streamId: number) => Promise<void>>> = {
  "reset": (peer, streamId) => peer.cancel(streamId),
  "half-closed": (peer, streamId) =>
    peer.sendFrame({ type: frameType.data, flags: 1, streamId, payload: new Uint8Array() }),
  "left to the end of the connection": () => Promise.resolve(),
};

for (const transport of ["native", "grpc-js"]) {
  Deno.test(`${transport}: streams that are dropped at every stage leave nothing behind`, async (t) => {
    const resources = [clusterJson("a"), endpointsJson("large", { count: 5_000 })];
    await using folder = await TempFolder.create({ "all.json": JSON.stringify({ resources }) });
    await using ads = await startDenvoyAds({
      resources: folder.path,
      flags: ["--grpc-server", transport],
      env: heapOf(HEAP_MIB),
    });
    await using honest = await HonestClient.connect(ads);
    for (const [stage, advance] of Object.entries(stages)) {
      for (const [how, drop] of Object.entries(drops)) {
        await t.step(`${how} ${stage}`, async () => {
          await honest.askDuring(() => dropStreams(ads, { advance, drop, peers: PEERS }));
          await streamsAreDown(ads, 1);
          assertUnharmed(ads);
        });
      }
    }
    assert.equal(await metric(ads, "ads_connected_nodes"), 1);
    await memoryIsBelow(ads, HEAP_MIB + 256);
  });
}

interface Dropping {
  readonly advance: (peer: RawPeer, streamId: number) => Promise<void>;
  readonly drop: (peer: RawPeer, streamId: number) => Promise<void>;
  readonly peers: number;
}

async function dropStreams(ads: DenvoyAds, { peers, ...dropping }: Dropping): Promise<void> {
  for (let i = 0; i < peers; i += PEERS_AT_ONCE) {
    await Promise.all(Array.from({ length: PEERS_AT_ONCE }, () => dropPeer(ads, dropping)));
  }
}

async function dropPeer(
  ads: DenvoyAds,
  { advance, drop }: Omit<Dropping, "peers">,
): Promise<void> {
  await using peer = await RawPeer.connect(ads.grpcAddress);
  for (let i = 0; i < STREAMS_OF_EACH; i++) {
    const streamId = await peer.open(DELTA_PATH);
    await advance(peer, streamId);
    await drop(peer, streamId);
    await payBack(peer);
  }
}

/** Gives the connection the window back that a stream may have used, for the streams to come. */
function payBack(peer: RawPeer): Promise<void> {
  const payload = new Uint8Array([0, 1, 0, 0]);
  return peer.sendFrame({ type: frameType.windowUpdate, flags: 0, streamId: 0, payload });
}

async function hasData(peer: RawPeer, streamId: number): Promise<void> {
  await eventually(() => peer.has(frameType.data, streamId), { what: "a part of a response" });
}

function encode(request: Parameters<typeof deltaMethod.request.encode>[0]): Uint8Array {
  return deltaMethod.request.encode(request) as Uint8Array;
}
