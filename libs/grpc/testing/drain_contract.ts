// SPDX-License-Identifier: Apache-2.0
/**
 * The part of the contract that is about the end of a server.
 * @module
 */
import { StatusCode } from "@denvoy/base";
import assert from "node:assert/strict";
import { connectGrpc } from "../client.ts";
import { type CallContext, implement } from "../port.ts";
import { echoMethods } from "./call_contract.ts";
import type { Contract } from "./contract.ts";
import { bidiEcho, unaryEcho } from "./echo_service.ts";
import { aborted, until, within, withServer } from "./harness.ts";
import { frameType, RawPeer } from "./raw_peer.ts";

const longMs = 60_000;

/** The end of a server. */
export const drainContract: Contract = {
  "drain() of an idle server closes its connections at once": async (adapter) => {
    await withServer(adapter, { methods: echoMethods }, async ({ server, client }) => {
      assert.equal(await client.unary(unaryEcho, "x"), "x");
      await using peer = await RawPeer.connect(server.address);
      const drained = server.drain(longMs);
      assert.equal(server.drain(0), drained, "a second drain is the first");
      await within("the drain", drained);
      await until("the peer is cut", () => peer.closed);
      assert.ok(peer.has(frameType.goaway, 0));
    });
  },

  "drain() lets a running call end, and takes no new connection": async (adapter) => {
    const gate = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const method = implement(unaryEcho, async (request: string) => {
      started.resolve();
      await gate.promise;
      return request;
    });
    await withServer(adapter, { methods: [method] }, async ({ server, client }) => {
      const running = client.unary(unaryEcho, "in time");
      await within("the call", started.promise);
      const drained = server.drain(longMs);
      await using late = connectGrpc({ address: server.address });
      const refused = late.unary(unaryEcho, "late", { timeoutMs: 10_000 });
      await assert.rejects(refused, { code: StatusCode.UNAVAILABLE });
      gate.resolve();
      assert.equal(await running, "in time");
      await within("the drain", drained);
    });
  },

  "drain() aborts long streams after the grace": async (adapter) => {
    const events: string[] = [];
    const method = implement(
      bidiEcho,
      async function* (requests: AsyncIterable<string>, context: CallContext) {
        aborted(context.signal).then(() => events.push("signal"));
        for await (const request of requests) yield request;
        events.push("requests ended");
      },
    );
    await withServer(adapter, { methods: [method] }, async ({ server, client }) => {
      const gate = Promise.withResolvers<void>();
      const responses = client.bidiStream(
        bidiEcho,
        (async function* () {
          yield "one";
          await gate.promise;
        })(),
      );
      assert.equal((await responses.next()).value, "one");
      const start = performance.now();
      const drained = server.drain(300);
      await assert.rejects(responses.next(), { code: StatusCode.UNAVAILABLE });
      assert.ok(performance.now() - start >= 290, "the grace was given");
      await within("the drain", drained);
      await until("the handler is told", () => events.length === 2);
      gate.resolve();
    });
  },

  "drain() ends though peers are mute, stalled or half open": async (adapter) => {
    const method = implement(bidiEcho, async function* () {
      for (;;) yield "x".repeat(100_000);
    });
    await withServer(adapter, { methods: [method] }, async ({ server }) => {
      await using _mute = await RawPeer.connect(server.address, { silent: true });
      await using stalled = await RawPeer.connect(server.address);
      const stream = await stalled.open(`/${bidiEcho.service}/${bidiEcho.method}`);
      await until("the window is used up", () => stalled.dataBytes(stream) === 65_535);
      await within("the drain", server.drain(50));
    });
  },

  "drain() under load of 200 calls fails none that had begun": async (adapter) => {
    const method = implement(unaryEcho, async (request: string) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return request;
    });
    await withServer(adapter, { methods: [method] }, async ({ server }) => {
      await using clients = new AsyncDisposableStack();
      const calls: Promise<string | number>[] = [];
      for (let i = 0; i < 10; i++) {
        const client = clients.use(connectGrpc({ address: server.address }));
        for (let j = 0; j < 20; j++) {
          calls.push(client.unary(unaryEcho, `${i}.${j}`).catch(({ code }) => code));
        }
      }
      await Promise.any(calls);
      await within("the drain", server.drain(longMs));
      const outcomes = new Set((await Promise.all(calls)).map((outcome) => typeof outcome));
      const codes = (await Promise.all(calls)).filter((outcome) => typeof outcome === "number");
      assert.ok(outcomes.has("string"));
      assert.ok(codes.every((code) => code === StatusCode.UNAVAILABLE), `codes ${codes}`);
    });
  },
};
