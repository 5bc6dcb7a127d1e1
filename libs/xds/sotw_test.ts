// SPDX-License-Identifier: Apache-2.0
/** Rules of the state-of-the-world variant, each with the sentence that it comes from. */
import assert from "node:assert/strict";
import { contentsOf, TestMesh } from "./test_mesh.ts";
import { testCluster, testListener, testResource } from "./testing.ts";
import { TypeUrls } from "./type_url.ts";

const { cluster, endpoints, listener, secret } = TypeUrls;

function eds(...names: string[]) {
  return names.map((name) => testResource(endpoints, name));
}

Deno.test('step() keeps the node of the first request: "Only the first request on a stream is guaranteed to carry the node identifier"', () => {
  const { stream } = new TestMesh().open("sotw", { node: { id: "first" } });
  stream.request({ typeUrl: cluster, node: { id: "second" } });
  assert.equal(stream.node?.id, "first");
});

Deno.test('step() takes error_detail as the NACK: "NACK ... is indicated by the presence of the error_detail field"', () => {
  const mesh = new TestMesh(eds("a"));
  const stream = mesh.open("sotw");
  stream.send({ typeUrl: endpoints, resourceNames: ["a"] });
  // The version is the one just sent: it says nothing.
  const { versionInfo } = stream.reject("bad", { resourceNames: ["a"], versionInfo: "any" });
  assert.ok(versionInfo);
  assert.equal(stream.pull(), undefined, "a NACK is never answered with the same content");
  mesh.put(testResource(endpoints, "a", { content: "2" }));
  assert.deepEqual(contentsOf(stream.pull()), ["a=2"]);
});

Deno.test('step() honours a first request whatever its nonce: "the nonce is valid only in the context of an individual xDS stream"', () => {
  const stream = new TestMesh(eds("a")).open("sotw");
  stream.send({ typeUrl: endpoints, resourceNames: ["a"], responseNonce: "of-another-stream" });
  assert.deepEqual(contentsOf(stream.pull()), ["a=1"]);
});

Deno.test("step() uses nonces of one type only for that type, and never the same on two streams", () => {
  const mesh = new TestMesh([testCluster("c"), ...eds("a")]);
  const [one, two] = [mesh.open("sotw"), mesh.open("sotw")];
  const first = one.ask({ typeUrl: cluster });
  one.send({ typeUrl: endpoints, resourceNames: ["a"], responseNonce: first?.nonce });
  const second = one.expect();
  assert.notEqual(first?.nonce, second.nonce);
  mesh.put(testCluster("c", "2"));
  assert.equal(
    one.pull(),
    undefined,
    "the nonce of a cluster in a request for endpoints is no ACK",
  );
  assert.notEqual(two.ask({ typeUrl: cluster })?.nonce, first?.nonce);
});

Deno.test('step() does not answer while one is unanswered, and honours names in stale requests: "should not send a DiscoveryResponse for any DiscoveryRequest that has a stale nonce"', () => {
  const stream = new TestMesh(eds("a", "b", "c")).open("sotw");
  stream.send({ typeUrl: endpoints, resourceNames: ["a"] });
  const first = stream.expect();
  stream.send({ typeUrl: endpoints, resourceNames: ["a", "b"], responseNonce: "stale" });
  assert.equal(stream.pull(), undefined);
  stream.send({ typeUrl: endpoints, resourceNames: ["a", "b", "c"], responseNonce: first.nonce });
  assert.deepEqual(contentsOf(stream.pull()), ["b=1", "c=1"]);
});

Deno.test('step() answers only the latest request: "new DiscoveryRequests supersede any prior DiscoveryRequests having the same resource type"', () => {
  const stream = new TestMesh(eds("a", "b")).open("sotw");
  stream.send({ typeUrl: endpoints, resourceNames: ["a"] });
  stream.send({ typeUrl: endpoints, resourceNames: ["b"] });
  assert.deepEqual(contentsOf(stream.accept({ resourceNames: ["b"] })), ["b=1"]);
  assert.equal(stream.pull(), undefined);
});

Deno.test('step() is silent when nothing changed: "should only send updates ... when the resources in the DiscoveryResponse have changed"', () => {
  const mesh = new TestMesh([testCluster("c"), ...eds("a")]);
  const stream = mesh.open("sotw");
  stream.send({ typeUrl: cluster });
  stream.accept();
  stream.send({ typeUrl: endpoints, resourceNames: ["a"] });
  stream.accept({ resourceNames: ["a"] });
  mesh.put(testCluster("c"), ...eds("a"));
  mesh.hub.changed(mesh.view, [{ typeUrl: cluster, name: "c" }, { typeUrl: endpoints, name: "a" }]);
  assert.equal(stream.pull(), undefined);
});

Deno.test('step() sends a newly listed name though it was sent before: "must resend any newly requested resources, even if it previously sent those resources"', () => {
  const stream = new TestMesh(eds("a", "b")).open("sotw");
  stream.send({ typeUrl: endpoints, resourceNames: ["a", "b"] });
  const { nonce: responseNonce } = stream.accept({ resourceNames: ["a"] });
  stream.send({ typeUrl: endpoints, resourceNames: ["a", "b"], responseNonce });
  assert.deepEqual(contentsOf(stream.pull()), ["b=1"]);
});

Deno.test('step() sends whole sets of clusters: "must resend all 100 of them, even the 99 that were not modified"', () => {
  const mesh = new TestMesh([testCluster("a"), testCluster("b")]);
  const stream = mesh.open("sotw");
  stream.send({ typeUrl: cluster });
  stream.accept();
  mesh.put(testCluster("b", "2"));
  assert.deepEqual(contentsOf(stream.accept()), ["a=1", "b=2"]);
  mesh.remove(cluster, "a", "b");
  assert.deepEqual(contentsOf(stream.accept()), [], "an empty set deletes all");
});

Deno.test('step() sends only what changed of other types, and no deletion: "deletions are indicated implicitly by parent resources"', () => {
  const mesh = new TestMesh(eds("a", "b"), { tuning: { resourceErrors: false } });
  const stream = mesh.open("sotw");
  stream.send({ typeUrl: endpoints, resourceNames: ["a", "b"] });
  stream.accept({ resourceNames: ["a", "b"] });
  mesh.put(testResource(endpoints, "b", { content: "2" }));
  assert.deepEqual(contentsOf(stream.accept({ resourceNames: ["a", "b"] })), ["b=2"]);
  mesh.remove(endpoints, "a");
  assert.equal(stream.pull(), undefined);
  mesh.put(...eds("a"));
  assert.deepEqual(contentsOf(stream.pull()), ["a=1"], "it is sent again when it is back");
});

Deno.test("step() follows the SotW example of the specification in its four steps", () => {
  const mesh = new TestMesh([testCluster("A"), testCluster("B")]);
  const stream = mesh.open("sotw");
  const watches = () => stream.stream.watches().map(({ names }) => names);
  stream.send({ typeUrl: cluster });
  assert.deepEqual(watches(), [["*"]], "unset: a subscription to *");
  assert.deepEqual(contentsOf(stream.accept({ resourceNames: ["*", "A"] })), ["A=1", "B=1"]);
  assert.deepEqual(watches(), [["A", "*"]], "continues * and adds A");
  assert.deepEqual(contentsOf(stream.accept({ resourceNames: ["A"] })), ["A=1", "B=1"]);
  assert.deepEqual(watches(), [["A"]], "unsubscribes from * and continues A");
  mesh.put(testCluster("B", "2"));
  assert.equal(stream.pull(), undefined);
  mesh.put(testCluster("A", "2"));
  assert.deepEqual(contentsOf(stream.accept({ resourceNames: [] })), ["A=2"]);
  assert.deepEqual(watches(), [[]], "unset again: nothing");
  mesh.put(testCluster("A", "3"));
  assert.equal(stream.pull(), undefined);
});

Deno.test("step() takes an empty first request for endpoints or secrets as nothing, not as all", () => {
  const stream = new TestMesh([...eds("a"), testResource(secret, "key")]).open("sotw");
  assert.equal(stream.ask({ typeUrl: endpoints }), undefined);
  assert.equal(stream.ask({ typeUrl: secret }), undefined);
});

Deno.test('step() remembers names that do not exist: "must remember the set of resources being requested ... and if one of those resources springs into existence later, the server must send an update"', () => {
  const mesh = new TestMesh([], { tuning: { resourceErrors: false } });
  const stream = mesh.open("sotw");
  assert.equal(stream.ask({ typeUrl: endpoints, resourceNames: ["late"] }), undefined);
  mesh.put(...eds("late"));
  assert.deepEqual(contentsOf(stream.pull()), ["late=1"]);
});

Deno.test('step() does not resend a set that a returning client has: "it is generally safe for servers to do this optimization for LDS and CDS when the only subscription is a wildcard subscription"', () => {
  const mesh = new TestMesh([testCluster("c"), testListener("l", "1"), ...eds("a")]);
  const before = mesh.open("sotw");
  const versions = new Map([cluster, listener, endpoints].map((typeUrl) => {
    before.send({ typeUrl, resourceNames: typeUrl === endpoints ? ["a"] : [] });
    return [typeUrl, before.accept().versionInfo];
  }));
  const after = mesh.open("sotw");
  assert.equal(after.ask({ typeUrl: cluster, versionInfo: versions.get(cluster) }), undefined);
  assert.equal(after.ask({ typeUrl: listener, versionInfo: versions.get(listener) }), undefined);
  const named = { typeUrl: endpoints, versionInfo: versions.get(endpoints), resourceNames: ["a"] };
  assert.deepEqual(contentsOf(after.ask(named)), ["a=1"], "endpoints are always answered");
  mesh.put(testCluster("c", "2"));
  assert.deepEqual(contentsOf(after.pull()), ["c=2"], "and what changes later is sent");
});

Deno.test("step() resends a set to a returning client when its version is another, or may not be the truth", () => {
  const mesh = new TestMesh([testCluster("c")]);
  const first = mesh.open("sotw");
  first.send({ typeUrl: cluster });
  const { versionInfo } = first.reject("Error adding/updating cluster(s) c: bad");
  const second = mesh.open("sotw");
  assert.ok(second.ask({ typeUrl: cluster, versionInfo: "0" }));
  const third = mesh.open("sotw");
  assert.ok(third.ask({ typeUrl: cluster, versionInfo }), "a NACKed response may be partly used");
});

Deno.test("step() has equal versions for equal content on every replica, whatever the order", () => {
  const versions = [["a", "b"], ["b", "a"]].map((names) => {
    const stream = new TestMesh(names.map((name) => testCluster(name))).open("sotw");
    return stream.ask({ typeUrl: cluster })?.versionInfo;
  });
  assert.equal(versions[0], versions[1]);
  assert.match(versions[0] ?? "", /^[0-9a-f]{16}$/);
});

Deno.test("step() sends no type that nobody watches, and forgets what is in flight for it", () => {
  const mesh = new TestMesh(eds("a"));
  const stream = mesh.open("sotw");
  stream.send({ typeUrl: endpoints, resourceNames: ["a"] });
  stream.expect();
  stream.send({ typeUrl: endpoints, resourceNames: [] });
  mesh.put(testResource(endpoints, "a", { content: "2" }));
  assert.equal(stream.pull(), undefined);
  // Envoy did not acknowledge the response that it was not interested in any more.
  stream.send({ typeUrl: endpoints, resourceNames: ["a"] });
  assert.deepEqual(contentsOf(stream.pull()), ["a=2"]);
});

Deno.test('step() never repeats a name in a response: "It is an error for a server to send a single response that contains the same resource name twice"', () => {
  const stream = new TestMesh([testCluster("a"), testCluster("b")]).open("sotw");
  const response = stream.ask({ typeUrl: cluster, resourceNames: ["a", "*", "a", "b"] });
  assert.deepEqual(contentsOf(response), ["a=1", "b=1"]);
});

Deno.test("step() sends all clusters that are listed, each time", () => {
  const mesh = new TestMesh([testCluster("a"), testCluster("b"), testCluster("c")]);
  const stream = mesh.open("sotw");
  stream.send({ typeUrl: cluster, resourceNames: ["a"] });
  assert.deepEqual(contentsOf(stream.accept({ resourceNames: ["a", "b"] })), ["a=1"]);
  assert.deepEqual(contentsOf(stream.accept({ resourceNames: ["a", "b"] })), ["a=1", "b=1"]);
  mesh.put(testCluster("a", "2"), testCluster("c", "2"));
  assert.deepEqual(contentsOf(stream.accept({ resourceNames: ["b"] })), ["a=2", "b=1"]);
  mesh.put(testCluster("b", "2"));
  assert.deepEqual(contentsOf(stream.pull()), ["b=2"]);
});

Deno.test("step() answers a listed cluster that does not exist with what does", () => {
  const stream = new TestMesh([testCluster("a")]).open("sotw");
  stream.send({ typeUrl: cluster, resourceNames: ["a", "nope"] });
  const response = stream.expect();
  assert.deepEqual(contentsOf(response), ["a=1"]);
  assert.deepEqual(response.errors, [{ name: "nope", code: 5 }]);
});

Deno.test("step() answers an empty wildcard of clusters, or Envoy would wait", () => {
  const response = new TestMesh().open("sotw").ask({ typeUrl: cluster });
  assert.deepEqual(contentsOf(response), []);
  assert.equal(response?.versionInfo, "0000000000000000");
});

Deno.test("step() sends one secret in each response, in both variants, and never one twice", () => {
  for (const mode of ["sotw", "delta"] as const) {
    const names = ["a", "b", "c"];
    const mesh = new TestMesh(names.map((name) => testResource(secret, name)));
    const stream = mesh.open(mode);
    const asked = { resourceNames: names, resourceNamesSubscribe: names };
    stream.send({ typeUrl: secret, ...asked });
    const again = mode === "sotw" ? { resourceNames: names } : {};
    const answers = [stream.accept(again), stream.accept(again), stream.accept(again)];
    assert.deepEqual(answers.map(contentsOf), [["a=1"], ["b=1"], ["c=1"]], mode);
    mesh.put(testResource(secret, "c", { content: "2" }));
    assert.deepEqual(contentsOf(stream.accept(again)), ["c=2"], mode);
    assert.equal(stream.pull(), undefined, mode);
  }
});
