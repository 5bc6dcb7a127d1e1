// SPDX-License-Identifier: Apache-2.0
/** What a peer may cost, and that more ends its connection. */
import assert from "node:assert/strict";
import { FrameFlag } from "./frame.ts";
import {
  concat,
  continuation,
  data,
  frame,
  goodBlock,
  headers,
  ping,
  priority,
  request,
  reset,
  settings,
  settingsAck,
  TestConnection,
  windowUpdate,
  zeros,
} from "./testing.ts";

Deno.test("Connection ends floods with ENHANCE_YOUR_CALM", async (t) => {
  const rows: readonly (readonly [string, (round: number) => Uint8Array])[] = [
    ["rapid reset", (n) => concat(request(n * 2 + 1), reset(n * 2 + 1))],
    ["requests that must be reset", (n) => request(n * 2 + 1, { pairs: [[":method", "GET"]] })],
    ["PING", () => ping(zeros(8))],
    ["PING answers", () => ping(zeros(8), FrameFlag.ACK)],
    ["SETTINGS", () => settings([4, 65_535])],
    ["SETTINGS acknowledgements", () => settingsAck],
    ["empty DATA", (n) => n === 0 ? request(1) : data(1, zeros(0))],
    ["PRIORITY", () => priority(1, zeros(5))],
    ["unknown frames", () => frame({ type: 99 })],
    [
      "WINDOW_UPDATE of a closed stream",
      (n) => n === 0 ? concat(request(1), reset(1)) : windowUpdate(1, 1),
    ],
    ["DATA of a reset stream", (n) => n === 0 ? request(1, { pairs: [] }) : data(1, zeros(1))],
    ["GOAWAY", () => frame({ type: 7, payload: zeros(8) })],
  ];
  for (const [name, make] of rows) {
    await t.step(name, () => {
      const peer = new TestConnection();
      let rounds = 0;
      for (; rounds < 5_000 && peer.connection.end === undefined; rounds++) {
        peer.send(make(rounds));
        peer.connection.output.take();
      }
      assert.equal(peer.connection.end?.code, 11);
      assert.ok(rounds >= 1_000, `ended after ${rounds}, before the allowance of ten seconds`);
    });
  }
});

Deno.test("Connection forgives the same spread over time, and pings beside data", () => {
  const peer = new TestConnection();
  for (let round = 0; round < 5_000; round++) {
    peer.nowMs += 11;
    peer.send(ping(zeros(8)));
    peer.connection.output.take();
  }
  assert.equal(peer.connection.end, undefined);
  const busy = new TestConnection();
  busy.send(request(1));
  for (let round = 0; round < 5_000; round++) {
    busy.send(data(1, zeros(1)), ping(zeros(8)));
    busy.stream(1).credit(1);
    busy.connection.output.take();
  }
  assert.equal(busy.connection.end, undefined);
});

Deno.test("Connection bounds a header block", async (t) => {
  await t.step("by its frames", () => {
    const peer = new TestConnection({ maxContinuationFrames: 4 });
    peer.send(headers(1, 0, goodBlock));
    for (let round = 0; round < 4; round++) peer.send(continuation(1, 0, zeros(0)));
    assert.equal(peer.connection.end, undefined);
    peer.send(continuation(1, 0, zeros(0)));
    assert.deepEqual(peer.sent(), ["GOAWAY 0 ENHANCE_YOUR_CALM"]);
  });
  await t.step("by its octets", () => {
    const peer = new TestConnection({ maxContinuationFrames: 100 });
    peer.send(headers(1, 0, zeros(16_384)), continuation(1, 0, zeros(1)));
    assert.deepEqual(peer.sent(), ["GOAWAY 0 ENHANCE_YOUR_CALM"]);
  });
});

Deno.test("Connection does not pile up answers that nobody reads", () => {
  const peer = new TestConnection({ maxOutputBytes: 1_000 });
  for (let round = 0; round < 200; round++) peer.send(ping(zeros(8)));
  assert.equal(peer.connection.end?.reason, "answers are not read");
  assert.ok(peer.connection.output.length < 1_200);
});
