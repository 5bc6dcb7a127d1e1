// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { joinBytes } from "@denvoy/base";
import { FakeClock } from "@denvoy/base/testing";
import { messageCodec } from "@denvoy/proto";
import { Hub, type HubStream, type Resource } from "@denvoy/xds";
import type { SlotEdit } from "./catalog.ts";
import { openConfiguration } from "./configuration.ts";
import { MemoryStore } from "./memory_store.ts";
import { CLUSTER } from "./resource_types.ts";
import { defaultRolloutRules } from "./rollout.ts";
import { testNode, testSelector, textResource } from "./testing.ts";

const codec = messageCodec("envoy.service.discovery.v3.DeltaDiscoveryResponse");

/** Configuration, hub and Delta streams joined as the service joins them. */
class Mesh {
  readonly clock = new FakeClock();
  readonly config = openConfiguration({ clock: this.clock, store: new MemoryStore() });
  readonly hub = new Hub({
    clock: this.clock,
    observer: {
      onSent: (stream, { resources }) => this.#deliver("sent", stream, resources),
      onAccepted: (stream, { resources }) => this.#deliver("acked", stream, resources),
      onRejected: (stream, { resources }) => this.#deliver("nacked", stream, resources),
    },
  });

  constructor() {
    this.config.files.replace([], "start");
    this.config.publisher.listen((changes) => {
      for (const { view, keys } of changes) this.hub.changed(view, keys);
    });
  }

  connect(id: string): Node {
    const lease = this.config.views.lease({
      node: testNode(id),
      moved: (view) => this.hub.reassign(stream, view),
    });
    const stream = this.hub.open({ mode: "delta", view: lease.view });
    return new Node(id, stream);
  }

  put(text: string): void {
    this.config.writer.apply(this.#request(text), { nowMs: this.clock.nowMs() });
  }

  rollout(text: string): string {
    const outcome = this.config.rolloutControl.start(this.#request(text), {
      audience: testSelector("id=edge-*"),
      rules: defaultRolloutRules,
    });
    assert.equal(outcome.kind, "started");
    return outcome.kind === "started" ? outcome.rollout.id : "";
  }

  status(id: string): string | undefined {
    return this.config.rollouts.get(id)?.state.status.kind;
  }

  seconds(count: number): void {
    for (let second = 0; second < count; second++) {
      this.clock.advance(1000);
      this.config.tick();
    }
  }

  #request(text: string) {
    const resource = textResource("c", { text });
    const edit: SlotEdit = {
      key: { typeUrl: CLUSTER, name: "c" },
      selector: testSelector(""),
      layer: "api",
      entry: { resource, who: "me", atMs: 0 },
    };
    return { source: "api", who: "me", summary: "", edits: [edit], policy: "warn" } as const;
  }

  #deliver(
    kind: "sent" | "acked" | "nacked",
    ...[stream, resources]: [HubStream, readonly Resource[]]
  ): void {
    const node = stream.node?.id ?? "";
    this.config.rolloutControl.delivered({ kind, node, resources, why: "no" });
  }
}

/** A node that subscribes to all clusters. */
class Node {
  readonly #stream: HubStream;
  #nonce = "";
  content: string | undefined;

  constructor(id: string, stream: HubStream) {
    this.#stream = stream;
    stream.request({ node: { id }, typeUrl: CLUSTER });
    this.take();
    this.answer();
  }

  /** Takes what there is; returns whether that was anything. */
  take(): boolean {
    const bytes = this.#stream.pull();
    if (bytes === undefined) return false;
    const { nonce, resources } = codec.decode(joinBytes(bytes));
    this.#nonce = nonce;
    for (const { resource } of resources) {
      this.content = new TextDecoder().decode(resource?.value);
    }
    return true;
  }

  answer(errorMessage?: string): void {
    this.#stream.request({
      typeUrl: CLUSTER,
      responseNonce: this.#nonce,
      ...(errorMessage === undefined ? {} : { errorDetail: { code: 3, message: errorMessage } }),
    });
  }
}

Deno.test("a rollout goes to its audience, and on their ACK to all streams", () => {
  const mesh = new Mesh();
  mesh.put("1");
  const [edge, core] = [mesh.connect("edge-1"), mesh.connect("core-1")];
  assert.deepEqual([edge.content, core.content], ["1", "1"]);
  const id = mesh.rollout("2");
  assert.ok(edge.take());
  assert.ok(!core.take());
  assert.equal(edge.content, "2");
  mesh.seconds(6);
  assert.equal(mesh.status(id), "canary");
  edge.answer();
  assert.equal(mesh.status(id), "promoted");
  assert.ok(core.take());
  assert.equal(core.content, "2");
  assert.ok(!edge.take(), "the audience has it already");
});

Deno.test("a rollout goes back on a NACK, and the audience gets what it had", () => {
  const mesh = new Mesh();
  mesh.put("1");
  const [edge, core] = [mesh.connect("edge-1"), mesh.connect("core-1")];
  const id = mesh.rollout("2");
  edge.take();
  edge.answer("bad");
  assert.equal(mesh.status(id), "reverted");
  assert.ok(!core.take());
  assert.equal(core.content, "1");
  mesh.put("3");
  for (const node of [edge, core]) {
    while (node.take()) node.answer();
    assert.equal(node.content, "3");
  }
});

Deno.test("a rollout to a node that connects while it is under way", () => {
  const mesh = new Mesh();
  mesh.put("1");
  const core = mesh.connect("core-1");
  const id = mesh.rollout("2");
  mesh.seconds(6);
  const edge = mesh.connect("edge-1");
  assert.equal(edge.content, "2");
  assert.equal(mesh.status(id), "promoted");
  assert.ok(core.take());
  assert.equal(core.content, "2");
});
