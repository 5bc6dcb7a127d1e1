// SPDX-License-Identifier: Apache-2.0
/**
 * The part of the contract that is about calls that fail, end early, or come from foreign clients.
 * @module
 */
import { joinBytes, StatusCode, StatusError } from "@denvoy/base";
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { type CallContext, implement, rawCodec } from "../port.ts";
import { collect, echoMethods } from "./call_contract.ts";
import type { Contract } from "./contract.ts";
import { echoServiceName, expandEcho, textCodec, unaryEcho } from "./echo_service.ts";
import { aborted, until, within, withServer } from "./harness.ts";
import { requestHttp2, statusOf } from "./http2_request.ts";
import { frameMessage } from "./raw_peer.ts";

const unaryPath = `/${unaryEcho.service}/${unaryEcho.method}`;
const awkward = "größer als 100% — 日本語\nzweite Zeile\u0007";

const errors: Contract = {
  "a StatusError goes over the wire as it is, whatever its text": async (adapter) => {
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
  },

  "an error before any message is trailers only, its text encoded": async (adapter) => {
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
  },

  "an unknown error leaves as INTERNAL and is logged once": async (adapter) => {
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
  },

  "a request that cannot be decoded is INTERNAL, the server lives": async (adapter) => {
    await withServer(adapter, { methods: echoMethods }, async ({ client }) => {
      const raw = { ...unaryEcho, request: rawCodec };
      const bad = client.unary(raw, new Uint8Array([0xff, 0xfe]));
      await assert.rejects(bad, { code: StatusCode.INTERNAL });
      assert.equal(await client.unary(unaryEcho, "x"), "x");
    });
  },

  "what nobody implements is UNIMPLEMENTED": async (adapter) => {
    await withServer(adapter, { methods: echoMethods }, async ({ client }) => {
      const unimplemented = { code: StatusCode.UNIMPLEMENTED };
      const noMethod = { ...unaryEcho, method: "Nothing" };
      const noService = { ...unaryEcho, service: "denvoy.testing.Nobody" };
      await assert.rejects(client.unary(noMethod, "x"), unimplemented);
      await assert.rejects(client.unary(noService, "x"), unimplemented);
    });
  },
};

const endings: Contract = {
  "a deadline ends the call on both sides": async (adapter) => {
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
  },

  "a deadline ages away is no deadline that has passed": async (adapter) => {
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
  },

  "the signal of a call fires when it has ended well": async (adapter) => {
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
  },
};

const foreignRequests: Contract = {
  "compressed requests are read": async (adapter) => {
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
  },

  "responses are compressed only for a client that takes it, message by message": async (
    adapter,
  ) => {
    const methods = [
      implement(expandEcho, async function* (text: string, context: CallContext) {
        for (const compressed of [true, false]) {
          context.compressResponses(compressed);
          yield text;
        }
      }),
    ];
    await withServer(adapter, { methods }, async ({ server, client }) => {
      assert.deepEqual(await collect(client.serverStream(expandEcho, "x")), ["x", "x"]);
      const plain = await requestHttp2(server.address, {
        path: `/${echoServiceName}/Expand`,
        body: frameMessage(textCodec.encode("y") as Uint8Array),
      });
      assert.notEqual(plain.headers["grpc-encoding"], "gzip");
      assert.deepEqual([...plain.body], [0, 0, 0, 0, 1, 0x79, 0, 0, 0, 0, 1, 0x79]);
    });
  },

  "broken gzip is INTERNAL, an unknown encoding UNIMPLEMENTED": async (adapter) => {
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
  },

  "a content-type that is not gRPC's gets HTTP 415": async (adapter) => {
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
  },

  "a unary request that is not one message is UNIMPLEMENTED": async (adapter) => {
    await withServer(adapter, { methods: echoMethods }, async ({ server }) => {
      const two = [frameMessage(new Uint8Array([65])), frameMessage(new Uint8Array([66]))];
      for (const body of [new Uint8Array(), joinBytes(two)]) {
        const response = await requestHttp2(server.address, { path: unaryPath, body });
        assert.equal(statusOf(response), StatusCode.UNIMPLEMENTED, `${body.length} bytes`);
      }
    });
  },
};

/** Calls that fail, end early, or come from foreign clients. */
export const errorContract: Contract = { ...errors, ...endings, ...foreignRequests };
