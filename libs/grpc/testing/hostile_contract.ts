// SPDX-License-Identifier: Apache-2.0
/**
 * The part of the contract that is about peers that mean no good: whatever they send, honest calls
 * on other connections succeed.
 * @module
 */
import assert from "node:assert/strict";
import type { GrpcClient } from "../client.ts";
import { echoMethods } from "./call_contract.ts";
import type { Contract } from "./contract.ts";
import { bidiEcho, unaryEcho } from "./echo_service.ts";
import { until, withServer } from "./harness.ts";
import { frameType, RawPeer } from "./raw_peer.ts";

type Attack = (peer: RawPeer) => Promise<unknown>;

const unaryPath = `/${unaryEcho.service}/${unaryEcho.method}`;
const bidiPath = `/${bidiEcho.service}/${bidiEcho.method}`;

/** After the prefaces were exchanged as they should be. */
const attacks: Readonly<Record<string, Attack>> = {
  "random bytes": (peer) => peer.sendBytes(randomBytes(20_000, 1)),
  "an invalid header block": (peer) => sendHeaders(peer, new Uint8Array(100).fill(0xff)),
  "a header block that refers to nothing": (peer) => sendHeaders(peer, new Uint8Array([0xbf])),
  "headers without a path": (peer) => sendHeaders(peer, new Uint8Array([0x83])),
  "an empty path": (peer) => peer.open(""),
  "a path of strange bytes": (peer) => peer.open("/größe/\u{1f600}", { endStream: true }),
  "no method": (peer) => peer.open("/", { headers: { ":method": "" }, endStream: true }),
  "upper-case names": (peer) => peer.open(unaryPath, { headers: { "X-Upper": "1" } }),
  "a line break in a value": (peer) => peer.open(unaryPath, { headers: { "x-a": "b\r\nc: d" } }),
  "bad base64 in -bin": (peer) =>
    peer.open(unaryPath, { headers: { "x-bin": "%%%" }, endStream: true }),
  "a timeout that is none": (peer) =>
    peer.open(unaryPath, { headers: { "grpc-timeout": "soon" }, endStream: true }),
  "data on a stream that is not open": (peer) => peer.sendMessage(99, new Uint8Array(10)),
  "data on stream 0": (peer) => peer.sendMessage(0, new Uint8Array(10)),
  "a frame larger than allowed": (peer) =>
    peer.sendFrame({ type: frameType.data, flags: 0, streamId: 1, payload: new Uint8Array(1e6) }),
  "a window of zero": async (peer) => peer.grant(await peer.open(bidiPath), 0),
  "a window that overflows": async (peer) => {
    const stream = await peer.open(bidiPath);
    await peer.grant(stream, 0x7fff_ffff);
    await peer.grant(stream, 0x7fff_ffff);
  },
  "settings of odd length": (peer) =>
    peer.sendFrame({
      type: frameType.settings,
      flags: 0,
      streamId: 0,
      payload: new Uint8Array(7),
    }),
  "a message that claims 4 GB": async (peer) => {
    const stream = await peer.open(bidiPath);
    const payload = new Uint8Array([0, 255, 255, 255, 255, 1, 2, 3]);
    await peer.sendFrame({ type: frameType.data, flags: 0, streamId: stream, payload });
  },
  "a stream reset as soon as it is open, 200 times": async (peer) => {
    for (let i = 0; i < 200; i++) await peer.cancel(await peer.open(bidiPath));
  },
  "half a message and the end of the connection": async (peer) => {
    const stream = await peer.open(unaryPath);
    const payload = new Uint8Array([0, 0, 0, 1, 0, 65]);
    await peer.sendFrame({ type: frameType.data, flags: 0, streamId: stream, payload });
  },
  "half a message and the end of the stream": async (peer) => {
    const stream = await peer.open(unaryPath);
    const payload = new Uint8Array([0, 0, 0, 1, 0, 65]);
    await peer.sendFrame({ type: frameType.data, flags: 1, streamId: stream, payload });
  },
};

/** Peers that mean no good. */
export const hostileContract: Contract = {
  "honest calls succeed beside attacks on the connection": async (adapter, t) => {
    await withServer(adapter, { methods: echoMethods }, async ({ server, client }) => {
      for (const [what, attack] of Object.entries(attacks)) {
        await t.step(what, async () => {
          const peer = await RawPeer.connect(server.address);
          // The server may well close the connection while the attack goes on.
          await attack(peer).catch(() => {});
          await assertHonestCalls(client);
          await peer.close();
          await assertHonestCalls(client);
        });
      }
    });
  },

  "honest calls succeed beside bytes that are no HTTP/2": async (adapter) => {
    await withServer(adapter, { methods: echoMethods }, async ({ server, client }) => {
      const greetings = [
        new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        new Uint8Array([22, 3, 1, 0, 5, 1, 0, 0, 1, 0]),
        ...[2, 3, 4, 5].map((seed) => randomBytes(seed * 1000, seed)),
      ];
      for (const greeting of greetings) {
        const peer = await RawPeer.connect(server.address, { silent: true });
        await peer.sendBytes(greeting).catch(() => {});
        await assertHonestCalls(client);
        await peer.close();
      }
    });
  },

  "a peer may ping on a connection without streams": async (adapter) => {
    await withServer(adapter, { methods: echoMethods }, async ({ server }) => {
      await using peer = await RawPeer.connect(server.address);
      await peer.pingTimes(50);
      assert.ok(!peer.closed && !peer.has(frameType.goaway, 0));
    });
  },

  "connections over the limit are closed, those within it served": async (adapter) => {
    const options = { methods: echoMethods, limits: { maxConnections: 2 } };
    await withServer(adapter, options, async ({ server, client }) => {
      await assertHonestCalls(client);
      await using _second = await RawPeer.connect(server.address);
      await using third = await RawPeer.connect(server.address, { silent: true });
      await until("the third is closed", () => third.closed);
      await assertHonestCalls(client);
    });
  },
};

async function assertHonestCalls(client: GrpcClient): Promise<void> {
  const answers = await Promise.all(
    ["a", "b", "c"].map((text) => client.unary(unaryEcho, text, { timeoutMs: 10_000 })),
  );
  assert.deepEqual(answers, ["a", "b", "c"]);
}

function sendHeaders(peer: RawPeer, payload: Uint8Array): Promise<void> {
  return peer.sendFrame({ type: frameType.headers, flags: 0x5, streamId: 1, payload });
}

/** The same bytes for the same seed, so that a failure can be had again. */
function randomBytes(length: number, seed: number): Uint8Array {
  let state = seed;
  return new Uint8Array(length).map(() => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}
