// SPDX-License-Identifier: Apache-2.0
/** Make before break on one stream (xds_protocol "Eventual consistency considerations"). */
import assert from "node:assert/strict";
import { contentsOf, TestMesh, type TestStream } from "./test_mesh.ts";
import { testCluster, testListener, testResource, testRoute } from "./testing.ts";
import { TypeUrls } from "./type_url.ts";

const { cluster, endpoints, listener, route } = TypeUrls;
const MODES = ["sotw", "delta"] as const;

/** Sends a subscription that means the same in both variants. */
function subscribe(stream: TestStream, typeUrl: string, ...names: string[]): void {
  stream.send({ typeUrl, resourceNames: names, resourceNamesSubscribe: names });
}

/** Accepts the next response, repeating the names that a SotW client lists. */
function acceptNext(stream: TestStream): { type: string; contents: readonly string[] } {
  const watches = new Map(stream.stream.watches().map(({ typeUrl, names }) => [typeUrl, names]));
  const response = stream.expect();
  const { typeUrl, nonce } = response;
  const resourceNames = (watches.get(typeUrl) ?? []).filter((name) => name !== "*");
  stream.send({ typeUrl, responseNonce: nonce, resourceNames });
  return { type: typeUrl.slice(typeUrl.lastIndexOf(".") + 1), contents: contentsOf(response) };
}

function settled(mesh: TestMesh, mode: "sotw" | "delta"): TestStream {
  const stream = mesh.open(mode);
  subscribe(stream, cluster);
  subscribe(stream, endpoints, ...mesh.view.list(endpoints).map(({ name }) => name));
  subscribe(stream, listener);
  subscribe(stream, route, ...mesh.view.list(route).map(({ name }) => name));
  while (stream.stream.state.types.some((type) => type.isPending)) acceptNext(stream);
  return stream;
}

for (const mode of MODES) {
  Deno.test(`step() sends clusters, endpoints, listeners, routes in this order (${mode})`, () => {
    const mesh = new TestMesh([
      testRoute("r", "1", ["c"]),
      testListener("l", "1", "r"),
      testResource(endpoints, "e"),
      testCluster("c", "1", "e"),
    ]);
    const stream = mesh.open(mode);
    subscribe(stream, route, "r");
    subscribe(stream, listener);
    subscribe(stream, endpoints, "e");
    subscribe(stream, cluster);
    const types = [1, 2, 3, 4].map(() => acceptNext(stream).type);
    assert.deepEqual(types, ["Cluster", "ClusterLoadAssignment", "Listener", "RouteConfiguration"]);
  });

  Deno.test(`step() sends a route after the ACK of its clusters and after their endpoints (${mode})`, () => {
    const mesh = new TestMesh([testRoute("r", "1", [])]);
    const stream = settled(mesh, mode);
    mesh.put(
      testRoute("r", "2", ["new"]),
      testCluster("new", "1", "new-eds"),
      testResource(endpoints, "new-eds"),
    );
    const sent = stream.expect();
    assert.deepEqual(contentsOf(sent), ["new=1"]);
    assert.equal(stream.pull(), undefined, "the cluster is not accepted yet");
    stream.send({ typeUrl: cluster, responseNonce: sent.nonce });
    assert.equal(stream.pull(), undefined, "its endpoints are not sent yet");
    subscribe(stream, endpoints, "new-eds");
    assert.deepEqual(contentsOf(stream.expect()), ["new-eds=1"]);
    assert.deepEqual(contentsOf(stream.expect()), ["r=2"], "after its endpoints, not their ACK");
  });

  Deno.test(`step() sends other routes while one waits (${mode})`, () => {
    const mesh = new TestMesh([testRoute("r", "1", []), testRoute("s", "1", [])]);
    const stream = settled(mesh, mode);
    mesh.put(testRoute("r", "2", ["new"]), testRoute("s", "2", []), testCluster("new"));
    stream.expect();
    assert.deepEqual(acceptNext(stream).contents, ["s=2"]);
  });

  Deno.test(`step() removes a cluster after the ACK of the route that replaces it (${mode})`, () => {
    const mesh = new TestMesh([testRoute("r", "1", ["old"]), testCluster("old")]);
    const stream = settled(mesh, mode);
    mesh.hub.changed(
      mesh.view,
      mesh.view.apply([
        { kind: "put", resource: testRoute("r", "2", ["new"]) },
        { kind: "put", resource: testCluster("new") },
        { kind: "delete", key: { typeUrl: cluster, name: "old" } },
      ]),
    );
    const added = acceptNext(stream);
    assert.deepEqual(added.contents, mode === "sotw" ? ["new=1", "old=1"] : ["new=1"]);
    const routed = stream.expect();
    assert.deepEqual(contentsOf(routed), ["r=2"]);
    assert.equal(stream.pull(), undefined, "the route is not accepted yet");
    stream.send({ typeUrl: route, responseNonce: routed.nonce, resourceNames: ["r"] });
    const last = stream.expect();
    assert.deepEqual(contentsOf(last), mode === "sotw" ? ["new=1"] : []);
    assert.deepEqual(last.removed, mode === "sotw" ? [] : ["old"]);
  });

  Deno.test(`step() sends a route after a cluster that comes back while it is removed (${mode})`, () => {
    const mesh = new TestMesh([testRoute("r", "1", []), testCluster("old")]);
    const stream = settled(mesh, mode);
    mesh.remove(cluster, "old");
    const removal = stream.expect();
    mesh.put(testCluster("old"), testRoute("r", "2", ["old"]));
    assert.equal(stream.pull(), undefined, "the client is about to lose the cluster");
    stream.send({ typeUrl: cluster, responseNonce: removal.nonce });
    const again = stream.expect();
    assert.deepEqual(contentsOf(again), ["old=1"]);
    assert.equal(stream.pull(), undefined, "the cluster is not accepted yet");
    stream.send({ typeUrl: cluster, responseNonce: again.nonce });
    assert.deepEqual(contentsOf(stream.expect()), ["r=2"]);
  });

  Deno.test(`step() sends a route after endpoints that come back while they are removed (${mode})`, () => {
    const mesh = new TestMesh([
      testRoute("r", "1", []),
      testCluster("c", "1", "e"),
      testResource(endpoints, "e"),
    ], { tuning: { resourceErrors: false } });
    const stream = settled(mesh, mode);
    mesh.remove(endpoints, "e");
    const removal = stream.pull();
    mesh.put(testResource(endpoints, "e"), testRoute("r", "2", ["c"]));
    if (removal === undefined) return assert.equal(mode, "sotw", "there is no removal in SotW");
    assert.equal(stream.pull(), undefined, "the client is about to lose the endpoints");
    stream.send({ typeUrl: endpoints, responseNonce: removal.nonce });
    assert.deepEqual(contentsOf(stream.expect()), ["e=1"]);
    assert.deepEqual(contentsOf(stream.expect()), ["r=2"]);
  });

  Deno.test(`step() keeps the cluster of a route whose successor was rejected (${mode})`, () => {
    const mesh = new TestMesh([
      testRoute("r", "1", ["old"]),
      testCluster("old", "1", "old-eds"),
      testResource(endpoints, "old-eds"),
    ], { tuning: { resourceErrors: false } });
    const stream = settled(mesh, mode);
    mesh.put(testRoute("r", "2", []));
    mesh.remove(cluster, "old");
    mesh.remove(endpoints, "old-eds");
    stream.reject("bad route", { resourceNames: ["r"] });
    assert.equal(stream.pull(), undefined);
    mesh.clock.advance(60_000);
    assert.equal(stream.pull(), undefined);
    mesh.put(testRoute("r", "3", []));
    assert.deepEqual(acceptNext(stream).contents, ["r=3"]);
    const last = stream.expect();
    assert.equal(last.typeUrl, cluster);
    assert.deepEqual(last.removed, mode === "sotw" ? [] : ["old"]);
  });

  Deno.test(`step() waits for nothing longer than it is told (${mode})`, () => {
    const mesh = new TestMesh([testRoute("r", "1", ["old"]), testCluster("old")]);
    const stream = settled(mesh, mode);
    mesh.remove(cluster, "old");
    mesh.put(testRoute("r", "2", ["new"]), testCluster("new"));
    stream.expect();
    assert.equal(stream.pull(), undefined, "the client does not acknowledge");
    mesh.clock.advance(4999);
    assert.equal(stream.pull(), undefined);
    mesh.clock.advance(1);
    assert.deepEqual(contentsOf(stream.pull()), ["r=2"]);
  });

  Deno.test(`step() wakes the transport when a wait ends (${mode})`, () => {
    const mesh = new TestMesh([testRoute("r", "1", [])]);
    const stream = settled(mesh, mode);
    mesh.put(testRoute("r", "2", ["new"]), testCluster("new"));
    stream.expect();
    stream.pull();
    let woken = 0;
    stream.stream.onWake(() => woken++);
    mesh.clock.advance(5000);
    assert.equal(woken, 1);
    assert.deepEqual(contentsOf(stream.pull()), ["r=2"]);
  });

  Deno.test(`step() does not wait for endpoints that the client takes from elsewhere (${mode})`, () => {
    const mesh = new TestMesh([testCluster("c", "1", "e"), testRoute("r", "1", ["c"])]);
    mesh.put(testResource(endpoints, "e"));
    const stream = mesh.open(mode);
    subscribe(stream, cluster);
    acceptNext(stream);
    subscribe(stream, route, "r");
    assert.equal(stream.pull(), undefined, "it may still ask");
    mesh.clock.advance(5000);
    assert.deepEqual(acceptNext(stream).contents, ["r=1"]);
    mesh.put(testRoute("r", "2", ["c"]));
    assert.deepEqual(acceptNext(stream).contents, ["r=2"], "once is enough");
  });

  Deno.test(`step() does not wait for clusters that the client does not ask for (${mode})`, () => {
    const mesh = new TestMesh([testCluster("c"), testRoute("r", "1", ["c", "unknown"])]);
    const stream = mesh.open(mode);
    subscribe(stream, route, "r");
    assert.deepEqual(acceptNext(stream).contents, ["r=1"]);
    const other = mesh.open(mode);
    subscribe(other, cluster, "another");
    other.pull();
    subscribe(other, route, "r");
    assert.deepEqual(contentsOf(other.pull()), ["r=1"]);
  });

  Deno.test(`step() sends unchanged endpoints again after a changed cluster: "Warming of Cluster is completed only when a new ClusterLoadAssignment response is supplied" (${mode})`, () => {
    const mesh = new TestMesh([testCluster("c", "1", "e"), testResource(endpoints, "e")]);
    const stream = settled(mesh, mode);
    mesh.put(testCluster("c", "2", "e"));
    assert.deepEqual(acceptNext(stream), { type: "Cluster", contents: ["c=2"] });
    assert.deepEqual(acceptNext(stream), { type: "ClusterLoadAssignment", contents: ["e=1"] });
    assert.equal(stream.pull(), undefined);
  });

  Deno.test(`step() sends the route of a changed listener again (${mode})`, () => {
    const mesh = new TestMesh([testListener("l", "1", "r"), testRoute("r", "1", [])]);
    const stream = settled(mesh, mode);
    mesh.put(testListener("l", "2", "r"));
    assert.deepEqual(acceptNext(stream), { type: "Listener", contents: ["l=2"] });
    assert.deepEqual(acceptNext(stream), { type: "RouteConfiguration", contents: ["r=1"] });
  });

  Deno.test(`step() answers endpoints before clusters, and again after them (${mode})`, () => {
    const mesh = new TestMesh([testCluster("c", "1", "e"), testResource(endpoints, "e")]);
    const stream = mesh.open(mode);
    subscribe(stream, endpoints, "e");
    assert.deepEqual(acceptNext(stream).contents, ["e=1"]);
    subscribe(stream, cluster);
    assert.deepEqual(acceptNext(stream).contents, ["c=1"]);
    assert.deepEqual(acceptNext(stream).contents, ["e=1"]);
  });

  Deno.test(`step() holds new endpoints back until the cluster that changes with them was sent (${mode})`, () => {
    const mesh = new TestMesh([testCluster("c", "1", "e"), testResource(endpoints, "e")]);
    const stream = settled(mesh, mode);
    mesh.put(testCluster("c", "2", "e"));
    const second = stream.expect();
    acceptNext(stream);
    mesh.put(testCluster("c", "3", "e"), testResource(endpoints, "e", { content: "2" }));
    assert.equal(stream.pull(), undefined, "the cluster before is not accepted yet");
    stream.send({ typeUrl: cluster, responseNonce: second.nonce });
    assert.deepEqual(acceptNext(stream).contents, ["c=3"]);
    assert.deepEqual(acceptNext(stream).contents, ["e=2"]);
  });

  Deno.test(`step() answers the endpoints it has, with a placeholder for a cluster without any (${mode})`, () => {
    const empty = testResource(endpoints, "without", { content: "empty" });
    const mesh = new TestMesh([testResource(endpoints, "with")], {
      view: { placeholder: (_typeUrl, name) => name === "without" ? empty : undefined },
    });
    const stream = mesh.open(mode);
    subscribe(stream, endpoints, "with", "without", "unknown");
    assert.deepEqual(acceptNext(stream).contents, ["with=1", "without=empty"]);
    mesh.put(testResource(endpoints, "without"));
    assert.deepEqual(acceptNext(stream).contents, ["without=1"]);
    mesh.remove(endpoints, "without");
    assert.deepEqual(acceptNext(stream).contents, ["without=empty"]);
  });
}

Deno.test("step() sends the first set of listeners complete, after the clusters that they need", () => {
  const bound = [{ typeUrl: cluster, name: "c" }];
  const mesh = new TestMesh([
    testCluster("c"),
    testResource(listener, "tcp", { references: bound }),
    testListener("other", "1"),
  ]);
  const stream = mesh.open("delta");
  subscribe(stream, listener);
  subscribe(stream, cluster);
  const first = stream.expect();
  assert.deepEqual(contentsOf(first), ["c=1"]);
  assert.equal(stream.pull(), undefined, "not a part of the listeners");
  stream.send({ typeUrl: cluster, responseNonce: first.nonce });
  assert.deepEqual(contentsOf(stream.pull()), ["other=1", "tcp=1"]);
});

Deno.test("step() removes a cluster that went while the client was away only after its routes came", () => {
  const mesh = new TestMesh([testCluster("new"), testRoute("r", "2", ["new"])]);
  const stream = mesh.open("delta");
  stream.send({ typeUrl: cluster, initialResourceVersions: { old: "1" } });
  assert.deepEqual(acceptNext(stream), { type: "Cluster", contents: ["new=1"] });
  assert.equal(stream.pull(), undefined);
  subscribe(stream, listener);
  subscribe(stream, route, "r");
  const types = [acceptNext(stream), acceptNext(stream)].map(({ type }) => type);
  assert.deepEqual(types, ["Listener", "RouteConfiguration"]);
  assert.deepEqual(stream.expect().removed, ["old"]);
});

Deno.test("step() leaves a SotW client that comes back a cluster that went meanwhile, until its routes came", () => {
  const old = testCluster("old");
  const view = { lingering: (typeUrl: string) => typeUrl === cluster ? [old] : [] };
  const mesh = new TestMesh([testCluster("new"), testRoute("r", "2", ["new"])], { view });
  const stream = mesh.open("sotw");
  stream.send({ typeUrl: cluster, versionInfo: "of an earlier stream" });
  assert.deepEqual(acceptNext(stream).contents.toSorted(), ["new=1", "old=1"]);
  assert.equal(stream.pull(), undefined);
  subscribe(stream, listener);
  subscribe(stream, route, "r");
  assert.deepEqual([acceptNext(stream), acceptNext(stream)].map(({ contents }) => contents), [
    [],
    ["r=2"],
  ]);
  assert.deepEqual(acceptNext(stream).contents, ["new=1"]);
  assert.equal(stream.pull(), undefined);
});

Deno.test("step() gives a SotW client that is new nothing that lingers", () => {
  const view = { lingering: () => [testCluster("old")] };
  const mesh = new TestMesh([testCluster("new")], { view });
  const stream = mesh.open("sotw");
  subscribe(stream, cluster);
  assert.deepEqual(acceptNext(stream).contents, ["new=1"]);
});
