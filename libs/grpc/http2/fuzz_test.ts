// SPDX-License-Identifier: Apache-2.0
/**
 * Feeds broken input to a connection with real calls behind it. Whatever comes: nothing is thrown,
 * nothing hangs, nothing grows beyond its bound. Runs for FUZZ_SECONDS (default 2) and says the seed
 * of a failure, which FUZZ_SEED repeats.
 */
import { silentLogger } from "@denvoy/base";
import assert from "node:assert/strict";
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

type Random = (bound: number) => number;

Deno.test(`Connection survives ${seconds} s of broken input`, async () => {
  const end = performance.now() + seconds * 1_000;
  const routes = new Map(echoMethods.map((method): [string, MethodImplementation] => [
    `/${method.definition.service}/${method.definition.method}`,
    method,
  ]));
  let runs = 0;
  for (let seed = startSeed; performance.now() < end; seed++, runs++) {
    try {
      await runOnce(pseudoRandom(seed), routes);
    } catch (error) {
      throw new Error(`failed with FUZZ_SEED=${seed}`, { cause: error });
    }
  }
  assert.ok(runs > 0);
});

async function runOnce(random: Random, routes: Map<string, MethodImplementation>): Promise<void> {
  const surroundings = makeSurroundings();
  const acceptor = new CallAcceptor(routes, surroundings);
  const connection = new Connection({ acceptor, limits: testLimits, wake: () => {}, nowMs: 0 });
  let nowMs = 0;
  for (const chunk of cut(mutate(makeSession(random), random), random)) {
    const start = performance.now();
    connection.receive(chunk, nowMs += random(50));
    acceptor.endRead();
    assert.ok(performance.now() - start < MOST_READ_MS, "a read takes too long");
    assert.ok(connection.output.length < MOST_OUTPUT_BYTES, "the output grows without bound");
    if (random(4) === 0) await Promise.resolve();
    if (random(3) === 0) connection.output.take();
    connection.setWriting(random(5) === 0);
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
function makeSession(random: Random): Uint8Array[] {
  const encoder = new HpackEncoder();
  const frames: Uint8Array[] = [settings([4, random(100_000)], [1, random(5_000)]), settingsAck];
  let id = 1;
  for (let calls = 1 + random(8); calls > 0; calls--, id += 2) {
    frames.push(...makeCall(encoder, id, random));
    if (random(3) === 0) frames.push(makeControl(id, random));
  }
  return frames;
}

function makeCall(encoder: HpackEncoder, id: number, random: Random): Uint8Array[] {
  const method = ["Unary", "Collect", "Expand", "Bidi", "Nothing"][random(5)] ?? "";
  const gzip = random(3) === 0;
  const pairs: HeaderPair[] = [
    [":method", random(10) === 0 ? "GET" : "POST"],
    [":scheme", "http"],
    [":path", `/denvoy.testing.Echo/${method}`],
    [":authority", "localhost"],
    ["content-type", random(10) === 0 ? "text/html" : "application/grpc"],
    ["te", "trailers"],
    ["x-bin", "AQID"],
  ];
  if (gzip) pairs.push(["grpc-encoding", "gzip"]);
  if (random(3) === 0) pairs.push(["grpc-timeout", `${random(1_000)}m`]);
  if (random(5) === 0) pairs.push(["x-large", "y".repeat(random(6_000))]);
  const frames = makeHeaders(encoder.encode(pairs), id, random);
  for (let messages = random(4); messages > 0; messages--) {
    const text = new TextEncoder().encode("m".repeat(random(2_000)));
    const message = gzip ? gzipSync(text) : text;
    frames.push(data(id, concat(Uint8Array.of(gzip ? 1 : 0), uint32(message.length), message)));
  }
  if (random(4) === 0) {
    const flags = FrameFlag.END_HEADERS | FrameFlag.END_STREAM;
    frames.push(headers(id, flags, encoder.encode([["trailer", "1"]])));
  } else if (random(4) > 0) frames.push(data(id, new Uint8Array(0), true));
  return frames;
}

function makeHeaders(block: Uint8Array, id: number, random: Random): Uint8Array[] {
  if (random(3) > 0) return [headers(id, FrameFlag.END_HEADERS, block)];
  const middle = random(block.byteLength);
  return [
    headers(id, 0, block.subarray(0, middle)),
    continuation(id, FrameFlag.END_HEADERS, block.subarray(middle)),
  ];
}

function makeControl(id: number, random: Random): Uint8Array {
  switch (random(6)) {
    case 0:
      return ping(new Uint8Array(8));
    case 1:
      return reset(id);
    case 2:
      return windowUpdate(random(2) * id, 1 + random(100_000));
    case 3:
      return settings([4, random(100_000)], [5, 16_384 + random(100)]);
    case 4:
      return frame({ type: FrameType.PRIORITY, streamId: id, payload: new Uint8Array(5) });
    default:
      return frame({ type: 10 + random(100), streamId: id, payload: new Uint8Array(random(50)) });
  }
}

/** Breaks a session: whole frames in the wrong place, and wrong octets anywhere. */
function mutate(frames: readonly Uint8Array[], random: Random): Uint8Array {
  const order = [...frames];
  for (let times = random(4); times > 0; times--) {
    const from = order[random(order.length)] ?? new Uint8Array(0);
    order.splice(random(order.length), random(2), from);
  }
  const octets = concat(CLIENT_PREFACE, ...order);
  const first = random(10) === 0 ? 0 : CLIENT_PREFACE.byteLength;
  for (let times = random(8); times > 0; times--) {
    octets[first + random(octets.byteLength - first)] = random(2) ? random(256) : 1 << random(8);
  }
  return octets.subarray(0, random(5) === 0 ? random(octets.byteLength) : octets.byteLength);
}

function cut(octets: Uint8Array, random: Random): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const longest = [1, 10, 1_000, 100_000][random(4)] ?? 1;
  for (let at = 0; at < octets.byteLength;) {
    const length = 1 + random(longest);
    chunks.push(octets.slice(at, at + length));
    at += length;
  }
  return chunks;
}

/** Returns numbers below a bound that look random and follow from `seed`. */
function pseudoRandom(seed: number): Random {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x9e37_79b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0_aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % Math.max(1, bound);
  };
}
