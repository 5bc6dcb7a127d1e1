// SPDX-License-Identifier: Apache-2.0
/**
 * The part of the contract that is about pace and early ends: back-pressure in both directions,
 * cancellation, lost connections.
 * @module
 */
import { StatusCode } from "@denvoy/base";
import assert from "node:assert/strict";
import {
  type CallContext,
  implement,
  type MethodImplementation,
  type ServerAdapter,
} from "../port.ts";
import { echoMethods } from "./call_contract.ts";
import type { Contract } from "./contract.ts";
import { bidiEcho, expandEcho, unaryEcho } from "./echo_service.ts";
import { aborted, until, within, withServer } from "./harness.ts";
import { RawPeer } from "./raw_peer.ts";

const expandPath = `/${expandEcho.service}/${expandEcho.method}`;
const bidiPath = `/${bidiEcho.service}/${bidiEcho.method}`;
const message = new TextEncoder().encode("x".repeat(16_000));

const backPressure: Contract = {
  "a peer that takes nothing stops the handler, and starts it again": async (adapter) => {
    const total = 400;
    let produced = 0;
    const method = implement(expandEcho, async function* () {
      for (; produced < total; produced++) yield "x".repeat(65_536);
    });
    await withServer(adapter, { methods: [method] }, async ({ server, client }) => {
      await using peer = await RawPeer.connect(server.address);
      const stream = await peer.open(expandPath);
      await peer.sendMessage(stream, new Uint8Array(), true);
      await until("the window is used up", () => peer.dataBytes(stream) === 65_535);
      await peer.pingTimes(50);
      assert.ok(produced <= 2, `the handler made ${produced} messages ahead`);
      assert.deepEqual(await client.unary(unaryEcho, "x").catch(({ code }) => code), 12);
      await peer.grant(stream, 30_000_000);
      await until("the stream ends", () => peer.ended(stream));
      assert.equal(produced, total);
      assert.equal(peer.dataBytes(stream), total * (65_536 + 5));
    });
  },

  "a handler that reads nothing stops the peer, and starts it again": async (adapter) => {
    const gate = Promise.withResolvers<void>();
    let read = 0;
    const method = implement(bidiEcho, async function* (requests: AsyncIterable<string>) {
      await gate.promise;
      for await (const request of requests) read += request.length;
      yield "end";
    });
    await withServer(adapter, { methods: [method] }, async ({ server }) => {
      await using peer = await RawPeer.connect(server.address);
      const stream = await peer.open(bidiPath);
      const sentUnread = await sendWhileAllowed(peer, stream);
      assert.ok(sentUnread < 2_000_000, `the peer could send ${sentUnread} bytes`);
      gate.resolve();
      let sent = sentUnread;
      while (sent < sentUnread + 2_000_000) {
        await until("the window opens", () => peer.sendWindow(stream) > 0);
        sent += await sendWhileAllowed(peer, stream);
      }
      await peer.sendMessage(stream, new Uint8Array(), true);
      await until("the stream ends", () => peer.ended(stream));
      assert.equal(read, sent);
    });
  },

  "streams that stall do not stop others on their connection": async (adapter) => {
    const gate = Promise.withResolvers<void>();
    const stalls = implement(bidiEcho, async function* (requests: AsyncIterable<string>) {
      await gate.promise;
      for await (const request of requests) yield request;
    });
    const answers = echoMethods.filter(({ definition }) => definition.method === "Expand");
    await withServer(adapter, { methods: [stalls, ...answers] }, async ({ server }) => {
      await using peer = await RawPeer.connect(server.address);
      for (let i = 0; i < 8; i++) await sendWhileAllowed(peer, await peer.open(bidiPath));
      const other = await peer.open(expandPath);
      await until("the connection has room", () => peer.sendWindow(other) > 0);
      await peer.sendMessage(other, new TextEncoder().encode("abc"), true);
      await until("the other stream ends", () => peer.ended(other));
      assert.equal(peer.dataBytes(other), 3 * 6);
      gate.resolve();
    });
  },
};

/** Sends messages for as long as the server gives room for them; returns the bytes of text. */
async function sendWhileAllowed(peer: RawPeer, stream: number): Promise<number> {
  let sent = 0;
  for (let idle = 0; idle < 3; idle++) {
    while (peer.sendWindow(stream) >= message.length + 5 && sent < 3_000_000) {
      await peer.sendMessage(stream, message);
      sent += message.length;
      idle = 0;
    }
    await peer.pingTimes(5);
  }
  return sent;
}

interface Witness {
  readonly method: MethodImplementation;
  readonly started: Promise<void>;
  readonly events: string[];
}

/** A bidi handler that waits for ever, and tells what it is told. */
function witness(): Witness {
  const started = Promise.withResolvers<void>();
  const events: string[] = [];
  const method = implement(
    bidiEcho,
    async function* (requests: AsyncIterable<string>, context: CallContext) {
      aborted(context.signal).then(() => events.push("signal"));
      try {
        for await (const request of requests) {
          started.resolve();
          yield request;
        }
        events.push("requests ended");
      } finally {
        events.push("left");
      }
    },
  );
  return { method, started: started.promise, events };
}

const cancellation: Contract = {
  "a client that aborts ends signal, requests, handler": (adapter) => leaveBy("signal", adapter),

  "a client that stops reading ends signal, requests, handler": (adapter) =>
    leaveBy("return", adapter),

  "a reset stream ends its handler, and no other": async (adapter) => {
    const { method, started, events } = witness();
    await withServer(
      adapter,
      { methods: [method, ...expandOnly()] },
      async ({ server, client }) => {
        await using peer = await RawPeer.connect(server.address);
        const stream = await peer.open(bidiPath);
        await peer.sendMessage(stream, new TextEncoder().encode("one"));
        await within("the handler", started);
        await peer.cancel(stream);
        await until("the handler is left", () => events.length === 3);
        const response = client.serverStream(expandEcho, "a");
        assert.equal((await response.next()).value, "a");
        assert.equal((await response.next()).done, true);
      },
    );
  },

  "return() of a response iterator is called though next() waits": async (adapter) => {
    const events: string[] = [];
    const method = implement(expandEcho, () => {
      let sent = false;
      return {
        [Symbol.asyncIterator]: () => ({
          next(): Promise<IteratorResult<string>> {
            if (sent) return new Promise(() => {});
            sent = true;
            return Promise.resolve({ done: false, value: "one" });
          },
          return(): Promise<IteratorResult<string>> {
            events.push("return");
            return Promise.resolve({ done: true, value: undefined });
          },
        }),
      };
    });
    await withServer(adapter, { methods: [method] }, async ({ client }) => {
      const responses = client.serverStream(expandEcho, "x");
      assert.equal((await responses.next()).value, "one");
      await responses.return?.();
      await until("return is called", () => events.length > 0);
      assert.deepEqual(events, ["return"]);
    });
  },

  "a deadline ends a handler whose peer takes nothing": async (adapter) => {
    const events: string[] = [];
    const method = implement(expandEcho, async function* (_: string, context: CallContext) {
      aborted(context.signal).then(() => events.push("signal"));
      try {
        for (;;) yield "x".repeat(65_536);
      } finally {
        events.push("left");
      }
    });
    await withServer(adapter, { methods: [method] }, async ({ server }) => {
      await using peer = await RawPeer.connect(server.address);
      const headers = { "grpc-timeout": "200m" };
      await peer.sendMessage(await peer.open(expandPath, { headers }), new Uint8Array(), true);
      await until("the handler is left", () => events.length === 2);
      assert.deepEqual(events.sort(), ["left", "signal"]);
    });
  },
};

function expandOnly(): MethodImplementation[] {
  return echoMethods.filter(({ definition }) => definition.method === "Expand");
}

const lostConnections: Contract = {
  "a connection lost with 100 streams ends these and no others": async (adapter) => {
    const running = new Set<AbortSignal>();
    const method = implement(
      bidiEcho,
      async function* (requests: AsyncIterable<string>, context: CallContext) {
        running.add(context.signal);
        try {
          for await (const request of requests) yield request;
        } finally {
          running.delete(context.signal);
        }
      },
    );
    await withServer(adapter, { methods: [method] }, async ({ server, client }) => {
      const { readable, writable } = new TransformStream<string, string>();
      const writer = writable.getWriter();
      const survivor = client.bidiStream(bidiEcho, readable);
      await Promise.all([writer.write("before"), survivor.next()]);
      const peer = await RawPeer.connect(server.address);
      for (let i = 0; i < 100; i++) {
        await peer.sendMessage(await peer.open(bidiPath), new TextEncoder().encode("x"));
      }
      await until("all streams run", () => running.size === 101);
      await peer.close();
      await until("the lost streams end", () => running.size === 1);
      const [{ value }] = await Promise.all([survivor.next(), writer.write("after")]);
      assert.equal(value, "after");
      await writer.close();
    });
  },
};

async function leaveBy(way: "signal" | "return", adapter: ServerAdapter): Promise<void> {
  const { method, events } = witness();
  await withServer(adapter, { methods: [method] }, async ({ client }) => {
    const controller = new AbortController();
    const gate = Promise.withResolvers<void>();
    const responses = client.bidiStream(
      bidiEcho,
      (async function* () {
        yield "one";
        await gate.promise;
      })(),
      { signal: controller.signal },
    );
    assert.equal((await responses.next()).value, "one");
    if (way === "return") await responses.return?.();
    else {
      controller.abort();
      await assert.rejects(responses.next(), { code: StatusCode.CANCELLED });
    }
    await until("the handler is left", () => events.length === 3);
    assert.deepEqual([...events].sort(), ["left", "requests ended", "signal"]);
    gate.resolve();
  });
}

/** Pace and early ends. */
export const flowContract: Contract = { ...backPressure, ...cancellation, ...lostConnections };
