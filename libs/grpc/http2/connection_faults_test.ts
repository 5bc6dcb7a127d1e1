// SPDX-License-Identifier: Apache-2.0
/** The rules of RFC 9113 section 6 for frames and streams, one row each. */
import assert from "node:assert/strict";
import { FrameFlag, FrameType, MAX_31_BIT } from "./frame.ts";
import { encodeStateless } from "./hpack_encoder.ts";
import {
  bytes,
  concat,
  continuation,
  data,
  frame,
  goodBlock,
  goodRequest,
  headers,
  ping,
  priority,
  request,
  reset,
  settings,
  TestConnection,
  uint32,
  windowUpdate,
  zeros,
} from "./testing.ts";

const { END_HEADERS, END_STREAM, PADDED } = FrameFlag;
const WITH_PRIORITY = FrameFlag.PRIORITY;

type Rows = readonly (readonly [rule: string, input: readonly Uint8Array[], answer: string])[];

async function checkRows(t: Deno.TestContext, rows: Rows): Promise<void> {
  for (const [rule, input, answer] of rows) {
    await t.step(rule, () => {
      const peer = new TestConnection();
      for (const part of input) peer.send(part);
      const sent = peer.sent().filter((word) => !/^SETTINGS ack$/.test(word));
      assert.equal(sent.at(-1) ?? "nothing", answer);
      assert.equal(peer.connection.end !== undefined, answer.startsWith("GOAWAY"));
    });
  }
}

const connectionFaults: Rows = [
  ["DATA on stream 0", [data(0, zeros(1))], "GOAWAY 0 PROTOCOL_ERROR"],
  ["DATA on an idle stream", [data(1, zeros(1))], "GOAWAY 0 PROTOCOL_ERROR"],
  [
    "DATA padded beyond its length",
    [request(1), frame({ type: 0, flags: PADDED, streamId: 1, payload: bytes(4, 0, 0, 0) })],
    "GOAWAY 1 PROTOCOL_ERROR",
  ],
  [
    "DATA padded without a length",
    [request(1), frame({ type: 0, flags: PADDED, streamId: 1 })],
    "GOAWAY 1 FRAME_SIZE_ERROR",
  ],
  ["HEADERS on stream 0", [request(0)], "GOAWAY 0 PROTOCOL_ERROR"],
  ["HEADERS on an even stream", [request(2)], "GOAWAY 0 PROTOCOL_ERROR"],
  ["HEADERS on a lower stream", [request(5), request(3)], "GOAWAY 5 STREAM_CLOSED"],
  [
    "HEADERS padded beyond its length",
    [headers(1, END_HEADERS | PADDED, concat(bytes(255), goodBlock))],
    "GOAWAY 0 PROTOCOL_ERROR",
  ],
  [
    "HEADERS too short for its priority",
    [headers(1, END_HEADERS | WITH_PRIORITY, zeros(4))],
    "GOAWAY 0 FRAME_SIZE_ERROR",
  ],
  [
    "HEADERS with a wrong block",
    [headers(1, END_HEADERS, bytes(0x80))],
    "GOAWAY 0 COMPRESSION_ERROR",
  ],
  ["RST_STREAM on stream 0", [reset(0)], "GOAWAY 0 PROTOCOL_ERROR"],
  ["RST_STREAM on an idle stream", [reset(1)], "GOAWAY 0 PROTOCOL_ERROR"],
  [
    "RST_STREAM of 3 octets",
    [request(1), frame({ type: FrameType.RST_STREAM, streamId: 1, payload: zeros(3) })],
    "GOAWAY 1 FRAME_SIZE_ERROR",
  ],
  [
    "SETTINGS on a stream",
    [frame({ type: FrameType.SETTINGS, streamId: 1 })],
    "GOAWAY 0 PROTOCOL_ERROR",
  ],
  [
    "SETTINGS of 5 octets",
    [frame({ type: FrameType.SETTINGS, payload: zeros(5) })],
    "GOAWAY 0 FRAME_SIZE_ERROR",
  ],
  [
    "an acknowledgement with content",
    [frame({ type: FrameType.SETTINGS, flags: FrameFlag.ACK, payload: zeros(6) })],
    "GOAWAY 0 FRAME_SIZE_ERROR",
  ],
  ["ENABLE_PUSH of 2", [settings([2, 2])], "GOAWAY 0 PROTOCOL_ERROR"],
  ["INITIAL_WINDOW_SIZE of 2^31", [settings([4, 2 ** 31])], "GOAWAY 0 FLOW_CONTROL_ERROR"],
  ["MAX_FRAME_SIZE of 16383", [settings([5, 16_383])], "GOAWAY 0 PROTOCOL_ERROR"],
  ["MAX_FRAME_SIZE of 2^24", [settings([5, 2 ** 24])], "GOAWAY 0 PROTOCOL_ERROR"],
  [
    "PUSH_PROMISE",
    [frame({ type: 5, streamId: 1, payload: zeros(4) })],
    "GOAWAY 0 PROTOCOL_ERROR",
  ],
  [
    "PING on a stream",
    [frame({ type: 6, streamId: 1, payload: zeros(8) })],
    "GOAWAY 0 PROTOCOL_ERROR",
  ],
  ["PING of 7 octets", [ping(zeros(7))], "GOAWAY 0 FRAME_SIZE_ERROR"],
  [
    "GOAWAY on a stream",
    [frame({ type: 7, streamId: 1, payload: zeros(8) })],
    "GOAWAY 0 PROTOCOL_ERROR",
  ],
  ["GOAWAY of 7 octets", [frame({ type: 7, payload: zeros(7) })], "GOAWAY 0 FRAME_SIZE_ERROR"],
  ["WINDOW_UPDATE of 0", [windowUpdate(0, 0)], "GOAWAY 0 PROTOCOL_ERROR"],
  [
    "WINDOW_UPDATE of 3 octets",
    [frame({ type: 8, payload: zeros(3) })],
    "GOAWAY 0 FRAME_SIZE_ERROR",
  ],
  ["WINDOW_UPDATE on an idle stream", [windowUpdate(1, 1)], "GOAWAY 0 PROTOCOL_ERROR"],
  [
    "a connection window above 2^31-1",
    [windowUpdate(0, MAX_31_BIT)],
    "GOAWAY 0 FLOW_CONTROL_ERROR",
  ],
  [
    "CONTINUATION on stream 0",
    [continuation(0, END_HEADERS, zeros(0))],
    "GOAWAY 0 PROTOCOL_ERROR",
  ],
  [
    "CONTINUATION after END_HEADERS",
    [request(1), continuation(1, END_HEADERS, zeros(0))],
    "GOAWAY 1 PROTOCOL_ERROR",
  ],
  [
    "CONTINUATION of another stream",
    [headers(1, 0, goodBlock), continuation(3, END_HEADERS, zeros(0))],
    "GOAWAY 0 PROTOCOL_ERROR",
  ],
  [
    "a header block interrupted by PING",
    [headers(1, 0, goodBlock), ping(zeros(8))],
    "GOAWAY 0 PROTOCOL_ERROR",
  ],
  [
    "a header block interrupted by an unknown frame",
    [headers(1, 0, goodBlock), frame({ type: 99 })],
    "GOAWAY 0 PROTOCOL_ERROR",
  ],
  ["PRIORITY on stream 0", [priority(0, zeros(5))], "GOAWAY 0 PROTOCOL_ERROR"],
  [
    "a frame of 16385 octets",
    [frame({ type: 99, payload: zeros(16_385) })],
    "GOAWAY 0 FRAME_SIZE_ERROR",
  ],
];

Deno.test("Connection ends with GOAWAY on frames that are wrong in themselves", (t) =>
  checkRows(t, connectionFaults));

const streamFaults: Rows = [
  [
    "more DATA than the stream's window",
    [request(1), ...Array.from({ length: 4 }, () => data(1, zeros(16_384)))],
    "RST_STREAM 1 FLOW_CONTROL_ERROR",
  ],
  [
    "a malformed head",
    [request(1, { pairs: [[":method", "GET"]] })],
    "RST_STREAM 1 PROTOCOL_ERROR",
  ],
  [
    "HEADERS that depend on their own stream",
    [headers(1, END_HEADERS | WITH_PRIORITY, concat(uint32(1), bytes(0), goodBlock))],
    "RST_STREAM 1 PROTOCOL_ERROR",
  ],
  ["PRIORITY of 4 octets", [request(1), priority(1, zeros(4))], "RST_STREAM 1 FRAME_SIZE_ERROR"],
  [
    "PRIORITY that depends on itself",
    [request(1), priority(1, concat(uint32(1), bytes(0)))],
    "RST_STREAM 1 PROTOCOL_ERROR",
  ],
  [
    "WINDOW_UPDATE of 0 on a stream",
    [request(1), windowUpdate(1, 0)],
    "RST_STREAM 1 PROTOCOL_ERROR",
  ],
  [
    "a stream's window above 2^31-1",
    [request(1), windowUpdate(1, MAX_31_BIT)],
    "RST_STREAM 1 FLOW_CONTROL_ERROR",
  ],
  [
    "trailers without END_STREAM",
    [request(1), request(1)],
    "RST_STREAM 1 PROTOCOL_ERROR",
  ],
  [
    "pseudo-headers in trailers",
    [request(1), request(1, { last: true })],
    "RST_STREAM 1 PROTOCOL_ERROR",
  ],
  [
    "DATA after END_STREAM",
    [request(1, { last: true }), data(1, zeros(1))],
    "RST_STREAM 1 STREAM_CLOSED",
  ],
  [
    "HEADERS after END_STREAM",
    [request(1, { last: true }), request(1, { last: true })],
    "RST_STREAM 1 STREAM_CLOSED",
  ],
  [
    "DATA after RST_STREAM",
    [request(1), reset(1), data(1, zeros(1))],
    "RST_STREAM 1 STREAM_CLOSED",
  ],
  [
    "less DATA than content-length",
    [request(1, { pairs: [...goodRequest, ["content-length", "2"]] }), data(1, zeros(1), true)],
    "RST_STREAM 1 PROTOCOL_ERROR",
  ],
  [
    "more DATA than content-length",
    [request(1, { pairs: [...goodRequest, ["content-length", "2"]] }), data(1, zeros(3))],
    "RST_STREAM 1 PROTOCOL_ERROR",
  ],
  [
    "no DATA in spite of content-length",
    [request(1, { pairs: [...goodRequest, ["content-length", "2"]], last: true })],
    "RST_STREAM 1 PROTOCOL_ERROR",
  ],
];

Deno.test("Connection ends only the stream on a stream's fault", (t) => checkRows(t, streamFaults));

const passing: Rows = [
  ["unknown frames", [frame({ type: 99, streamId: 7, payload: zeros(3) })], "nothing"],
  ["unknown settings", [settings([99, 1])], "nothing"],
  ["PRIORITY on an idle stream", [priority(9, zeros(5))], "nothing"],
  ["padded HEADERS with priority", [
    headers(
      1,
      END_HEADERS | PADDED | WITH_PRIORITY,
      concat(bytes(3), uint32(0), bytes(16), goodBlock, zeros(3)),
    ),
  ], "nothing"],
  ["a block of several frames", [
    headers(1, END_STREAM, goodBlock.subarray(0, 3)),
    continuation(1, 0, goodBlock.subarray(3, 9)),
    continuation(1, END_HEADERS, goodBlock.subarray(9)),
  ], "nothing"],
  ["RST_STREAM twice", [request(1), reset(1), reset(1)], "nothing"],
  ["WINDOW_UPDATE on a closed stream", [request(1), reset(1), windowUpdate(1, 5)], "nothing"],
  ["GOAWAY of the peer", [frame({ type: 7, payload: zeros(8) }), request(1)], "nothing"],
  ["PING", [ping(zeros(8))], "PING ack"],
  ["trailers", [
    request(1),
    headers(1, END_HEADERS | END_STREAM, encodeStateless([["x", "1"]])),
  ], "nothing"],
  ["DATA for a stream that it reset", [
    request(1, { pairs: [[":method", "GET"]] }),
    data(1, zeros(1)),
  ], "RST_STREAM 1 PROTOCOL_ERROR"],
];

Deno.test("Connection lets pass", (t) => checkRows(t, passing));
