// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { CLIENT_PREFACE, FrameFlag } from "./frame.ts";
import {
  bytes,
  concat,
  continuation,
  data,
  goodBlock,
  goodRequest,
  headers,
  ping,
  readFrames,
  request,
  reset,
  settings,
  settingsAck,
  TestConnection,
  windowUpdate,
  zeros,
} from "./testing.ts";

const { END_HEADERS, END_STREAM, PADDED } = FrameFlag;

Deno.test("Connection sends SETTINGS first and acknowledges the peer's", () => {
  const peer = new TestConnection({ connectionWindowBytes: 100_000 }, { raw: true });
  assert.deepEqual(peer.sent(), ["SETTINGS", "WINDOW_UPDATE 0 +34465"]);
  peer.send(CLIENT_PREFACE, settings());
  assert.deepEqual(peer.sent(), ["SETTINGS ack"]);
  assert.equal(peer.connection.established, true);
});

Deno.test("Connection takes a connection's beginning (section 3.4)", async (t) => {
  const rows: readonly (readonly [string, readonly Uint8Array[], string])[] = [
    ["not HTTP/2", [new TextEncoder().encode("GET / HTTP/1.1\r\n")], "GOAWAY 0 PROTOCOL_ERROR"],
    ["PING before SETTINGS", [CLIENT_PREFACE, ping(zeros(8))], "GOAWAY 0 PROTOCOL_ERROR"],
    ["an acknowledgement first", [CLIENT_PREFACE, settingsAck], "GOAWAY 0 PROTOCOL_ERROR"],
  ];
  for (const [rule, input, answer] of rows) {
    await t.step(rule, () => {
      const peer = new TestConnection({}, { raw: true });
      for (const part of input) peer.send(part);
      assert.equal(peer.sent().at(-1), answer);
    });
  }
});

Deno.test("Connection refuses streams beyond the limit, and serves again when one ends", () => {
  const peer = new TestConnection({ maxConcurrentStreams: 2 });
  peer.send(request(1), request(3), request(5));
  assert.deepEqual(peer.sent(), ["RST_STREAM 5 REFUSED_STREAM"]);
  peer.send(reset(1), request(7));
  assert.deepEqual(peer.sent(), []);
  assert.ok(peer.acceptor.events.includes("request 7 /s/m"));
});

Deno.test("Connection keeps the HPACK table right through refused and malformed requests", () => {
  const peer = new TestConnection({ maxConcurrentStreams: 1 });
  const literal = concat(
    goodBlock,
    bytes(0x40, 1, 0x61, 1, 0x31),
  );
  peer.send(headers(1, END_HEADERS, goodBlock), headers(3, END_HEADERS, literal), reset(1));
  // Index 62 is the field that the refused request put into the table.
  peer.send(headers(5, END_HEADERS, concat(goodBlock, bytes(0xbe))));
  assert.equal(peer.connection.end, undefined);
  assert.ok(peer.acceptor.events.includes("request 5 /s/m"));
});

Deno.test("Connection tells its acceptor that a header list is too large", () => {
  const peer = new TestConnection({ maxHeaderListBytes: 300 });
  peer.send(request(1, { pairs: [...goodRequest, ["x", "y".repeat(300)]] }), request(3));
  assert.deepEqual(peer.acceptor.events, ["too large 1", "request 3 /s/m"]);
});

Deno.test("Connection drains: GOAWAY, then its last stream, then the end", () => {
  const peer = new TestConnection();
  peer.send(request(1));
  peer.connection.drain();
  const [goaway, drainPing] = peer.sentFrames();
  assert.deepEqual([...goaway?.payload.subarray(0, 8) ?? []], [0x7f, 255, 255, 255, 0, 0, 0, 0]);
  peer.send(request(3), ping(drainPing?.payload ?? zeros(8), FrameFlag.ACK));
  assert.deepEqual(peer.sent(), ["GOAWAY 3 NO_ERROR"]);
  peer.send(request(5), data(5, zeros(3)));
  assert.ok(!peer.acceptor.events.some((event) => event.includes(" 5")), "too late");
  peer.send(reset(1));
  assert.equal(peer.connection.end, undefined);
  peer.send(data(3, zeros(1), true));
  peer.stream(3).sendHeaders(bytes(0x88), true);
  assert.deepEqual(peer.connection.end, { code: 0, reason: "drained" });
});

Deno.test("Connection tells all streams when it is lost", () => {
  const peer = new TestConnection();
  peer.send(request(1), request(3));
  peer.connection.lost("gone");
  assert.deepEqual(peer.acceptor.events.slice(-2), ["gone 1 CANCEL", "gone 3 CANCEL"]);
  peer.stream(1).sendHeaders(bytes(0x88), true);
  assert.deepEqual(peer.sent(), [], "nothing is sent on a lost connection");
});

Deno.test("Connection puts a table size update before prepared blocks", () => {
  const peer = new TestConnection();
  peer.send(settings([1, 0]), request(1, { last: true }));
  peer.sent();
  peer.stream(1).answer({
    headers: bytes(0x88),
    lead: zeros(5),
    body: zeros(3),
    trailers: bytes(0x89),
  });
  const frames = peer.sentFrames();
  assert.deepEqual(frames.map(({ payload }) => [...payload]), [
    [0x20, 0x88],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0x89],
  ]);
});

Deno.test("Connection gives the same answers wherever the reads cut its input", () => {
  const input = concat(
    CLIENT_PREFACE,
    settings([4, 100]),
    request(1),
    data(1, zeros(10)),
    headers(3, END_STREAM | PADDED, concat(bytes(2), goodBlock, zeros(2))),
    continuation(3, END_HEADERS, zeros(0)),
    ping(zeros(8)),
    data(1, zeros(300), true),
    request(5, { pairs: [...goodRequest, ["x", "y".repeat(600)]] }),
    reset(5),
    windowUpdate(0, 1_000),
    data(99, zeros(4)),
  );
  const whole = play([input]);
  for (let at = 1; at < input.length; at++) {
    assert.deepEqual(play([input.subarray(0, at), input.subarray(at)]), whole);
  }
  assert.deepEqual(play(Array.from(input, (octet) => bytes(octet))), whole);
});

function play(chunks: readonly Uint8Array[]): unknown {
  const peer = new TestConnection({}, { raw: true });
  for (const chunk of chunks) peer.send(chunk);
  return {
    sent: readFrames(peer.connection.output.take()),
    events: peer.acceptor.events,
    end: peer.connection.end,
  };
}
