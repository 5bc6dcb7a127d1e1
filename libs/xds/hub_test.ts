// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { FakeClock } from "@denvoy/base/testing";
import { Hub } from "./hub.ts";
import type { HubStream } from "./hub_stream.ts";
import { contentsOf, TestMesh } from "./test_mesh.ts";
import { ScriptedClient, testCluster, testListener, testResource, testRoute } from "./testing.ts";
import { TypeUrls } from "./type_url.ts";
import { MemoryView } from "./view.ts";

const { cluster, endpoints, listener, route } = TypeUrls;

for (const mode of ["sotw", "delta"] as const) {
  Deno.test(`Hub serves a whole mesh to a client that starts with nothing (${mode})`, () => {
    const view = new MemoryView();
    view.apply([
      testCluster("blue", "1", "blue-eds"),
      testResource(endpoints, "blue-eds"),
      testListener("http", "1", "local"),
      testRoute("local", "1", ["blue"]),
    ].map((resource) => ({ kind: "put", resource })));
    const hub = new Hub({ clock: new FakeClock() });
    const client = new ScriptedClient(hub.open({ mode, view, node: { id: "envoy" } }));
    client.subscribeAll(cluster);
    client.subscribeAll(listener);
    client.settle();
    assert.deepEqual(client.contents(cluster), { blue: "1" });
    assert.deepEqual(client.contents(endpoints), { "blue-eds": "1" });
    assert.deepEqual(client.contents(listener), { http: "1" });
    assert.deepEqual(client.contents(route), { local: "1" });
  });
}

Deno.test("Hub.changed() wakes the streams that want a key, and no other", () => {
  const mesh = new TestMesh();
  const woken: string[] = [];
  const subscriptions: Record<string, string[]> = {
    "by name": ["a/1"],
    "by glob": ["a/*"],
    "by another name": ["b/1"],
    "by another glob": ["b/*"],
  };
  const streams = Object.entries(subscriptions).map(([reason, resourceNamesSubscribe]) => {
    const stream = mesh.open("delta");
    stream.send({ typeUrl: endpoints, resourceNamesSubscribe });
    stream.stream.onWake(() => woken.push(reason));
    return stream;
  });
  mesh.put(testResource(endpoints, "a/1"));
  assert.deepEqual(woken.sort(), ["by glob", "by name"]);
  for (const { stream } of streams) stream.close();
  mesh.put(testResource(endpoints, "a/1", { content: "2" }));
  assert.equal(woken.length, 2, "nobody after the end");
  assert.equal(mesh.hub.streams.size, 0);
});

Deno.test("Hub coalesces for a client that does not read, and delays nobody for it", () => {
  const mesh = new TestMesh([testCluster("c", "0")]);
  const [slow, quick] = [mesh.open("delta"), mesh.open("delta")];
  for (const stream of [slow, quick]) {
    stream.send({ typeUrl: cluster });
    stream.accept();
  }
  for (let version = 1; version <= 100; version++) {
    mesh.put(testCluster("c", `${version}`), testCluster("other", `${version}`));
    assert.deepEqual(contentsOf(quick.accept()), [`c=${version}`, `other=${version}`]);
  }
  assert.deepEqual(contentsOf(slow.accept()), ["c=100", "other=100"], "the latest, once");
  assert.equal(slow.pull(), undefined);
});

Deno.test("Hub shares the bytes of equal responses between streams", () => {
  const names = Array.from({ length: 50 }, (_, number) => `e${number}`);
  const mesh = new TestMesh(names.map((name) => testResource(endpoints, name)));
  for (const mode of ["sotw", "delta"] as const) {
    const bodies = [names, [...names].reverse()].map((list) => {
      const { stream } = mesh.open(mode);
      stream.request({ typeUrl: endpoints, resourceNames: list, resourceNamesSubscribe: list });
      return stream.pull()?.[0];
    });
    assert.ok(bodies[0] instanceof Uint8Array);
    assert.equal(bodies[0], bodies[1], "one buffer, whatever the order of names");
  }
});

Deno.test("Hub.reassign() sends what differs in the other view", () => {
  const mesh = new TestMesh([testCluster("same"), testCluster("here"), testCluster("both", "1")]);
  const other = new MemoryView();
  const put = (...resources: ReturnType<typeof testCluster>[]) =>
    mesh.hub.changed(
      other,
      other.apply(resources.map((resource) => ({ kind: "put", resource }))),
    );
  put(testCluster("same"), testCluster("there"), testCluster("both", "2"));
  const client = mesh.connect("delta");
  client.subscribeAll(cluster);
  client.settle();
  const [stream] = mesh.hub.streams;
  assert.ok(stream);
  mesh.hub.reassign(stream, other);
  const [response] = client.settle();
  assert.deepEqual(contentsOf(response), ["both=2", "there=1"]);
  assert.deepEqual(response?.removed, ["here"]);
  mesh.put(testCluster("here", "3"));
  assert.deepEqual(client.settle(), []);
  put(testCluster("there", "4"));
  assert.deepEqual(contentsOf(client.settle()[0]), ["there=4"]);
});

Deno.test("Hub tells its observer the time from a change to its ACK", () => {
  const pushes: (number | undefined)[] = [];
  const opened: HubStream[] = [];
  const mesh = new TestMesh([testCluster("c")], {
    observer: {
      onOpened: (stream) => opened.push(stream),
      onAccepted: (_stream, { changedAtMs }, nowMs) =>
        pushes.push(changedAtMs === undefined ? undefined : nowMs - changedAtMs),
    },
  });
  const stream = mesh.open("delta");
  stream.send({ typeUrl: cluster });
  stream.accept();
  mesh.put(testCluster("c", "2"));
  mesh.clock.advance(7);
  mesh.put(testCluster("c", "3"));
  mesh.clock.advance(5);
  stream.accept();
  assert.deepEqual(pushes, [undefined, 12], "the first answered a request, not a change");
  assert.deepEqual(opened, [stream.stream]);
});

Deno.test("Hub drops shared encoded responses that nobody needs any more", () => {
  const names = ["a", "b"];
  const mesh = new TestMesh(names.map((name) => testResource(endpoints, name)));
  const first = mesh.open("delta");
  first.send({ typeUrl: endpoints, resourceNamesSubscribe: names });
  const bytes = first.stream.pull();
  mesh.clock.advance(60_000);
  const second = mesh.open("delta");
  second.send({ typeUrl: endpoints, resourceNamesSubscribe: names });
  assert.notEqual(second.stream.pull()?.[0], bytes?.[0]);
});
