// SPDX-License-Identifier: Apache-2.0
/** Rules of incremental xDS, each with the sentence that it comes from. */
import assert from "node:assert/strict";
import { contentsOf, TestMesh } from "./test_mesh.ts";
import { testCluster, testResource } from "./testing.ts";
import { TypeUrls } from "./type_url.ts";

const { cluster, endpoints, extensionConfig, lbEndpoint, route, secret, virtualHost } = TypeUrls;

function eds(...names: string[]) {
  return names.map((name) => testResource(endpoints, name));
}

Deno.test('step() honours subscriptions under any nonce: "must honor changes to the subscription state even if the nonce is stale"', () => {
  const mesh = new TestMesh(eds("a", "b", "c"));
  const stream = mesh.open("delta");
  stream.send({ typeUrl: endpoints, resourceNamesSubscribe: ["a"] });
  const { nonce } = stream.expect();
  stream.send({ typeUrl: endpoints, resourceNamesSubscribe: ["b"], responseNonce: "stale" });
  stream.send({ typeUrl: endpoints, resourceNamesSubscribe: ["c"] });
  assert.equal(stream.pull(), undefined, "neither of them is an ACK");
  stream.send({ typeUrl: endpoints, responseNonce: nonce });
  assert.deepEqual(contentsOf(stream.pull()), ["b=1", "c=1"]);
});

Deno.test('step() takes ACK, NACK and subscription in one request: "can be either or both of"', () => {
  const mesh = new TestMesh(eds("a", "b"));
  const stream = mesh.open("delta");
  stream.send({ typeUrl: endpoints, resourceNamesSubscribe: ["a"] });
  stream.reject("bad", { resourceNamesSubscribe: ["b"] });
  assert.deepEqual(contentsOf(stream.accept({ resourceNamesUnsubscribe: ["b"] })), ["b=1"]);
  mesh.put(testResource(endpoints, "b", { content: "2" }));
  assert.equal(stream.pull(), undefined);
});

Deno.test('step() sends what is subscribed again: "The server must still provide those resources in the response; ... the client may have forgotten those resources"', () => {
  const stream = new TestMesh(eds("a", "b")).open("delta");
  stream.send({ typeUrl: endpoints, resourceNamesSubscribe: ["a", "b"] });
  stream.accept();
  stream.send({ typeUrl: endpoints, resourceNamesSubscribe: ["a"] });
  assert.deepEqual(contentsOf(stream.pull()), ["a=1"]);
});

Deno.test("step() sends named resources on reconnect though their version is known, and skips unchanged ones of a wildcard", () => {
  const mesh = new TestMesh([testCluster("old"), testCluster("new", "2"), ...eds("a")]);
  const stream = mesh.open("delta");
  stream.send({ typeUrl: cluster, initialResourceVersions: { old: "1", new: "1" } });
  assert.deepEqual(contentsOf(stream.accept()), ["new=2"]);
  const initialResourceVersions = new Map([["a", "1"]]);
  stream.send({ typeUrl: endpoints, resourceNamesSubscribe: ["a"], initialResourceVersions });
  assert.deepEqual(contentsOf(stream.accept()), ["a=1"]);
});

Deno.test('step() tells that a name does not exist and keeps the subscription: "will send a DeltaDiscoveryResponse message that contains that resource\'s name in the removed_resources field"', async (t) => {
  for (const typeUrl of [cluster, TypeUrls.listener, route, endpoints, "type.googleapis.com/own"]) {
    await t.step(typeUrl, () => {
      const mesh = new TestMesh();
      const stream = mesh.open("delta");
      stream.send({ typeUrl, resourceNamesSubscribe: ["late"] });
      const { removed, errors } = stream.accept();
      assert.deepEqual(removed, ["late"]);
      assert.deepEqual(errors, [{ name: "late", code: 5 }]);
      assert.equal(stream.pull(), undefined);
      mesh.put(testResource(typeUrl, "late"));
      assert.deepEqual(contentsOf(stream.accept()), ["late=1"]);
      mesh.remove(typeUrl, "late");
      assert.deepEqual(stream.expect().removed, ["late"]);
    });
  }
});

Deno.test("step() tells no absence of secrets and extension configs, unless it is told to", async (t) => {
  for (const typeUrl of [secret, extensionConfig]) {
    for (const tellRemovals of [false, true]) {
      await t.step(`${typeUrl} ${tellRemovals}`, () => {
        const mesh = new TestMesh([testResource(typeUrl, "here")], {
          tuning: { tellRemovals, resourceErrors: false },
        });
        const stream = mesh.open("delta");
        stream.send({ typeUrl, resourceNamesSubscribe: ["here", "gone"] });
        assert.deepEqual(stream.accept().removed, tellRemovals ? ["gone"] : []);
        mesh.remove(typeUrl, "here");
        assert.deepEqual(stream.pull()?.removed, tellRemovals ? ["here"] : undefined);
      });
    }
  }
});

Deno.test('step() answers a virtual host that does not exist with its name as alias: "name and aliases set to the requested host entry and the resource unpopulated"', () => {
  const stream = new TestMesh().open("delta");
  stream.send({ typeUrl: virtualHost, resourceNamesSubscribe: ["local/example.com"] });
  const { resources: [resource], removed } = stream.expect();
  assert.equal(resource?.name, "local/example.com");
  assert.deepEqual(resource?.aliases, ["local/example.com"]);
  assert.equal(resource?.content, undefined);
  assert.deepEqual(removed, []);
});

Deno.test("step() removes on reconnect what went while the client was away", () => {
  const mesh = new TestMesh([testCluster("stays")]);
  const stream = mesh.open("delta", { typeUrl: cluster });
  stream.send({ initialResourceVersions: { stays: "1", gone: "1" } });
  const { resources, removed } = stream.accept();
  assert.deepEqual(resources, []);
  assert.deepEqual(removed, ["gone"]);
  const other = mesh.open("delta", { typeUrl: endpoints });
  other.send({ initialResourceVersions: { unwanted: "1" } });
  assert.deepEqual(other.expect().removed, ["unwanted"], "even if it is not asked for any more");
});

Deno.test('step() answers the unsubscription of a name beside a wildcard: "must send a response that includes the specific resource in either the removed_resources field ... or in the resources field"', () => {
  const stream = new TestMesh([testCluster("in")]).open("delta");
  stream.send({ typeUrl: cluster, resourceNamesSubscribe: ["*", "in", "out"] });
  stream.accept();
  stream.send({ typeUrl: cluster, resourceNamesUnsubscribe: ["in", "out", "unknown"] });
  const { resources, removed } = stream.expect();
  assert.deepEqual(resources.map(({ name }) => name), ["in"]);
  assert.deepEqual(removed, ["out"]);
});

Deno.test('step() ignores other unsubscriptions: "it can simply ignore these phantom unsubscriptions"', () => {
  const stream = new TestMesh(eds("a")).open("delta");
  stream.send({ typeUrl: endpoints, resourceNamesSubscribe: ["a"] });
  stream.accept();
  stream.send({ typeUrl: endpoints, resourceNamesUnsubscribe: ["a", "never"] });
  assert.equal(stream.pull(), undefined);
});

Deno.test("step() answers the first wildcard even if it is empty, or Envoy never finishes initialising", () => {
  const stream = new TestMesh().open("delta");
  assert.deepEqual(contentsOf(stream.ask({ typeUrl: cluster })), []);
});

Deno.test("step() follows the Delta example of the specification in its four steps", () => {
  const mesh = new TestMesh([testCluster("A"), testCluster("B")]);
  const stream = mesh.open("delta");
  const watches = () => stream.stream.watches().map(({ names }) => names);
  stream.send({ typeUrl: cluster });
  assert.deepEqual(watches(), [["*"]], "unset: a subscription to *");
  assert.deepEqual(contentsOf(stream.accept()), ["A=1", "B=1"]);
  stream.send({ typeUrl: cluster, resourceNamesSubscribe: ["A"] });
  assert.deepEqual(watches(), [["A", "*"]], "continues * and adds A");
  assert.deepEqual(contentsOf(stream.accept()), ["A=1"]);
  stream.send({ typeUrl: cluster, resourceNamesUnsubscribe: ["*"] });
  assert.deepEqual(watches(), [["A"]], "unsubscribes from * and continues A");
  mesh.put(testCluster("A", "2"), testCluster("B", "2"));
  assert.deepEqual(contentsOf(stream.accept()), ["A=2"]);
  stream.send({ typeUrl: cluster, resourceNamesUnsubscribe: ["A"] });
  assert.deepEqual(watches(), [[]], "nothing is left");
  stream.send({ typeUrl: cluster });
  assert.deepEqual(watches(), [[]], "and an empty request is no wildcard any more");
});

Deno.test('step() sends the type of its resources as type_url, and versions that are theirs: "Must be consistent with the type_url in the Any"', () => {
  const stream = new TestMesh([testCluster("c", "hash-of-c")]).open("delta");
  const response = stream.ask({ typeUrl: cluster });
  assert.equal(response?.typeUrl, cluster);
  assert.equal(response?.resources[0]?.version, "hash-of-c");
});

Deno.test("step() serves glob collections: members, later ones, and that one is empty", () => {
  const prefix = "xdstp://authority/envoy.config.endpoint.v3.LbEndpoint/blue/";
  const mesh = new TestMesh([
    testResource(lbEndpoint, `${prefix}1`),
    testResource(lbEndpoint, "x/1"),
  ]);
  const stream = mesh.open("delta");
  stream.send({ typeUrl: lbEndpoint, resourceNamesSubscribe: [`${prefix}*`, "empty/*"] });
  const response = stream.accept();
  assert.deepEqual(contentsOf(response), [`${prefix}1=1`]);
  assert.deepEqual(response.removed, ["empty/*"]);
  mesh.put(testResource(lbEndpoint, `${prefix}2`), testResource(lbEndpoint, "x/2"));
  assert.deepEqual(contentsOf(stream.accept()), [`${prefix}2=1`]);
  mesh.remove(lbEndpoint, `${prefix}1`);
  assert.deepEqual(stream.accept().removed, [`${prefix}1`]);
  stream.send({ typeUrl: lbEndpoint, resourceNamesUnsubscribe: [`${prefix}*`] });
  mesh.put(testResource(lbEndpoint, `${prefix}2`, { content: "2" }));
  assert.equal(stream.pull(), undefined);
});

Deno.test("step() takes names in resource locators like other names", () => {
  const stream = new TestMesh(eds("a", "b")).open("delta");
  stream.send({ typeUrl: endpoints, resourceLocatorsSubscribe: [{ name: "a" }, { name: "b" }] });
  assert.deepEqual(contentsOf(stream.accept()), ["a=1", "b=1"]);
  stream.send({ typeUrl: endpoints, resourceLocatorsUnsubscribe: [{ name: "a" }] });
  assert.deepEqual(stream.stream.watches()[0]?.names, ["b"]);
});

Deno.test("step() tells why a name is refused", () => {
  const mesh = new TestMesh([], {
    view: { refusal: () => ({ code: 7, message: "not for this node" }) },
  });
  const stream = mesh.open("delta");
  stream.send({ typeUrl: endpoints, resourceNamesSubscribe: ["private"] });
  assert.deepEqual(stream.expect().errors, [{ name: "private", code: 7 }]);
});
