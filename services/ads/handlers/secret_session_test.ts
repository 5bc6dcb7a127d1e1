// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { FakeClock } from "@denvoy/base/testing";
import { messageCodec } from "@denvoy/proto";
import { Hub, MemoryView, type ProtocolMode } from "@denvoy/xds";
import { NodeSecrets } from "../domain/node_secrets.ts";
import { SECRET } from "../domain/resource_types.ts";
import { SecretSession } from "./secret_session.ts";

const delta = messageCodec("envoy.service.discovery.v3.DeltaDiscoveryRequest");
const sotw = messageCodec("envoy.service.discovery.v3.DiscoveryRequest");

/** A session with a source that the test plays. */
class Scene {
  readonly clock = new FakeClock();
  readonly catalog = new MemoryView();
  readonly secrets = new NodeSecrets(() => this.catalog);
  readonly session: SecretSession;
  asked: readonly string[] = [];
  isClosed = false;

  constructor(mode: ProtocolMode, { maxNames = 10 } = {}) {
    const { clock, secrets } = this;
    this.session = new SecretSession({ secrets, hub: new Hub({ clock }), mode, maxNames, clock });
    this.session.attach({
      setNames: (names) => this.asked = names,
      close: () => this.isClosed = true,
    });
  }

  delta(subscribe: readonly string[], unsubscribe: readonly string[] = []) {
    return this.session.prepare(delta.decode(delta.encode({
      resourceNamesSubscribe: subscribe,
      resourceNamesUnsubscribe: unsubscribe,
    })));
  }

  sotw(...resourceNames: readonly string[]) {
    return this.session.prepare(sotw.decode(sotw.encode({ resourceNames })));
  }
}

async function isSettled(wait: Promise<void> | undefined): Promise<boolean> {
  let settled = wait === undefined;
  void wait?.then(() => settled = true);
  await Promise.resolve();
  await Promise.resolve();
  return settled;
}

Deno.test("SecretSession asks for what a node wants, and for nothing else", () => {
  const scene = new Scene("delta");
  void scene.delta(["a", "b", "*", "x/*"]);
  assert.deepEqual(scene.asked, ["a", "b"]);
  void scene.delta(["c"], ["a"]);
  assert.deepEqual(scene.asked, ["b", "c"]);
  const whole = new Scene("sotw");
  void whole.sotw("a", "b");
  void whole.sotw("b", "c");
  assert.deepEqual(whole.asked, ["b", "c"]);
  scene.session.close();
  assert.equal(scene.isClosed, true);
});

Deno.test("SecretSession lets a request wait for all answers, whatever they are", async () => {
  const scene = new Scene("delta");
  const wait = scene.delta(["a", "b"]);
  assert.equal(await isSettled(wait), false);
  scene.session.answer(["a"]);
  assert.equal(await isSettled(wait), false);
  scene.session.answer(["b"]);
  assert.equal(await isSettled(wait), true);
  assert.equal(scene.delta([]), undefined, "an ACK waits for nothing");
  assert.equal(scene.delta(["a"]), undefined);
  scene.delta([], ["a"]);
  assert.equal(await isSettled(scene.delta(["a"])), false, "asked for anew");
  scene.session.close();
});

Deno.test("SecretSession lets no request wait longer than ten seconds, nor beyond its end", async () => {
  const scene = new Scene("delta");
  const wait = scene.delta(["a"]);
  scene.clock.advance(9999);
  assert.equal(await isSettled(wait), false);
  scene.clock.advance(1);
  assert.equal(await isSettled(wait), true);
  const second = scene.delta(["b"]);
  scene.session.close();
  assert.equal(await isSettled(second), true);
});

Deno.test("SecretSession asks for no more names than a stream may, and for none of the catalog", () => {
  const scene = new Scene("delta", { maxNames: 2 });
  assert.equal(scene.delta(["a", "b", "c"]), undefined);
  assert.deepEqual(scene.asked, []);
  const own = new Scene("delta");
  const put = (name: string) => {
    const resource = { typeUrl: SECRET, name, version: "1", value: new Uint8Array() };
    own.catalog.apply([{ kind: "put", resource: { ...resource, references: [] } }]);
  };
  put("a");
  assert.equal(own.delta(["a"]), undefined);
  assert.deepEqual(own.asked, []);
  void own.delta(["b"]);
  put("b");
  own.session.changeOwn(["b"]);
  assert.deepEqual(own.asked, []);
  own.session.close();
});

Deno.test("SecretSession without a source lets nothing wait", () => {
  const clock = new FakeClock();
  const secrets = new NodeSecrets(() => new MemoryView());
  const hub = new Hub({ clock });
  const session = new SecretSession({ secrets, hub, mode: "delta", maxNames: 9, clock });
  const request = delta.decode(delta.encode({ resourceNamesSubscribe: ["a"] }));
  assert.equal(session.prepare(request), undefined);
});
