// SPDX-License-Identifier: Apache-2.0
/**
 * Feeds broken input to a connection with real calls behind it. Whatever comes: nothing is thrown,
 * nothing hangs, nothing grows beyond its bound. Runs for FUZZ_SECONDS (default 2) and says the seed
 * of a failure, which FUZZ_SEED repeats.
 */
import { silentLogger } from "@denvoy/base";
import assert from "node:assert/strict";
import { Chance } from "@denvoy/base/testing";
import { gzipSync } from "node:zlib";
import type { MethodImplementation } from "../port.ts";
import { echoMethods } from "../testing/call_contract.ts";
import { CallAcceptor } from "./call_acceptor.ts";
import { Connection } from "./connection.ts";
import { Deadlines } from "./deadlines.ts";
import { CLIENT_PREFACE, FrameFlag, FrameType } from "./frame.ts";
import { type HeaderPair, HpackEncoder } from "./hpack_encoder.ts";
import type { CallSurroundings } from "./server_call.ts";
import {
  concat,
  continuation,
  data,
  frame,
  headers,
  ping,
  reset,
  settings,
  settingsAck,
  testLimits,
  uint32,
  windowUpdate,
} from "./testing.ts";

const seconds = Number(Deno.env.get("FUZZ_SECONDS") ?? 2);
const startSeed = Number(Deno.env.get("FUZZ_SEED") ?? Date.now() % 1_000_000);

/** Most that a connection may have to say at once: its bound on control answers and one read's. */
const MOST_OUTPUT_BYTES = 1_000_000;

/** No input of this size may take longer than this to read. */
const MOST_READ_MS = 1_000;

Deno.test(`Connection survives ${seconds} s of broken input`, async () => {
  const end = performance.now() + seconds * 1_000;
  const routes = new Map(echoMethods.map((method): [string, MethodImplementation] => [
    `/${method.definition.service}/${method.definition.method}`,
    method,
  ]));
  let runs = 0;
  for (let seed = startSeed; performance.now() < end; seed++, runs++) {
    try {
      await runOnce(new Chance(seed), routes);
    } catch (error) {
      throw new Error(`failed with FUZZ_SEED=${seed}`, { cause: error });
    }
  }
  assert.ok(runs > 0);
});

async function runOnce(chance: Chance, routes: Map<string, MethodImplementation>): Promise<void> {
  const surroundings = makeSurroundings();
  const acceptor = new CallAcceptor(routes, surroundings);
  const connection = new Connection({ acceptor, limits: testLimits, wake: () => {}, nowMs: 0 });
  let nowMs = 0;
  for (const chunk of cut(mutate(makeSession(chance), chance), chance)) {
    const start = performance.now();
    connection.receive(chunk, nowMs += chance.below(50));
    acceptor.endRead();
    assert.ok(performance.now() - start < MOST_READ_MS, "a read takes too long");
    assert.ok(connection.output.length < MOST_OUTPUT_BYTES, "the output grows without bound");
    if (chance.below(4) === 0) await Promise.resolve();
    if (chance.below(3) === 0) connection.output.take();
    connection.setWriting(chance.below(5) === 0);
  }
  connection.lost("end of input");
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  assert.equal(surroundings.bufferedBytes, 0, "buffered bytes are given back");
  assert.equal(connection.openStreams, 0);
}

function makeSurroundings(): CallSurroundings {
  return {
    peer: { address: "fuzz", uriSans: [], dnsSans: [] },
    logger: silentLogger,
    deadlines: new NoDeadlines(),
    maxMessageBytes: 10_000,
    maxBufferedBytes: 50_000,
    bufferedBytes: 0,
  };
}

/** Timers would outlive the test's many connections. */
class NoDeadlines extends Deadlines {
  override set(): number {
    return 1;
  }
  override clear(): void {}
}

/** The seed corpus: honest sessions of every kind of frame and call, one after the other. */
function makeSession(chance: Chance): Uint8Array[] {
  const encoder = new HpackEncoder();
  const frames: Uint8Array[] = [
    settings([4, chance.below(100_000)], [1, chance.below(5_000)]),
    settingsAck,
  ];
  let id = 1;
  for (let calls = 1 + chance.below(8); calls > 0; calls--, id += 2) {
    frames.push(...makeCall(encoder, id, chance));
    if (chance.below(3) === 0) frames.push(makeControl(id, chance));
  }
  return frames;
}

function makeCall(encoder: HpackEncoder, id: number, chance: Chance): Uint8Array[] {
  const method = ["Unary", "Collect", "Expand", "Bidi", "Nothing"][chance.below(5)] ?? "";
  const gzip = chance.below(3) === 0;
  const pairs: HeaderPair[] = [
    [":method", chance.below(10) === 0 ? "GET" : "POST"],
    [":scheme", "http"],
    [":path", `/denvoy.testing.Echo/${method}`],
    [":authority", "localhost"],
    ["content-type", chance.below(10) === 0 ? "text/html" : "application/grpc"],
    ["te", "trailers"],
    ["x-bin", "AQID"],
  ];
  if (gzip) pairs.push(["grpc-encoding", "gzip"]);
  if (chance.below(3) === 0) pairs.push(["grpc-timeout", `${chance.below(1_000)}m`]);
  if (chance.below(5) === 0) pairs.push(["x-large", "y".repeat(chance.below(6_000))]);
  const frames = makeHeaders(encoder.encode(pairs), id, chance);
  for (let messages = chance.below(4); messages > 0; messages--) {
    const text = new TextEncoder().encode("m".repeat(chance.below(2_000)));
    const message = gzip ? gzipSync(text) : text;
    frames.push(data(id, concat(Uint8Array.of(gzip ? 1 : 0), uint32(message.length), message)));
  }
  if (chance.below(4) === 0) {
    const flags = FrameFlag.END_HEADERS | FrameFlag.END_STREAM;
    frames.push(headers(id, flags, encoder.encode([["trailer", "1"]])));
  } else if (chance.below(4) > 0) frames.push(data(id, new Uint8Array(0), true));
  return frames;
}

function makeHeaders(block: Uint8Array, id: number, chance: Chance): Uint8Array[] {
  if (chance.below(3) > 0) return [headers(id, FrameFlag.END_HEADERS, block)];
  const middle = chance.below(block.byteLength);
  return [
    headers(id, 0, block.subarray(0, middle)),
    continuation(id, FrameFlag.END_HEADERS, block.subarray(middle)),
  ];
}

function makeControl(id: number, chance: Chance): Uint8Array {
  switch (chance.below(6)) {
    case 0:
      return ping(new Uint8Array(8));
    case 1:
      return reset(id);
    case 2:
      return windowUpdate(chance.below(2) * id, 1 + chance.below(100_000));
    case 3:
      return settings([4, chance.below(100_000)], [5, 16_384 + chance.below(100)]);
    case 4:
      return frame({ type: FrameType.PRIORITY, streamId: id, payload: new Uint8Array(5) });
    default:
      return frame({
        type: 10 + chance.below(100),
        streamId: id,
        payload: new Uint8Array(chance.below(50)),
      });
  }
}

/** Breaks a session: whole frames in the wrong place, and wrong octets anywhere. */
function mutate(frames: readonly Uint8Array[], chance: Chance): Uint8Array {
  const order = [...frames];
  for (let times = chance.below(4); times > 0; times--) {
    const from = order[chance.below(order.length)] ?? new Uint8Array(0);
    order.splice(chance.below(order.length), chance.below(2), from);
  }
  const octets = concat(CLIENT_PREFACE, ...order);
  const first = chance.below(10) === 0 ? 0 : CLIENT_PREFACE.byteLength;
  for (let times = chance.below(8); times > 0; times--) {
    octets[first + chance.below(octets.byteLength - first)] = chance.below(2)
      ? chance.below(256)
      : 1 << chance.below(8);
  }
  return octets.subarray(
    0,
    chance.below(5) === 0 ? chance.below(octets.byteLength) : octets.byteLength,
  );
}

function cut(octets: Uint8Array, chance: Chance): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const longest = [1, 10, 1_000, 100_000][chance.below(4)] ?? 1;
  for (let at = 0; at < octets.byteLength;) {
    const length = 1 + chance.below(longest);
    chunks.push(octets.slice(at, at + length));
    at += length;
  }
  return chunks;
}
