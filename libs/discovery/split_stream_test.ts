// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { joinBytes } from "@denvoy/base";
import { FakeClock } from "@denvoy/base/testing";
import { messageCodec } from "@denvoy/proto";
import { Hub, MemoryView, type Resource, serveStream, TypeUrls } from "@denvoy/xds";
import type { StreamRequest } from "./discovery_sessions.ts";
import { splitStream } from "./split_stream.ts";

const { cluster, secret } = TypeUrls;
const requestCodec = messageCodec("envoy.service.discovery.v3.DeltaDiscoveryRequest");
const responseCodec = messageCodec("envoy.service.discovery.v3.DeltaDiscoveryResponse");

function request(parts: Parameters<typeof requestCodec.encode>[0]): StreamRequest {
  return requestCodec.decode(requestCodec.encode(parts));
}

function resource(typeUrl: string, name: string, version = "1"): Resource {
  return { typeUrl, name, version, value: new Uint8Array(), references: [] };
}

/** Requests that a test sends, as a transport hands them over. */
class Requests implements AsyncIterable<StreamRequest> {
  readonly #stream: TransformStream<StreamRequest, StreamRequest> = new TransformStream();
  readonly #writer = this.#stream.writable.getWriter();

  send(parts: Parameters<typeof requestCodec.encode>[0]): void {
    void this.#writer.write(request(parts));
  }

  end(): void {
    void this.#writer.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<StreamRequest> {
    return this.#stream.readable[Symbol.asyncIterator]();
  }
}

/** A stream whose secrets come from another hub than the rest. */
class Scene {
  readonly requests = new Requests();
  readonly view = new MemoryView();
  readonly secrets = new MemoryView();
  readonly hub = new Hub({ clock: new FakeClock() });
  readonly secretHub = new Hub({ clock: new FakeClock() });
  readonly nodes: (string | undefined)[] = [];
  readonly responses: AsyncIterator<Uint8Array | readonly Uint8Array[]>;
  refusal: Error | undefined;

  constructor() {
    this.view.apply([{ kind: "put", resource: resource(cluster, "c") }]);
    this.secrets.apply([{ kind: "put", resource: resource(secret, "s") }]);
    const serve = (hub: Hub, view: MemoryView) => (requests: AsyncIterable<StreamRequest>) =>
      serveStream(requests, {
        hub,
        mode: "delta",
        assign: (node) => {
          this.nodes.push(node?.id ?? undefined);
          if (hub === this.secretHub && this.refusal !== undefined) throw this.refusal;
          return view;
        },
      });
    this.responses = splitStream(this.requests, {
      isBeside: ({ typeUrl }) => typeUrl === secret,
      main: serve(this.hub, this.view),
      beside: serve(this.secretHub, this.secrets),
    })[Symbol.asyncIterator]();
  }

  async next() {
    const { done, value } = await this.responses.next();
    return done ? undefined : responseCodec.decode(joinBytes(value));
  }
}

Deno.test("splitStream() answers each type from its side, and both sides know the node", async () => {
  const scene = new Scene();
  scene.requests.send({ node: { id: "n" }, typeUrl: secret, resourceNamesSubscribe: ["s"] });
  scene.requests.send({ typeUrl: cluster });
  const first = [await scene.next(), await scene.next()];
  assert.deepEqual(first.map((each) => each?.typeUrl).sort(), [cluster, secret].sort());
  assert.deepEqual(scene.nodes, ["n", "n"]);
  for (const each of first) {
    scene.requests.send({ typeUrl: each?.typeUrl ?? "", responseNonce: each?.nonce ?? "" });
  }
  for (
    const [hub, view, typeUrl, name] of [
      [scene.secretHub, scene.secrets, secret, "s"],
      [scene.hub, scene.view, cluster, "c"],
      [scene.secretHub, scene.secrets, secret, "s"],
    ] as const
  ) {
    const next = scene.next();
    const version = `${Math.floor(performance.now() * 1000)}`;
    const put = { kind: "put", resource: resource(typeUrl, name, version) } as const;
    hub.changed(view, view.apply([put]));
    const response = await next;
    assert.deepEqual([response?.typeUrl, response?.resources[0]?.version], [typeUrl, version]);
    scene.requests.send({ typeUrl, responseNonce: response?.nonce ?? "" });
  }
  await scene.responses.return?.();
  assert.equal(scene.hub.streams.size + scene.secretHub.streams.size, 0);
  assert.equal(await scene.next(), undefined);
});

Deno.test("splitStream() fails when either side does, and closes the other", async () => {
  const scene = new Scene();
  scene.refusal = new Error("not you");
  scene.requests.send({ node: { id: "n" }, typeUrl: cluster });
  await scene.next();
  scene.requests.send({ typeUrl: secret, resourceNamesSubscribe: ["s"] });
  await assert.rejects(() => scene.next(), /not you/);
  assert.equal(scene.hub.streams.size, 0);
});

Deno.test("splitStream() ends with its requests, and with its main side", async () => {
  const ended = new Scene();
  ended.requests.send({ node: { id: "n" }, typeUrl: secret, resourceNamesSubscribe: ["s"] });
  assert.equal((await ended.next())?.typeUrl, secret);
  ended.requests.end();
  assert.equal(await ended.next(), undefined);
  const drained = new Scene();
  drained.requests.send({ node: { id: "n" }, typeUrl: cluster });
  drained.requests.send({ typeUrl: secret, resourceNamesSubscribe: ["s"] });
  await drained.next();
  await drained.next();
  const last = drained.next();
  drained.hub.endStreams();
  assert.equal(await last, undefined);
  assert.equal(drained.secretHub.streams.size, 0);
});
