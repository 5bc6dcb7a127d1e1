// SPDX-License-Identifier: Apache-2.0
import { StatusCode, StatusError } from "@denvoy/base";
import assert from "node:assert/strict";
import { connectGrpc } from "./client.ts";
import { serveGrpcJs } from "./grpc_js/serve.ts";
import { type CallContext, implement, type MethodImplementation } from "./port.ts";
import { bidiEcho, collectEcho, expandEcho, unaryEcho } from "./testing/echo_service.ts";
import { aborted, until, withServer } from "./testing/harness.ts";

const endless: MethodImplementation[] = [
  implement(unaryEcho, async (_: string, { signal }: CallContext) => {
    await aborted(signal);
    return "never";
  }),
];

Deno.test("GrpcClient fails with UNAVAILABLE where nobody listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await using client = connectGrpc({ address: `127.0.0.1:${port}` });
  await assert.rejects(client.unary(unaryEcho, "x"), { code: StatusCode.UNAVAILABLE });
  await assert.rejects(client.waitForReady(50), { code: StatusCode.UNAVAILABLE });
});

Deno.test("GrpcClient.waitForReady() ends when the client is closed", async () => {
  const client = connectGrpc({ address: "127.0.0.1:1" });
  const waiting = assert.rejects(client.waitForReady(60_000), { code: StatusCode.CANCELLED });
  await client.close();
  await waiting;
});

Deno.test("GrpcClient.waitForReady() resolves once connected", async () => {
  await withServer(serveGrpcJs, {}, ({ client }) => client.waitForReady(10_000));
});

Deno.test("GrpcClient.close() cancels what is under way and refuses what comes", async () => {
  await withServer(serveGrpcJs, { methods: endless }, async ({ client }) => {
    const running = client.unary(unaryEcho, "x");
    const closed = client.close();
    await assert.rejects(running, { code: StatusCode.CANCELLED, message: "client is closed" });
    assert.throws(() => client.bidiStream(bidiEcho, []), { code: StatusCode.CANCELLED });
    await closed;
  });
});

Deno.test("GrpcClient fails with CANCELLED on a signal, also one that has fired before", async () => {
  await withServer(serveGrpcJs, { methods: endless }, async ({ client }) => {
    const cancelled = { code: StatusCode.CANCELLED };
    const fired = client.unary(unaryEcho, "x", { signal: AbortSignal.abort() });
    await assert.rejects(fired, cancelled);
    const controller = new AbortController();
    const running = client.unary(unaryEcho, "x", { signal: controller.signal });
    controller.abort();
    await assert.rejects(running, cancelled);
  });
});

Deno.test("GrpcClient.bidiStream() throws what its requests throw", async () => {
  const echo = implement(bidiEcho, (requests: AsyncIterable<string>) => requests);
  await withServer(serveGrpcJs, { methods: [echo] }, async ({ client }) => {
    const responses = client.bidiStream(
      bidiEcho,
      (function* () {
        yield "one";
        throw new TypeError("no second");
      })(),
    );
    await assert.rejects(async () => {
      for await (const _ of responses);
    }, /no second/);
  });
});

Deno.test("GrpcClient calls return() of requests when the server ends the call first", async () => {
  const method = implement(collectEcho, (): Promise<string> => {
    throw new StatusError(StatusCode.PERMISSION_DENIED, "not you");
  });
  await withServer(serveGrpcJs, { methods: [method] }, async ({ client }) => {
    let returned = false;
    const requests = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<IteratorResult<string>>(() => {}),
        return: () => {
          returned = true;
          return Promise.resolve({ done: true as const, value: undefined });
        },
      }),
    };
    const call = client.clientStream(collectEcho, requests);
    await assert.rejects(call, { code: StatusCode.PERMISSION_DENIED });
    await until("requests are returned", () => returned);
  });
});

Deno.test("GrpcClient takes from the server only what is read", async () => {
  let produced = 0;
  const method = implement(expandEcho, async function* () {
    for (; produced < 400; produced++) yield "x".repeat(65_536);
  });
  const other = implement(unaryEcho, (request: string) => request);
  await withServer(serveGrpcJs, { methods: [method, other] }, async ({ client }) => {
    const responses = client.serverStream(expandEcho, "x");
    await responses.next();
    for (let i = 0; i < 50; i++) await client.unary(unaryEcho, "a turn for both sides");
    assert.ok(produced < 10, `the server made ${produced} messages`);
    let read = 1;
    for await (const _ of responses) read++;
    assert.equal(read, 400);
  });
});

Deno.test("GrpcClient takes from requests only what the server reads", async () => {
  let pulled = 0;
  const method = implement(
    bidiEcho,
    async function* (_: AsyncIterable<string>, context: CallContext) {
      await aborted(context.signal);
      yield "never";
    },
  );
  const other = implement(unaryEcho, (request: string) => request);
  await withServer(serveGrpcJs, { methods: [method, other] }, async ({ client }) => {
    const responses = client.bidiStream(
      bidiEcho,
      (function* () {
        for (; pulled < 400; pulled++) yield "x".repeat(65_536);
      })(),
    );
    for (let i = 0; i < 50; i++) await client.unary(unaryEcho, "a turn for both sides");
    assert.ok(pulled < 40, `the client sent ${pulled} messages`);
    await responses.return?.();
  });
});

Deno.test("GrpcClient reports a message over its limit as RESOURCE_EXHAUSTED", async () => {
  const method = implement(unaryEcho, (request: string) => request.repeat(100));
  const options = { methods: [method], client: { maxReceiveMessageBytes: 50 } };
  await withServer(serveGrpcJs, options, async ({ client }) => {
    await assert.rejects(client.unary(unaryEcho, "x"), { code: StatusCode.RESOURCE_EXHAUSTED });
  });
});
