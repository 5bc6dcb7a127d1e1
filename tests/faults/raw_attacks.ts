// SPDX-License-Identifier: Apache-2.0
/**
 * What peers that mean no good send to the gRPC port, frame by frame.
 * @module
 */
import { frameMessage, frameType, RawPeer } from "@denvoy/grpc/testing";
import { eventually } from "../support/mod.ts";

/** Path of the Delta stream of the aggregated service. */
export const DELTA_PATH =
  "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

const DATA_CHUNK = 16_384;

/** Returns the same bytes for the same seed, so that a failure can be had again. */
export function randomBytes(length: number, seed: number): Uint8Array<ArrayBuffer> {
  let state = seed;
  return new Uint8Array(length).map(() => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

/** Connects, attacks, and closes; that the server breaks off on the way is its right. */
export async function attackRaw(
  address: string,
  attack: (peer: RawPeer) => Promise<unknown>,
): Promise<void> {
  await using peer = await RawPeer.connect(address);
  await attack(peer).catch(() => {});
}

/** Sends bytes instead of an HTTP/2 preface and waits until the server hangs up, or not. */
export async function sendInsteadOfPreface(address: string, bytes: Uint8Array): Promise<void> {
  await using peer = await RawPeer.connect(address, { silent: true });
  await peer.sendBytes(bytes).catch(() => {});
}

/** Sends bytes as DATA as fast as the server's windows let it; ends early when it has enough. */
export async function sendPaced(
  peer: RawPeer,
  streamId: number,
  bytes: Uint8Array,
): Promise<number> {
  const over = () => peer.closed || peer.ended(streamId);
  let sent = 0;
  while (sent < bytes.length) {
    await eventually(() => over() || sentRoom(peer, streamId, sent) > 0, {
      what: "room to send, or the end of the stream",
      withinMs: 20_000,
    });
    if (over()) break;
    const size = Math.min(DATA_CHUNK, bytes.length - sent, sentRoom(peer, streamId, sent));
    const payload = bytes.subarray(sent, sent + size);
    await peer.sendFrame({ type: frameType.data, flags: 0, streamId, payload });
    sent += size;
  }
  return sent;
}

/** What may still be sent when `sent` bytes went out on the only stream of the connection. */
function sentRoom(peer: RawPeer, streamId: number, sent: number): number {
  return peer.sendWindow(streamId) - sent;
}

/** Waits until the server has ended the stream or the connection. */
export async function refused(peer: RawPeer, streamId: number, what: string): Promise<void> {
  await eventually(() => peer.closed || peer.ended(streamId), {
    what: `the end of a stream after ${what}`,
    withinMs: 10_000,
  });
}

/** Returns a gRPC message that says it is compressed by gzip and becomes `size` bytes of zeros. */
export async function gzipBomb(size: number): Promise<Uint8Array> {
  const chunk = new Uint8Array(2 ** 20);
  const zeros = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      controller.enqueue(chunk);
      size -= chunk.length;
      if (size <= 0) controller.close();
    },
  });
  const packed = await new Response(zeros.pipeThrough(new CompressionStream("gzip"))).bytes();
  return frameMessage(packed, true);
}

// Made beforehand: to pack it keeps this process busy, and honest clients live in it, too.
const bomb = await gzipBomb(256 * 2 ** 20);

/** Attacks that need a connection whose prefaces are exchanged; each ends by itself. */
export const rawAttacks: Readonly<Record<string, (peer: RawPeer) => Promise<unknown>>> = {
  "random bytes": (peer) => peer.sendBytes(randomBytes(50_000, 7)),
  "random frames of every type": async (peer) => {
    for (let seed = 0; seed < 256; seed++) {
      const payload = randomBytes(seed, seed);
      await peer.sendFrame({ type: seed % 16, flags: seed, streamId: seed % 5, payload });
    }
  },
  "a header block of garbage": (peer) =>
    peer.sendFrame({
      type: frameType.headers,
      flags: 0x5,
      streamId: 1,
      payload: randomBytes(200, 3),
    }),
  "a header list of a megabyte": (peer) =>
    peer.open(DELTA_PATH, { headers: { "x-large": "a".repeat(15_000) } }).then(async () => {
      for (let i = 0; i < 64; i++) await peer.open(DELTA_PATH, { headers: largeHeaders() });
    }),
  "CONTINUATION without end": async (peer) => {
    const head = { type: frameType.headers, flags: 0, streamId: 1, payload: new Uint8Array() };
    await peer.sendFrame(head);
    for (let i = 0; i < 20_000 && !peer.closed; i++) {
      const payload = new Uint8Array([0x40, 1, 97, 1, 98]);
      await peer.sendFrame({ type: 9, flags: 0, streamId: 1, payload });
    }
  },
  "a message that says it has 100 MB, and no more": async (peer) => {
    const streamId = await peer.open(DELTA_PATH);
    const payload = new Uint8Array([0, 0x05, 0xf5, 0xe1, 0x00, 1, 2, 3]);
    await peer.sendFrame({ type: frameType.data, flags: 0, streamId, payload });
    await refused(peer, streamId, "100 MB declared");
  },
  "a message that says it has 4 GB": async (peer) => {
    const streamId = await peer.open(DELTA_PATH);
    const payload = new Uint8Array([0, 255, 255, 255, 255, 1]);
    await peer.sendFrame({ type: frameType.data, flags: 0, streamId, payload });
    await refused(peer, streamId, "4 GB declared");
  },
  "compressed with something that nobody knows": async (peer) => {
    const streamId = await peer.open(DELTA_PATH, { headers: { "grpc-encoding": "brotli?" } });
    await peer.sendMessage(streamId, new Uint8Array(100));
    await refused(peer, streamId, "an unknown compression");
  },
  "compressed garbage": async (peer) => {
    const streamId = await peer.open(DELTA_PATH, { headers: { "grpc-encoding": "gzip" } });
    await sendPaced(peer, streamId, frameMessage(randomBytes(5_000, 9), true));
    await refused(peer, streamId, "compressed garbage");
  },
  "a compression bomb of 256 MB": async (peer) => {
    const streamId = await peer.open(DELTA_PATH, { headers: { "grpc-encoding": "gzip" } });
    await sendPaced(peer, streamId, bomb);
    await refused(peer, streamId, "a bomb");
  },
  "protobuf that is none": async (peer) => {
    const streamId = await peer.open(DELTA_PATH);
    await peer.sendMessage(streamId, randomBytes(1_000, 5));
    await refused(peer, streamId, "garbage in a message");
  },
};

/** Attacks that wear a server out by numbers; only our own transport bounds them all. */
export const floods: Readonly<Record<string, (peer: RawPeer) => Promise<unknown>>> = {
  "20,000 streams reset as soon as they are open": async (peer) => {
    for (let i = 0; i < 20_000 && !peer.closed; i++) await peer.cancel(await peer.open(DELTA_PATH));
  },
  "20,000 pings": async (peer) => {
    const payload = new Uint8Array(8);
    for (let i = 0; i < 20_000 && !peer.closed; i++) {
      await peer.sendFrame({ type: frameType.ping, flags: 0, streamId: 0, payload });
    }
  },
  "20,000 settings": async (peer) => {
    const payload = new Uint8Array([0, 4, 0, 0, 255, 255]);
    for (let i = 0; i < 20_000 && !peer.closed; i++) {
      await peer.sendFrame({ type: frameType.settings, flags: 0, streamId: 0, payload });
    }
  },
  "20,000 empty DATA frames": async (peer) => {
    const streamId = await peer.open(DELTA_PATH);
    const payload = new Uint8Array();
    for (let i = 0; i < 20_000 && !peer.closed; i++) {
      await peer.sendFrame({ type: frameType.data, flags: 0, streamId, payload });
    }
  },
};

function largeHeaders(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Array.from({ length: 15 }, (_, index) => [`x-${index}`, "b".repeat(1_000)]),
  );
}
