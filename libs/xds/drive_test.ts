// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { type Bytes, StatusCode, StatusError } from "@denvoy/base";
import type { DeltaDiscoveryRequest } from "./discovery_request.ts";
import { serveStream } from "./drive.ts";
import { contentsOf, TestMesh } from "./test_mesh.ts";
import { decodeResponse, testCluster } from "./testing.ts";
import { TypeUrls } from "./type_url.ts";

const { cluster } = TypeUrls;

/** Requests that a test sends one by one. */
class Requests implements AsyncIterable<DeltaDiscoveryRequest> {
  readonly #queue: DeltaDiscoveryRequest[] = [];
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  send(request: DeltaDiscoveryRequest): void {
    this.#queue.push(request);
    this.#wake?.();
  }

  end(failure?: Error): void {
    this.#ended = true;
    this.#failure = failure;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<DeltaDiscoveryRequest> {
    while (true) {
      const next = this.#queue.shift();
      if (next !== undefined) yield next;
      else if (this.#failure !== undefined) throw this.#failure;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

function start(mesh: TestMesh, requests: Requests): AsyncIterator<Bytes> {
  const assign = () => mesh.view;
  return serveStream(requests, { hub: mesh.hub, mode: "delta", assign })[Symbol.asyncIterator]();
}

async function next(responses: AsyncIterator<Bytes>) {
  const { done, value } = await responses.next();
  assert.ok(!done);
  return decodeResponse(value, "delta");
}

Deno.test("serveStream() answers requests, and changes when they happen", async () => {
  const mesh = new TestMesh([testCluster("c")]);
  const requests = new Requests();
  const responses = start(mesh, requests);
  requests.send({ typeUrl: cluster, node: { id: "n" } });
  const first = await next(responses);
  assert.deepEqual(contentsOf(first), ["c=1"]);
  const second = next(responses);
  requests.send({ typeUrl: cluster, responseNonce: first.nonce });
  await Promise.resolve();
  mesh.put(testCluster("c", "2"));
  assert.deepEqual(contentsOf(await second), ["c=2"]);
  const [stream] = mesh.hub.streams;
  assert.equal(stream?.node?.id, "n");
  requests.end();
  assert.deepEqual(await responses.next(), { done: true, value: undefined });
  assert.equal(mesh.hub.streams.size, 0);
});

Deno.test("serveStream() makes a response when it is asked for, from what is current then", async () => {
  const mesh = new TestMesh([testCluster("c")]);
  const requests = new Requests();
  const responses = start(mesh, requests);
  requests.send({ typeUrl: cluster });
  const { nonce } = await next(responses);
  requests.send({ typeUrl: cluster, responseNonce: nonce });
  for (let version = 2; version < 100; version++) mesh.put(testCluster("c", `${version}`));
  assert.deepEqual(contentsOf(await next(responses)), ["c=99"]);
  await responses.return?.();
  requests.end();
});

Deno.test("serveStream() delivers what is due when the client ended its side", async () => {
  const mesh = new TestMesh([testCluster("c")]);
  const requests = new Requests();
  const responses = start(mesh, requests);
  requests.send({ typeUrl: cluster });
  requests.end();
  assert.deepEqual(contentsOf(await next(responses)), ["c=1"]);
  assert.equal((await responses.next()).done, true);
});

Deno.test("serveStream() ends when its reader goes away, even while it waits", async () => {
  const mesh = new TestMesh();
  const requests = new Requests();
  const responses = start(mesh, requests);
  requests.send({ typeUrl: cluster });
  await next(responses);
  const waiting = responses.next();
  await responses.return?.();
  assert.equal((await waiting).done, true);
  assert.equal(mesh.hub.streams.size, 0);
  requests.end();
});

Deno.test("serveStream() throws what ends a stream", async (t) => {
  await t.step("a client that asks for too much", async () => {
    const mesh = new TestMesh([], {
      tuning: { limits: { maxNames: 1, maxNameCharacters: 9, maxTypes: 1 } },
    });
    const requests = new Requests();
    const responses = start(mesh, requests);
    requests.send({ typeUrl: cluster, resourceNamesSubscribe: ["a", "b"] });
    await assert.rejects(responses.next(), { name: "StatusError", code: 8 });
    assert.equal(mesh.hub.streams.size, 0);
  });
  await t.step("a node that is not let in", async () => {
    const mesh = new TestMesh();
    const requests = new Requests();
    const assign = () => {
      throw new StatusError(7, "not you");
    };
    const responses = serveStream(requests, { hub: mesh.hub, mode: "delta", assign });
    requests.send({ typeUrl: cluster });
    await assert.rejects(responses[Symbol.asyncIterator]().next(), { code: 7 });
  });
  await t.step("a transport that breaks", async () => {
    const mesh = new TestMesh();
    const requests = new Requests();
    const responses = start(mesh, requests);
    requests.end(new Error("reset"));
    await assert.rejects(responses.next(), /reset/);
  });
});

Deno.test("serveStream() ends in good order when the hub ends its streams", async () => {
  const mesh = new TestMesh([testCluster("c")]);
  const requests = new Requests();
  const responses = start(mesh, requests);
  requests.send({ typeUrl: cluster, node: { id: "n" } });
  const first = await next(responses);
  const second = next(responses);
  requests.send({ typeUrl: cluster, responseNonce: first.nonce });
  await new Promise((resolve) => setTimeout(resolve));
  mesh.put(testCluster("c", "2"));
  mesh.hub.endStreams();
  // What was due is sent before the end.
  assert.deepEqual(contentsOf(await second), ["c=2"]);
  assert.deepEqual(await responses.next(), { done: true, value: undefined });
  // A call that is only now opened is answered, and then ended, too.
  const late = new Requests();
  const lateResponses = start(mesh, late);
  late.send({ typeUrl: cluster, node: { id: "m" } });
  assert.deepEqual(contentsOf(await next(lateResponses)), ["c=2"]);
  assert.deepEqual(await lateResponses.next(), { done: true, value: undefined });
  assert.equal(mesh.hub.streams.size, 0);
});

Deno.test("serveStream() ends with the status of a stream that was failed, and sends nothing more", async () => {
  const mesh = new TestMesh([testCluster("c")]);
  const requests = new Requests();
  const responses = start(mesh, requests);
  requests.send({ typeUrl: cluster, node: { id: "n" } });
  await next(responses);
  const pending = responses.next();
  const [stream] = mesh.hub.streams;
  mesh.put(testCluster("c", "2"));
  stream?.fail(new StatusError(StatusCode.UNAUTHENTICATED, "revoked"));
  stream?.fail(new StatusError(StatusCode.INTERNAL, "too late"));
  await assert.rejects(pending, { code: StatusCode.UNAUTHENTICATED, message: "revoked" });
  assert.equal(mesh.hub.streams.size, 0);
  requests.end();
});
