// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { err, joinBytes, ok } from "@denvoy/base";
import { FakeClock, RecordingLogger } from "@denvoy/base/testing";
import type { StreamRequest } from "@denvoy/discovery";
import { messageCodec } from "@denvoy/proto";
import { Readiness } from "@denvoy/runtime";
import { openConfiguration } from "../domain/configuration.ts";
import { MemoryStore } from "../domain/memory_store.ts";
import type { NodeSecretListener } from "../domain/node_secrets.ts";
import { SECRET } from "../domain/resource_types.ts";
import { SdsHealth } from "../sds_health.ts";
import { NodeSessions } from "./node_sessions.ts";
import { SecretStreams } from "./secret_streams.ts";

const requestCodec = messageCodec("envoy.service.discovery.v3.DeltaDiscoveryRequest");
const responseCodec = messageCodec("envoy.service.discovery.v3.DeltaDiscoveryResponse");

/** Streams whose secrets the test gives. */
class Scene {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly readiness = new Readiness(this.clock);
  readonly asked: string[] = [];
  readonly listeners: NodeSecretListener[] = [];
  readonly streams: SecretStreams;
  readonly sessions: NodeSessions;
  open = 0;

  constructor() {
    const { clock, logger } = this;
    const { views, publisher } = openConfiguration({ clock, store: new MemoryStore(10) });
    const health = new SdsHealth(this.readiness.component("sds"), logger);
    this.streams = new SecretStreams({
      openSource: ({ node, identity, certificate: { serial } }, listener) => {
        if (identity.includes(",")) return err("identity must be without a comma");
        this.open++;
        this.listeners.push(listener);
        return ok({
          setNames: (names) => this.asked.push(`${node.id} as ${identity} by ${serial}: ${names}`),
          close: () => this.open--,
        });
      },
      sessions: this.sessions = new NodeSessions({
        ...{ views, clock, logger },
        get hub(): never {
          throw new Error("no stream of this test is on the main hub");
        },
      }),
      identity: undefined,
      ...{ views, publisher, clock, logger, health },
      hub: {},
      maxNames: 10,
    });
  }

  /** Opens a stream that asks for the secret `s`. */
  call(uriSans: readonly string[]) {
    const abort = new AbortController();
    const { signal } = abort;
    async function* requests(): AsyncGenerator<StreamRequest> {
      const first = { node: { id: "n" }, typeUrl: SECRET, resourceNamesSubscribe: ["s"] };
      yield requestCodec.decode(requestCodec.encode(first));
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    }
    const certificate = { serial: "a1", issuer: "CN=ca", notAfterMs: Infinity };
    const peer = { address: "1.2.3.4:5", uriSans, dnsSans: [], certificate };
    const call = { mode: "delta", peer, metadata: new Map(), signal } as const;
    const responses = this.streams.serve(requests(), call)[Symbol.asyncIterator]();
    return { abort, responses };
  }
}

Deno.test("SecretStreams asks for a node by its identity, and lets go when its call is over", async () => {
  const scene = new Scene();
  const { abort, responses } = scene.call(["spiffe://m/n"]);
  const first = responses.next();
  for (let turn = 0; turn < 1000 && scene.asked.length === 0; turn++) await Promise.resolve();
  assert.deepEqual(scene.asked, ["n as spiffe://m/n by a1: s"]);
  const [listener] = scene.listeners;
  listener?.changed({ put: [{ name: "s", version: "7", value: new Uint8Array() }], removed: [] });
  listener?.answered(["s"]);
  const { value } = await first;
  const { resources } = responseCodec.decode(joinBytes(value ?? []));
  assert.deepEqual(resources.map(({ name, version }) => [name, version]), [["s", "7"]]);
  assert.deepEqual([scene.open, scene.streams.hub.streams.size], [1, 1]);
  assert.equal([...scene.sessions.listAll()].length, 1);
  assert.equal([...scene.sessions.list()].length, 0);
  abort.abort();
  await responses.return?.();
  assert.deepEqual([scene.open, scene.streams.hub.streams.size], [0, 0]);
  assert.equal([...scene.sessions.listAll()].length, 0);
  assert.equal(scene.readiness.report().components.sds?.message, "asked for 0 streams");
});

Deno.test("SecretStreams asks nothing for a node that has no single identity", async () => {
  for (const uriSans of [[], ["spiffe://m/a", "spiffe://m/b"]]) {
    const scene = new Scene();
    const { abort, responses } = scene.call(uriSans);
    const { value } = await responses.next();
    const { removedResources } = responseCodec.decode(joinBytes(value ?? []));
    assert.deepEqual(removedResources, ["s"]);
    assert.deepEqual(scene.asked, []);
    assert.match(scene.logger.lines[0]?.message ?? "", /has no single identity/);
    abort.abort();
    await responses.return?.();
  }
});

Deno.test("SecretStreams tells that secrets are missing where no identity can be passed on", async () => {
  const scene = new Scene();
  const { abort, responses } = scene.call(["spiffe://m/a,b"]);
  const { value } = await responses.next();
  const { removedResources } = responseCodec.decode(joinBytes(value ?? []));
  assert.deepEqual(removedResources, ["s"]);
  assert.deepEqual([scene.asked, scene.open], [[], 0]);
  assert.match(scene.logger.lines[0]?.message ?? "", /identity cannot be passed on/);
  assert.equal(scene.readiness.report().components.sds?.message, "asked for 0 streams");
  abort.abort();
  await responses.return?.();
});

Deno.test("SecretStreams begins nothing for a call that is over", async () => {
  const scene = new Scene();
  const { abort, responses } = scene.call(["spiffe://m/n"]);
  abort.abort();
  await assert.rejects(() => responses.next(), /call is over/);
  assert.equal(scene.open, 0);
});
