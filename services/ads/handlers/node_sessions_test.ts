// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { FakeClock, RecordingLogger } from "@denvoy/base/testing";
import { Hub } from "@denvoy/xds";
import { openConfiguration } from "../domain/configuration.ts";
import { MemoryStore } from "../domain/memory_store.ts";
import { NodeIdentityTemplate } from "@denvoy/base";
import { NodeSessions } from "./node_sessions.ts";

Deno.test("NodeSessions.identify() logs a refusal, and at most one a second", () => {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const { views } = openConfiguration({ clock, store: new MemoryStore() });
  const identity = NodeIdentityTemplate.parse("spiffe://shop/{id}");
  assert.ok(identity.ok);
  const parts = { hub: new Hub({ clock }), views, clock, logger, identity: identity.value };
  const sessions = new NodeSessions(parts);
  const peer = { address: "192.0.2.1:5", uriSans: ["spiffe://shop/b"], dnsSans: [] };
  const node = { id: "a", cluster: "", userAgentName: "", extensions: [], clientFeatures: [] };
  const claimed = { ...node, listeningAddresses: [], dynamicParameters: {} };
  const refuse = () => assert.throws(() => sessions.identify(claimed, peer), /must show/);

  refuse();
  refuse();
  refuse();
  assert.equal(logger.lines.length, 1);
  assert.equal(logger.lines[0]?.fields.address, "192.0.2.1:5");
  assert.match(String(logger.lines[0]?.fields.detail), /"spiffe:\/\/shop\/a"/);
  clock.advance(1000);
  refuse();
  assert.deepEqual(logger.lines.map(({ fields }) => fields.others), [undefined, 2]);
});
