// SPDX-License-Identifier: Apache-2.0
/** Time to live (xds_protocol "TTL"). */
import assert from "node:assert/strict";
import { TestMesh } from "./test_mesh.ts";
import { testCluster, testResource } from "./testing.ts";
import { TypeUrls } from "./type_url.ts";

const { cluster, route, virtualHost } = TypeUrls;
const TTL = "xds.config.supports-resource-ttl";
const WRAPPED = "xds.config.supports-resource-in-sotw";
const node = { clientFeatures: [TTL, WRAPPED] };
const fleeting = testResource(route, "r", { ttlMs: 2000 });

Deno.test("step() sends a TTL, and a heartbeat without body at half of it, in Delta", () => {
  const mesh = new TestMesh([fleeting, testResource(route, "lasting")]);
  const stream = mesh.open("delta", { node });
  stream.send({ typeUrl: route, resourceNamesSubscribe: ["r", "lasting"] });
  assert.deepEqual(stream.accept().resources.map(({ ttlMs }) => ttlMs), [2000, undefined]);
  for (let beat = 0; beat < 3; beat++) {
    mesh.clock.advance(999);
    assert.equal(stream.pull(), undefined);
    mesh.clock.advance(1);
    const { resources: [resource, ...others] } = stream.accept();
    assert.deepEqual(others, []);
    assert.equal(resource?.name, "r");
    assert.equal(resource?.version, fleeting.version);
    assert.equal(resource?.ttlMs, 2000);
    assert.equal(resource?.content, undefined);
  }
});

Deno.test("step() wakes the transport for a heartbeat, once", () => {
  const mesh = new TestMesh([fleeting]);
  const stream = mesh.open("delta", { node });
  let woken = 0;
  stream.stream.onWake(() => woken++);
  stream.send({ typeUrl: route, resourceNamesSubscribe: ["r"] });
  stream.accept();
  assert.equal(stream.pull(), undefined);
  mesh.clock.advance(10_000);
  assert.equal(woken, 1);
});

Deno.test("step() wraps resources with a TTL in SotW, and renews them under the version that the client accepted", () => {
  const mesh = new TestMesh([fleeting]);
  const stream = mesh.open("sotw", { node });
  stream.send({ typeUrl: route, resourceNames: ["r"] });
  const { resources: [first], versionInfo } = stream.accept({ resourceNames: ["r"] });
  assert.deepEqual([first?.content, first?.ttlMs], ["1", 2000]);
  mesh.clock.advance(1000);
  const heartbeat = stream.expect();
  assert.equal(heartbeat.resources[0]?.content, undefined);
  assert.equal(heartbeat.resources[0]?.version, versionInfo);
  assert.equal(heartbeat.versionInfo, versionInfo);
});

Deno.test("step() sends whole sets as heartbeats where leaving out means deleting", () => {
  const mesh = new TestMesh([testResource(cluster, "a", { ttlMs: 2000 }), testCluster("b")]);
  const stream = mesh.open("sotw", { node });
  stream.send({ typeUrl: cluster });
  stream.accept();
  mesh.clock.advance(1000);
  assert.deepEqual(stream.expect().resources.map(({ content }) => content), ["1", "1"]);
});

Deno.test("step() sends virtual hosts whole: Envoy takes one without body for an update", () => {
  const mesh = new TestMesh([testResource(virtualHost, "v", { ttlMs: 2000 })]);
  const stream = mesh.open("delta", { node });
  stream.send({ typeUrl: virtualHost, resourceNamesSubscribe: ["v"] });
  stream.accept();
  mesh.clock.advance(1000);
  assert.equal(stream.expect().resources[0]?.content, "1");
});

Deno.test("step() sends no TTL to clients that do not know it", async (t) => {
  const cases = [
    { mode: "delta", clientFeatures: [] },
    { mode: "delta", clientFeatures: [WRAPPED] },
    { mode: "sotw", clientFeatures: [TTL] },
    { mode: "sotw", clientFeatures: [WRAPPED] },
  ] as const;
  for (const { mode, clientFeatures } of cases) {
    await t.step(`${mode} ${clientFeatures}`, () => {
      const mesh = new TestMesh([fleeting]);
      const stream = mesh.open(mode, { node: { clientFeatures } });
      stream.send({ typeUrl: route, resourceNames: ["r"], resourceNamesSubscribe: ["r"] });
      assert.equal(stream.accept({ resourceNames: ["r"] }).resources[0]?.ttlMs, undefined);
      mesh.clock.advance(10_000);
      assert.equal(stream.pull(), undefined);
    });
  }
});

Deno.test("step() stops the heartbeats of what lost its TTL, went, or is not wanted any more", async (t) => {
  const cases: Record<string, (mesh: TestMesh) => void> = {
    "lost its TTL": (mesh) => mesh.put(testResource(route, "r", { content: "2" })),
    "went": (mesh) => mesh.remove(route, "r"),
  };
  for (const [name, change] of Object.entries(cases)) {
    await t.step(name, () => {
      const mesh = new TestMesh([fleeting]);
      const stream = mesh.open("delta", { node });
      stream.send({ typeUrl: route, resourceNamesSubscribe: ["r"] });
      stream.accept();
      change(mesh);
      stream.accept();
      mesh.clock.advance(10_000);
      assert.equal(stream.pull(), undefined);
    });
  }
});
