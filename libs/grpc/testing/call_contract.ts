// SPDX-License-Identifier: Apache-2.0
/**
 * The part of the contract that is about honest calls: kinds, sizes, metadata, errors, deadlines.
 * @module
 */
import { type Bytes, joinBytes, StatusCode, StatusError } from "@denvoy/base";
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import {
  type CallContext,
  implement,
  type Metadata,
  rawCodec,
  type ServerAdapter,
} from "../port.ts";
import { bidiEcho, collectEcho, expandEcho, textCodec, unaryEcho } from "./echo_service.ts";
import { aborted, until, within, withServer } from "./harness.ts";
import { requestHttp2 } from "./http2_request.ts";
import { frameMessage } from "./raw_peer.ts";

const unaryPath = `/${unaryEcho.service}/${unaryEcho.method}`;

/** Every kind of call, answered in the simplest way. */
export const echoMethods = [
  implement(unaryEcho, (request: string) => request),
  implement(collectEcho, async (requests: AsyncIterable<string>) => {
    let collected = "";
    for await (const request of requests) collected += request;
    return collected;
  }),
  implement(expandEcho, async function* (request: string) {
    for (const letter of request) yield letter;
  }),
  implement(bidiEcho, async function* (requests: AsyncIterable<string>) {
    for await (const request of requests) yield request;
  }),
];

/** Registers the tests for one adapter. */
export function callContract(name: string, adapter: ServerAdapter): void {
  kindsOfCalls(name, adapter);
  sizes(name, adapter);
  metadata(name, adapter);
  errors(name, adapter);
  endings(name, adapter);
  foreignRequests(name, adapter);
}

/** Returns all messages of a stream. */
export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const messages: T[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
}

function kindsOfCalls(name: string, adapter: ServerAdapter): void {
  Deno.test(`${name}: each kind of call carries its messages in order`, async () => {
    await withServer(adapter, { methods: echoMethods }, async ({ client }) => {
      assert.equal(await client.unary(unaryEcho, "one"), "one");
      assert.equal(await client.clientStream(collectEcho, ["a", "b", "c"]), "abc");
      assert.deepEqual(await collect(client.serverStream(expandEcho, "xyz")), ["x", "y", "z"]);
      assert.deepEqual(await collect(client.bidiStream(bidiEcho, ["1", "2"])), ["1", "2"]);
    });
  });

  Deno.test(`${name}: streams without messages end as they should`, async () => {
    await withServer(adapter, { methods: echoMethods }, async ({ client }) => {
      assert.equal(await client.clientStream(collectEcho, []), "");
      assert.deepEqual(await collect(client.serverStream(expandEcho, "")), []);
      assert.deepEqual(await collect(client.bidiStream(bidiEcho, [])), []);
    });
  });

  Deno.test(`${name}: a bidi stream answers each message before the next is sent`, async () => {
    await withServer(adapter, { methods: echoMethods }, async ({ client }) => {
      const { readable, writable } = new TransformStream<string, string>();
      const writer = writable.getWriter();
      const responses = client.bidiStream(bidiEcho, readable);
      for (let i = 0; i < 50; i++) {
        const written = writer.write(`message ${i}`);
        assert.deepEqual(await responses.next(), { done: false, value: `message ${i}` });
        await written;
      }
      await writer.close();
      assert.equal((await responses.next()).done, true);
    });
  });

  Deno.test(`${name}: 1,000 streams on one connection are served at once`, async () => {
    await withServer(adapter, { methods: echoMethods }, async ({ client }) => {
      const gates = Array.from({ length: 1000 }, () => Promise.withResolvers<void>());
      const streams = gates.map((gate, i) =>
        client.bidiStream(
          bidiEcho,
          (async function* () {
            yield `first ${i}`;
            await gate.promise;
            yield `last ${i}`;
          })(),
        )
      );
      const firsts = await Promise.all(streams.map((stream) => stream.next()));
      for (const gate of gates) gate.resolve();
      const rests = await Promise.all(streams.map((stream) => collect(stream)));
      assert.deepEqual(firsts.map(({ value }) => value), streams.map((_, i) => `first ${i}`));
      assert.deepEqual(rests, streams.map((_, i) => [`last ${i}`]));
    });
  });
}

function sizes(name: string, adapter: ServerAdapter): void {
  Deno.test(`${name}: empty and large messages arrive whole, as chunks or as one`, async () => {
    const raw = { ...unaryEcho, request: rawCodec, response: rawCodec };
    const chunked = implement(raw, (request: Bytes) => {
      const all = joinBytes(request);
      return [all.subarray(0, 3), all.subarray(3, 3), all.subarray(3)];
    });
    await withServer(adapter, { methods: [chunked] }, async ({ client }) => {
      for (const size of [0, 1, 3, 16_384, 65_530, 65_536, 5 * 1024 * 1024]) {
        const message = new Uint8Array(size).map((_, i) => i % 251);
        const echoed = joinBytes(await client.unary(raw, message));
        assert.equal(echoed.length, size);
        assert.ok(echoed.every((byte, i) => byte === i % 251), `${size} bytes are as sent`);
      }
    });
  });

  Deno.test(`${name}: a message over the limit is RESOURCE_EXHAUSTED, one at it passes`, async () => {
    const options = { methods: echoMethods, limits: { maxReceiveMessageBytes: 1000 } };
    await withServer(adapter, options, async ({ client }) => {
      const tooLarge = { code: StatusCode.RESOURCE_EXHAUSTED };
      await assert.rejects(client.unary(unaryEcho, "x".repeat(1001)), tooLarge);
      await assert.rejects(collect(client.bidiStream(bidiEcho, ["x".repeat(1001)])), tooLarge);
      assert.equal(await client.unary(unaryEcho, "x".repeat(1000)), "x".repeat(1000));
    });
  });

  Deno.test(`${name}: a message that unpacks over the limit is RESOURCE_EXHAUSTED`, async () => {
    const options = { methods: echoMethods, limits: { maxReceiveMessageBytes: 100_000 } };
    await withServer(adapter, options, async ({ server, client }) => {
      const response = await requestHttp2(server.address, {
        path: unaryPath,
        headers: { "grpc-encoding": "gzip" },
        body: frameMessage(gzipSync(new Uint8Array(10_000_000)), true),
      });
      assert.equal(statusOf(response), StatusCode.RESOURCE_EXHAUSTED);
      assert.equal(await client.unary(unaryEcho, "still here"), "still here");
    });
  });

  Deno.test(`${name}: headers over the limit fail that call only`, async () => {
    const options = { methods: echoMethods, limits: { maxHeaderListBytes: 8192 } };
    await withServer(adapter, options, async ({ client }) => {
      const metadata = new Map([["large", ["x".repeat(10_000)]]]);
      await assert.rejects(client.unary(unaryEcho, "x", { metadata }), StatusError);
      assert.equal(await client.unary(unaryEcho, "x"), "x");
    });
  });
}

function metadata(name: string, adapter: ServerAdapter): void {
  Deno.test(`${name}: metadata goes both ways, text and binary`, async () => {
    const seen: Metadata[] = [];
    const method = implement(unaryEcho, (request: string, context: CallContext) => {
      seen.push(context.metadata);
      context.setHeader("x-header", "h");
      context.setHeader("x-header-bin", new Uint8Array([0, 255, 128]));
      context.setTrailer("x-trailer", "t");
      context.setTrailer("x-trailer-bin", new Uint8Array([1, 2, 3, 4]));
      return request;
    });
    const sent: Metadata = new Map<string, (string | Uint8Array)[]>([
      ["x-text", ["a value, with a comma"]],
      ["x-many-bin", [new Uint8Array([1]), new Uint8Array([2, 250])]],
      ["x-empty", [""]],
    ]);
    await withServer(adapter, { methods: [method] }, async ({ client }) => {
      const received: Metadata[] = [];
      const keep = (entries: Metadata) => void received.push(entries);
      const options = { metadata: sent, onHeaders: keep, onTrailers: keep };
      await client.unary(unaryEcho, "x", options);
      assert.deepEqual(pick(seen[0], sent), Object.fromEntries(sent));
      assert.ok(![...seen[0]?.keys() ?? []].some((key) => /^:|^te$|^content-type$/.test(key)));
      const [headers, trailers] = received;
      assert.deepEqual(headers?.get("x-header"), ["h"]);
      assert.deepEqual(headers?.get("x-header-bin"), [new Uint8Array([0, 255, 128])]);
      assert.deepEqual(trailers?.get("x-trailer"), ["t"]);
      assert.deepEqual(trailers?.get("x-trailer-bin"), [new Uint8Array([1, 2, 3, 4])]);
    });
  });

  Deno.test(`${name}: setHeader() throws after the first message, and on a bad value`, async () => {
    const method = implement(expandEcho, async function* (_: string, context: CallContext) {
      assert.throws(() => context.setHeader("x-bad", "line\nbreak"));
      assert.throws(() => context.setHeader("bad name", "x"));
      assert.throws(() => context.setHeader("x-not-binary", new Uint8Array([1])));
      assert.throws(() => context.setHeader("x-text-bin", "text"));
      assert.throws(() => context.setHeader("grpc-status", "0"));
      yield "one";
      assert.throws(() => context.setHeader("x-late", "x"));
      yield "two";
    });
    await withServer(adapter, { methods: [method] }, async ({ client }) => {
      assert.deepEqual(await collect(client.serverStream(expandEcho, "")), ["one", "two"]);
    });
  });

  Deno.test(`${name}: a call that fails still brings its headers and trailers`, async () => {
    const method = implement(unaryEcho, (_: string, context: CallContext): string => {
      context.setHeader("x-header", "h");
      context.setTrailer("x-trailer", "t");
      throw new StatusError(StatusCode.NOT_FOUND, "no such thing");
    });
    await withServer(adapter, { methods: [method] }, async ({ client }) => {
      const received: Metadata[] = [];
      const keep = (entries: Metadata) => void received.push(entries);
      const failed = client.unary(unaryEcho, "x", { onHeaders: keep, onTrailers: keep });
      await assert.rejects(failed, { code: StatusCode.NOT_FOUND });
      assert.ok(received.some((entries) => entries.get("x-header")?.[0] === "h"));
      assert.ok(received.some((entries) => entries.get("x-trailer")?.[0] === "t"));
    });
  });
}

function errors(name: string, adapter: ServerAdapter): void {
  const awkward = "größer als 100% — 日本語\nzweite Zeile\u0007";

  Deno.test(`${name}: a StatusError goes over the wire as it is, whatever its text`, async () => {
    const methods = [
      implement(unaryEcho, (): string => {
        throw new StatusError(StatusCode.FAILED_PRECONDITION, awkward);
      }),
      implement(expandEcho, async function* () {
        yield "one";
        throw new StatusError(StatusCode.DATA_LOSS, awkward);
      }),
    ];
    await withServer(adapter, { methods }, async ({ client }) => {
      const precondition = { code: StatusCode.FAILED_PRECONDITION, message: awkward };
      await assert.rejects(client.unary(unaryEcho, "x"), precondition);
      const stream = client.serverStream(expandEcho, "x");
      assert.equal((await stream.next()).value, "one");
      await assert.rejects(stream.next(), { code: StatusCode.DATA_LOSS, message: awkward });
    });
  });

  Deno.test(`${name}: an error before any message is trailers only, its text encoded`, async () => {
    const method = implement(unaryEcho, (): string => {
      throw new StatusError(StatusCode.ABORTED, awkward);
    });
    await withServer(adapter, { methods: [method] }, async ({ server }) => {
      const { headers, trailers, body } = await requestHttp2(server.address, {
        path: unaryPath,
        body: frameMessage(new Uint8Array()),
      });
      assert.equal(headers[":status"], 200);
      assert.equal(headers["grpc-status"], String(StatusCode.ABORTED));
      assert.match(String(headers["content-type"]), /^application\/grpc/);
      const message = String(headers["grpc-message"]);
      assert.match(message, /^[\x20-\x7e]*$/);
      assert.equal(decodeURIComponent(message), awkward);
      assert.deepEqual([Object.keys(trailers), body.length], [[], 0]);
    });
  });

  Deno.test(`${name}: an unknown error leaves as INTERNAL and is logged once`, async () => {
    const method = implement(unaryEcho, (): string => {
      throw new TypeError("the password is hunter2");
    });
    await withServer(adapter, { methods: [method] }, async ({ client, logger }) => {
      const internal = { code: StatusCode.INTERNAL, message: "internal error" };
      await assert.rejects(client.unary(unaryEcho, "x"), internal);
      const lines = logger.lines.filter(({ level }) => level === "error");
      assert.equal(lines.length, 1);
      assert.match(String(lines[0]?.fields.error), /hunter2/);
    });
  });

  Deno.test(`${name}: a request that cannot be decoded is INTERNAL, the server lives`, async () => {
    await withServer(adapter, { methods: echoMethods }, async ({ client }) => {
      const raw = { ...unaryEcho, request: rawCodec };
      const bad = client.unary(raw, new Uint8Array([0xff, 0xfe]));
      await assert.rejects(bad, { code: StatusCode.INTERNAL });
      assert.equal(await client.unary(unaryEcho, "x"), "x");
    });
  });

  Deno.test(`${name}: what nobody implements is UNIMPLEMENTED`, async () => {
    await withServer(adapter, { methods: echoMethods }, async ({ client }) => {
      const unimplemented = { code: StatusCode.UNIMPLEMENTED };
      const noMethod = { ...unaryEcho, method: "Nothing" };
      const noService = { ...unaryEcho, service: "denvoy.testing.Nobody" };
      await assert.rejects(client.unary(noMethod, "x"), unimplemented);
      await assert.rejects(client.unary(noService, "x"), unimplemented);
    });
  });
}

function endings(name: string, adapter: ServerAdapter): void {
  Deno.test(`${name}: a deadline ends the call on both sides`, async () => {
    const ended = Promise.withResolvers<void>();
    const deadlines: (number | undefined)[] = [];
    const method = implement(unaryEcho, async (_: string, context: CallContext) => {
      deadlines.push(context.deadlineMs);
      await aborted(context.signal);
      ended.resolve();
      return "too late";
    });
    await withServer(adapter, { methods: [method] }, async ({ server, client }) => {
      const before = Date.now();
      const late = client.unary(unaryEcho, "x", { timeoutMs: 150 });
      await assert.rejects(late, { code: StatusCode.DEADLINE_EXCEEDED });
      await within("the handler's signal", ended.promise);
      const deadline = deadlines[0] ?? 0;
      assert.ok(Math.abs(deadline - before - 150) < 5000, `deadline is ${deadline - before} ms`);
      const response = await requestHttp2(server.address, {
        path: unaryPath,
        headers: { "grpc-timeout": "50m" },
        body: frameMessage(new Uint8Array()),
      });
      assert.equal(statusOf(response), StatusCode.DEADLINE_EXCEEDED);
    });
  });

  Deno.test(`${name}: a deadline ages away is no deadline that has passed`, async () => {
    await withServer(adapter, { methods: echoMethods }, async ({ server }) => {
      for (const timeout of ["99999999H", "99999999S", "99999999n"]) {
        const response = await requestHttp2(server.address, {
          path: unaryPath,
          headers: { "grpc-timeout": timeout },
          body: frameMessage(textCodec.encode("x") as Uint8Array),
        });
        assert.equal(statusOf(response), StatusCode.OK, timeout);
      }
    });
  });

  Deno.test(`${name}: the signal of a call fires when it has ended well`, async () => {
    const signals: AbortSignal[] = [];
    const methods = [
      implement(unaryEcho, (request: string, { signal }: CallContext) => {
        signals.push(signal);
        return request;
      }),
      implement(expandEcho, async function* (_: string, { signal }: CallContext) {
        signals.push(signal);
        yield "one";
      }),
    ];
    await withServer(adapter, { methods }, async ({ client }) => {
      await client.unary(unaryEcho, "x");
      await collect(client.serverStream(expandEcho, "x"));
      await until("both signals fire", () => signals.every(({ aborted }) => aborted));
      assert.equal(signals.length, 2);
    });
  });
}

function foreignRequests(name: string, adapter: ServerAdapter): void {
  Deno.test(`${name}: compressed requests are read`, async () => {
    await withServer(adapter, { methods: echoMethods }, async ({ server }) => {
      const message = textCodec.encode("squeezed ".repeat(1000)) as Uint8Array;
      const response = await requestHttp2(server.address, {
        path: unaryPath,
        headers: { "grpc-encoding": "gzip" },
        body: frameMessage(gzipSync(message), true),
      });
      assert.equal(statusOf(response), StatusCode.OK);
      assert.deepEqual(response.body.subarray(5), message);
    });
  });

  Deno.test(`${name}: broken gzip is INTERNAL, an unknown encoding UNIMPLEMENTED`, async () => {
    await withServer(adapter, { methods: echoMethods }, async ({ server, client }) => {
      for (
        const [encoding, code] of [
          ["gzip", StatusCode.INTERNAL],
          ["br", StatusCode.UNIMPLEMENTED],
        ] as const
      ) {
        const response = await requestHttp2(server.address, {
          path: unaryPath,
          headers: { "grpc-encoding": encoding },
          body: frameMessage(new Uint8Array([1, 2, 3]), true),
        });
        assert.equal(statusOf(response), code, encoding);
      }
      assert.equal(await client.unary(unaryEcho, "x"), "x");
    });
  });

  Deno.test(`${name}: a content-type that is not gRPC's gets HTTP 415`, async () => {
    await withServer(adapter, { methods: echoMethods }, async ({ server }) => {
      const types: [string, number][] = [
        ["application/grpc", 200],
        ["application/grpc+proto", 200],
        ["application/grpc;charset=utf-8", 200],
        ["application/grpc-web", 415],
        ["application/json", 415],
        ["", 415],
      ];
      for (const [type, status] of types) {
        const { headers } = await requestHttp2(server.address, {
          path: unaryPath,
          headers: { "content-type": type },
          body: frameMessage(new Uint8Array()),
        });
        assert.equal(headers[":status"], status, type);
      }
    });
  });

  Deno.test(`${name}: a unary request that is not one message is UNIMPLEMENTED`, async () => {
    await withServer(adapter, { methods: echoMethods }, async ({ server }) => {
      const two = [frameMessage(new Uint8Array([65])), frameMessage(new Uint8Array([66]))];
      for (const body of [new Uint8Array(), joinBytes(two)]) {
        const response = await requestHttp2(server.address, { path: unaryPath, body });
        assert.equal(statusOf(response), StatusCode.UNIMPLEMENTED, `${body.length} bytes`);
      }
    });
  });
}

function pick(found: Metadata | undefined, wanted: Metadata): Record<string, unknown> {
  return Object.fromEntries([...wanted.keys()].map((key) => [key, found?.get(key)]));
}

function statusOf(
  { headers, trailers }: Awaited<ReturnType<typeof requestHttp2>>,
): number {
  return Number(trailers["grpc-status"] ?? headers["grpc-status"]);
}
