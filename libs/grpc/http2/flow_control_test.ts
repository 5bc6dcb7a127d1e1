// SPDX-License-Identifier: Apache-2.0
/** Flow control of RFC 9113 sections 5.2 and 6.9, in both directions. */
import assert from "node:assert/strict";
import { encodeStateless } from "./hpack_encoder.ts";
import type { Stream } from "./stream.ts";
import {
  bytes,
  data,
  request,
  reset,
  settings,
  TestConnection,
  windowUpdate,
  zeros,
} from "./testing.ts";

const LEAD = bytes(0, 0, 0, 0, 1);
const TRAILERS = encodeStateless([["grpc-status", "0"]]);

function open(peer: TestConnection, id: number): Stream {
  peer.send(request(id, { last: true }));
  return peer.stream(id);
}

function initialWindow(bytes: number): TestConnection {
  const peer = new TestConnection();
  peer.send(settings([4, bytes]));
  peer.sent();
  return peer;
}

Deno.test("sendData() sends as far as the stream's window, and goes on as it opens", () => {
  const peer = initialWindow(10);
  const stream = open(peer, 1);
  assert.equal(stream.sendData(LEAD, [zeros(4), zeros(0), zeros(11)]), false);
  assert.deepEqual(peer.sent(), ["DATA 1 +10"]);
  peer.send(windowUpdate(1, 4));
  assert.deepEqual(peer.sent(), ["DATA 1 +4"]);
  assert.ok(!peer.acceptor.events.includes("drained 1"));
  peer.send(windowUpdate(1, 100));
  assert.deepEqual(peer.sent(), ["DATA 1 +6"]);
  assert.ok(peer.acceptor.events.includes("drained 1"));
});

Deno.test("sendData() sends the octets of shared chunks in order, whatever the frames", () => {
  const body = [Uint8Array.from({ length: 50 }, (_, at) => at), bytes(200, 201)];
  for (const window of [1, 7, 55, 1_000]) {
    const peer = initialWindow(window);
    const stream = open(peer, 1);
    stream.sendData(LEAD, body);
    const received: number[] = [];
    for (let round = 0; round < 100 && received.length < 57; round++) {
      for (const { payload } of peer.sentFrames()) received.push(...payload);
      peer.send(windowUpdate(1, window));
    }
    assert.deepEqual(received, [...LEAD, ...body[0] ?? [], 200, 201]);
  }
});

Deno.test("sendEnd() waits behind the data, and closes the stream", () => {
  const peer = initialWindow(3);
  const stream = open(peer, 1);
  stream.sendData(LEAD, zeros(1));
  stream.sendEnd(TRAILERS);
  assert.deepEqual(peer.sent(), ["DATA 1 +3"]);
  assert.equal(stream.closed, false);
  peer.send(windowUpdate(1, 3));
  assert.deepEqual(peer.sent(), ["DATA 1 +3", "HEADERS 1 end"]);
  assert.equal(stream.closed, true);
  assert.equal(peer.connection.openStreams, 0);
});

Deno.test("answer() falls back to frames that wait when the response does not fit", () => {
  const peer = initialWindow(6);
  const stream = open(peer, 1);
  stream.answer({ headers: bytes(0x88), lead: LEAD, body: zeros(20), trailers: TRAILERS });
  assert.deepEqual(peer.sent(), ["HEADERS 1", "DATA 1 +6"]);
  peer.send(windowUpdate(1, 1_000));
  assert.deepEqual(peer.sent(), ["DATA 1 +19", "HEADERS 1 end"]);
});

Deno.test("the connection's window holds for all streams together, in turns", () => {
  const peer = new TestConnection();
  peer.send(settings([4, 1_000_000]));
  peer.sent();
  const [first, second] = [open(peer, 1), open(peer, 3)];
  first.sendData(LEAD, zeros(100_000));
  second.sendData(LEAD, zeros(100_000));
  let sent = 0;
  for (let frames = peer.sentFrames(); frames.length > 0; frames = peer.sentFrames()) {
    for (const { payload } of frames) sent += payload.byteLength;
  }
  assert.equal(sent, 65_535);
  peer.send(windowUpdate(0, 16_384 * 2));
  assert.deepEqual(peer.sent().sort(), ["DATA 1 +16384", "DATA 3 +16384"]);
});

Deno.test("SETTINGS can take a window below zero (section 6.9.2)", () => {
  const peer = initialWindow(10);
  const stream = open(peer, 1);
  stream.sendData(LEAD, zeros(20));
  assert.deepEqual(peer.sent(), ["DATA 1 +10"]);
  peer.send(settings([4, 3]), windowUpdate(1, 7));
  assert.equal(stream.sendWindow, 0);
  assert.deepEqual(peer.sent(), ["SETTINGS ack"]);
  peer.send(settings([4, 8]));
  assert.deepEqual(peer.sent(), ["SETTINGS ack", "DATA 1 +5"]);
});

Deno.test("MAX_FRAME_SIZE of the peer bounds DATA and header blocks", () => {
  const peer = new TestConnection();
  const stream = open(peer, 1);
  const block = encodeStateless([["x", "\u0001".repeat(20_000)]]);
  stream.sendHeaders(block, false);
  const sent = peer.sentFrames();
  assert.deepEqual(sent.map(({ type, flags }) => [type, flags]), [
    [1, 0],
    ...sent.slice(2).map(() => [9, 0]),
    [9, 4],
  ]);
  assert.ok(sent.every(({ payload }) => payload.byteLength <= 16_384));
  peer.send(settings([5, 40_000], [4, 60_000]));
  peer.sent();
  stream.sendData(LEAD, zeros(39_995));
  assert.deepEqual(peer.sent(), ["DATA 1 +40000"]);
});

Deno.test("bodies wait while a write is under way, answers do not", () => {
  const peer = new TestConnection();
  const [bulk, small] = [open(peer, 1), open(peer, 3)];
  peer.connection.setWriting(true);
  bulk.sendData(LEAD, zeros(60_000));
  small.answer({ headers: bytes(0x88), lead: LEAD, body: zeros(1), trailers: TRAILERS });
  assert.deepEqual(peer.sent(), ["HEADERS 3", "DATA 3 +6", "HEADERS 3 end"]);
  const sent: string[] = [];
  for (let words = peer.sent(); words.length > 0; words = peer.sent()) sent.push(...words);
  assert.deepEqual(sent.slice(0, 3), ["DATA 1 +16384", "DATA 1 +16384", "DATA 1 +16384"]);
});

Deno.test("a body of 30 MB never lies in the output whole", () => {
  const peer = initialWindow(2 ** 30);
  peer.send(windowUpdate(0, 2 ** 30));
  const stream = open(peer, 1);
  stream.sendData(LEAD, zeros(30_000_000));
  assert.ok(peer.connection.output.length < 65_536, `${peer.connection.output.length} octets`);
});

Deno.test("streams reset while their bodies wait leave nothing behind", () => {
  const peer = new TestConnection({
    maxConcurrentStreams: 10,
    floodRates: { "reset": 10_000, "ping": 1, "settings": 1, "empty-frame": 1 },
  });
  const blocker = open(peer, 1);
  blocker.sendData(LEAD, zeros(70_000));
  for (let words = peer.sent(); words.length > 0;) words = peer.sent();
  for (let id = 3; id < 20_000; id += 2) {
    const stream = open(peer, id);
    stream.sendData(LEAD, zeros(70_000));
    peer.acceptor.streams.delete(id);
    peer.acceptor.events.length = 0;
    peer.send(reset(id));
  }
  assert.equal(peer.connection.openStreams, 1);
  assert.equal(peer.connection.end, undefined);
});

Deno.test("credit() announces in steps, and not on a complete request", () => {
  const peer = new TestConnection();
  peer.send(request(1), data(1, zeros(10_000)));
  const stream = peer.stream(1);
  stream.credit(10_000);
  assert.deepEqual(peer.sent(), []);
  peer.send(data(1, zeros(16_000)), data(1, zeros(7_000)));
  assert.deepEqual(peer.sent(), ["WINDOW_UPDATE 0 +33000"]);
  stream.credit(23_000);
  assert.deepEqual(peer.sent(), ["WINDOW_UPDATE 1 +33000"]);
  peer.send(data(1, zeros(1), true));
  stream.credit(40_000);
  assert.deepEqual(peer.sent(), []);
});

Deno.test("padding counts against the windows, and is credited at once", () => {
  const peer = new TestConnection();
  peer.send(request(1));
  for (let round = 0; round < 200; round++) {
    const padded = new Uint8Array(9 + 256);
    padded.set([0, 1, 0, 0, 8, 0, 0, 0, 1, 255]);
    peer.send(padded);
  }
  const sent = peer.sent();
  assert.equal(peer.connection.end, undefined);
  assert.ok(sent.includes("WINDOW_UPDATE 0 +32768"), sent.join());
  assert.ok(sent.includes("WINDOW_UPDATE 1 +32768"), sent.join());
});
