// SPDX-License-Identifier: Apache-2.0
/**
 * The part of the contract that is about honest calls: kinds, sizes, metadata.
 * @module
 */
import { type Bytes, joinBytes, StatusCode, StatusError } from "@denvoy/base";
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { type CallContext, implement, type Metadata, rawCodec } from "../port.ts";
import type { Contract } from "./contract.ts";
import { bidiEcho, collectEcho, expandEcho, unaryEcho } from "./echo_service.ts";
import { withServer } from "./harness.ts";
import { requestHttp2, statusOf } from "./http2_request.ts";
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

/** Returns all messages of a stream. */
export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const messages: T[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
}

const callKinds: Contract = {
  "each kind of call carries its messages in order": async (adapter) => {
    await withServer(adapter, { methods: echoMethods }, async ({ client }) => {
      assert.equal(await client.unary(unaryEcho, "one"), "one");
      assert.equal(await client.clientStream(collectEcho, ["a", "b", "c"]), "abc");
      assert.deepEqual(await collect(client.serverStream(expandEcho, "xyz")), ["x", "y", "z"]);
      assert.deepEqual(await collect(client.bidiStream(bidiEcho, ["1", "2"])), ["1", "2"]);
    });
  },

  "streams without messages end as they should": async (adapter) => {
    await withServer(adapter, { methods: echoMethods }, async ({ client }) => {
      assert.equal(await client.clientStream(collectEcho, []), "");
      assert.deepEqual(await collect(client.serverStream(expandEcho, "")), []);
      assert.deepEqual(await collect(client.bidiStream(bidiEcho, [])), []);
    });
  },

  "a bidi stream answers each message before the next is sent": async (adapter) => {
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
  },

  "1,000 streams on one connection are served at once": async (adapter) => {
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
  },
};

const sizes: Contract = {
  "empty and large messages arrive whole, as chunks or as one": async (adapter) => {
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
  },

  "a message over the limit is RESOURCE_EXHAUSTED, one at it passes": async (adapter) => {
    const options = { methods: echoMethods, limits: { maxReceiveMessageBytes: 1000 } };
    await withServer(adapter, options, async ({ client }) => {
      const tooLarge = { code: StatusCode.RESOURCE_EXHAUSTED };
      await assert.rejects(client.unary(unaryEcho, "x".repeat(1001)), tooLarge);
      await assert.rejects(collect(client.bidiStream(bidiEcho, ["x".repeat(1001)])), tooLarge);
      assert.equal(await client.unary(unaryEcho, "x".repeat(1000)), "x".repeat(1000));
    });
  },

  "a message that unpacks over the limit is RESOURCE_EXHAUSTED": async (adapter) => {
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
  },

  "headers over the limit fail that call only": async (adapter) => {
    const options = { methods: echoMethods, limits: { maxHeaderListBytes: 8192 } };
    await withServer(adapter, options, async ({ client }) => {
      const metadata = new Map([["large", ["x".repeat(10_000)]]]);
      await assert.rejects(client.unary(unaryEcho, "x", { metadata }), StatusError);
      assert.equal(await client.unary(unaryEcho, "x"), "x");
    });
  },
};

const metadata: Contract = {
  "metadata goes both ways, text and binary": async (adapter) => {
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
  },

  "setHeader() throws after the first message, and on a bad value": async (adapter) => {
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
  },

  "a call that fails still brings its headers and trailers": async (adapter) => {
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
  },
};

function pick(found: Metadata | undefined, wanted: Metadata): Record<string, unknown> {
  return Object.fromEntries([...wanted.keys()].map((key) => [key, found?.get(key)]));
}

/** Honest calls: kinds, sizes, metadata. */
export const callContract: Contract = { ...callKinds, ...sizes, ...metadata };
