// SPDX-License-Identifier: Apache-2.0
/** What follows from a NACK: for the resource, for the rest of its response, and for other nodes. */
import assert from "node:assert/strict";
import type { Resource } from "./resource.ts";
import { contentsOf, TestMesh, type TestStream } from "./test_mesh.ts";
import { testCluster, testResource } from "./testing.ts";
import { TypeUrls } from "./type_url.ts";

const { cluster, endpoints, listener } = TypeUrls;
const MODES = ["sotw", "delta"] as const;

function many(typeUrl: string, count: number): Resource[] {
  return Array.from({ length: count }, (_, number) => testResource(typeUrl, `r${number}`));
}

function subscribe(stream: TestStream, typeUrl: string, ...names: string[]): void {
  stream.send({ typeUrl, resourceNames: names, resourceNamesSubscribe: names });
}

/** Answers until nothing comes; a response with any of the bad names is rejected. */
function answerAll(stream: TestStream, names: string[], bad: readonly string[]): string[][] {
  const rounds: string[][] = [];
  for (let response = stream.pull(); response !== undefined; response = stream.pull()) {
    const sent = response.resources.map(({ name }) => name);
    rounds.push(sent);
    const isBad = sent.some((name) => bad.includes(name));
    stream.send({
      typeUrl: response.typeUrl,
      responseNonce: response.nonce,
      resourceNames: names,
      ...isBad && { errorDetail: { code: 3, message: "cannot use it" } },
    });
  }
  return rounds;
}

for (const mode of MODES) {
  Deno.test(`step() never sends a rejected version again, and heals with the next one (${mode})`, () => {
    const mesh = new TestMesh([testResource(endpoints, "a")]);
    const stream = mesh.open(mode);
    const names = { resourceNames: ["a"] };
    subscribe(stream, endpoints, "a");
    stream.accept(names);
    mesh.put(testResource(endpoints, "a", { content: "bad" }));
    stream.reject("no", names);
    mesh.put(testResource(endpoints, "a", { content: "worse" }));
    stream.reject("no", names);
    mesh.put(testResource(endpoints, "a", { content: "bad" }));
    assert.equal(stream.pull(), undefined, "not even when it comes back");
    mesh.put(testResource(endpoints, "a", { content: "good" }));
    assert.deepEqual(contentsOf(stream.pull()), ["a=good"]);
  });

  Deno.test(`step() parks what Envoy names and takes the rest for accepted (${mode})`, async (t) => {
    const cases = [
      ["Error adding/updating listener(s) a: bad filter", ["a"]],
      ["Error adding/updating listener(s) a: duplicate of b: same port\nc: worse", ["a", "c"]],
      ['Error adding/updating listener(s) b: unknown "a: "', ["b"]],
    ] as const;
    for (const [message, culprits] of cases) {
      await t.step(message, () => {
        const names = ["a", "b", "c"];
        const mesh = new TestMesh(names.map((name) => testResource(listener, name)));
        const stream = mesh.open(mode);
        subscribe(stream, listener);
        stream.reject(message);
        const type = stream.stream.snapshot().types[0];
        const nacked = type?.resources.filter(({ clientStatus }) => clientStatus === "nacked");
        assert.deepEqual(nacked?.map(({ name }) => name), culprits);
        assert.equal(stream.pull(), undefined, "the rest is in use already");
      });
    }
  });

  Deno.test(`step() finds one bad resource among a few that are not named, each sent at most once more (${mode})`, () => {
    const names = ["r0", "r1", "r2"];
    const mesh = new TestMesh(many(endpoints, 3));
    const stream = mesh.open(mode);
    subscribe(stream, endpoints, ...names);
    const rounds = answerAll(stream, names, ["r1"]);
    assert.deepEqual(rounds, [names, ["r0"], ["r1"], ["r2"]]);
    mesh.put(testResource(endpoints, "r2", { content: "2" }));
    assert.deepEqual(answerAll(stream, names, []), [["r2"]]);
  });

  Deno.test(`step() finds bad resources among a thousand in few responses (${mode})`, () => {
    const resources = many(endpoints, 1000);
    const names = resources.map(({ name }) => name);
    const mesh = new TestMesh(resources);
    const stream = mesh.open(mode);
    subscribe(stream, endpoints, ...names);
    const rounds = answerAll(stream, names, ["r500", "r999"]);
    assert.ok(rounds.length < 100, `${rounds.length} responses`);
    const status = new Map(
      stream.stream.snapshot().types[0]?.resources.map((each) => [each.name, each.clientStatus]),
    );
    assert.equal(status.get("r500"), "nacked");
    assert.equal(status.get("r999"), "nacked");
    assert.equal([...status.values()].filter((each) => each === "acked").length, 998);
  });

  Deno.test(`step() drops suspects that changed meanwhile (${mode})`, () => {
    const names = ["r0", "r1"];
    const mesh = new TestMesh(many(endpoints, 2));
    const stream = mesh.open(mode);
    subscribe(stream, endpoints, ...names);
    stream.reject("one of them", { resourceNames: names });
    mesh.put(testResource(endpoints, "r0", { content: "2" }));
    assert.deepEqual(answerAll(stream, names, []), [["r1"], ["r0"]]);
  });

  Deno.test(`step() gives others the last accepted content instead of what some rejected (${mode})`, () => {
    const mesh = new TestMesh([testResource(listener, "l", { content: "good" })]);
    const [first, second] = [mesh.open(mode), mesh.open(mode)];
    for (const stream of [first, second]) {
      subscribe(stream, listener);
      stream.accept();
    }
    mesh.put(testResource(listener, "l", { content: "bad" }));
    first.reject("Error adding/updating listener(s) l: bad");
    assert.equal(second.pull(), undefined, "it keeps what it has");
    const third = mesh.open(mode);
    subscribe(third, listener);
    assert.deepEqual(contentsOf(third.accept()), ["l=good"], "and new nodes get that");
    mesh.put(testResource(listener, "l", { content: "mended" }));
    for (const stream of [first, second, third]) {
      assert.deepEqual(contentsOf(stream.accept()), ["l=mended"]);
    }
  });

  Deno.test(`step() gives a rejected resource once to each new node if none ever accepted one (${mode})`, () => {
    const mesh = new TestMesh([testResource(listener, "l", { content: "bad" })]);
    for (let count = 0; count < 2; count++) {
      const stream = mesh.open(mode);
      subscribe(stream, listener);
      const { resources } = stream.reject("Error adding/updating listener(s) l: bad");
      assert.equal(resources[0]?.content, "bad");
      assert.equal(stream.pull(), undefined);
    }
  });

  Deno.test(`step() spreads a version after all once a node accepted it (${mode})`, () => {
    const mesh = new TestMesh([testCluster("c", "old")]);
    const [odd, even, third] = [mesh.open(mode), mesh.open(mode), mesh.open(mode)];
    for (const stream of [odd, even, third]) {
      subscribe(stream, cluster);
      stream.accept();
    }
    mesh.put(testCluster("c", "new"));
    const onItsWay = even.expect();
    odd.reject("Error adding/updating cluster(s) c: too old for this");
    assert.equal(third.pull(), undefined);
    even.send({ typeUrl: cluster, responseNonce: onItsWay.nonce });
    assert.deepEqual(contentsOf(third.pull()), ["c=new"]);
    assert.deepEqual(contentsOf(odd.accept()), ["c=old"]);
    assert.equal(odd.pull(), undefined);
  });

  Deno.test(`step() spreads rejected versions when rollback is switched off (${mode})`, () => {
    const mesh = new TestMesh([testCluster("c", "old")], { verdicts: { rollback: false } });
    const [first, second] = [mesh.open(mode), mesh.open(mode)];
    for (const stream of [first, second]) {
      subscribe(stream, cluster);
      stream.accept();
    }
    mesh.put(testCluster("c", "bad"));
    first.reject("Error adding/updating cluster(s) c: bad");
    assert.deepEqual(contentsOf(second.pull()), ["c=bad"]);
  });

  Deno.test(`step() puts a rejected cluster back with its endpoints, as Envoy may keep it warming and ACK no other (${mode})`, () => {
    const mesh = new TestMesh([testCluster("c", "old", "e"), testResource(endpoints, "e")]);
    const stream = mesh.open(mode);
    subscribe(stream, cluster);
    stream.accept();
    subscribe(stream, endpoints, "e");
    stream.accept({ resourceNames: ["e"] });
    mesh.put(testCluster("c", "bad", "e"));
    stream.reject("Error adding/updating cluster(s) c: bad");
    assert.deepEqual(contentsOf(stream.accept()), ["c=old"]);
    assert.deepEqual(contentsOf(stream.accept({ resourceNames: ["e"] })), ["e=1"]);
    assert.equal(stream.pull(), undefined);
  });

  Deno.test(`step() takes a rejected cluster back that the client never had (${mode})`, () => {
    const mesh = new TestMesh([testCluster("a")]);
    const stream = mesh.open(mode);
    subscribe(stream, cluster);
    stream.accept();
    mesh.put(testCluster("new", "bad"));
    stream.reject("Error adding/updating cluster(s) new: bad");
    const { resources, removed } = stream.accept();
    const isDelta = mode === "delta";
    assert.deepEqual(resources.map(({ name }) => name), isDelta ? [] : ["a"]);
    assert.deepEqual(removed, isDelta ? ["new"] : []);
    assert.equal(stream.pull(), undefined);
  });

  Deno.test(`Hub.retry() sends a rejected version again (${mode})`, () => {
    const mesh = new TestMesh([testCluster("c", "old")]);
    const [first, second] = [mesh.open(mode), mesh.open(mode)];
    for (const stream of [first, second]) {
      subscribe(stream, cluster);
      stream.accept();
    }
    mesh.put(testCluster("c", "new"));
    first.reject("Error adding/updating cluster(s) c: no file yet");
    const key = { typeUrl: cluster, name: "c" };
    assert.equal(mesh.hub.verdicts(mesh.view).rejections(key)[0]?.count, 1);
    mesh.hub.retry(mesh.view, key);
    assert.deepEqual(contentsOf(first.pull()), ["c=new"]);
    assert.deepEqual(contentsOf(second.pull()), ["c=new"]);
    assert.deepEqual(mesh.hub.verdicts(mesh.view).rejectedKeys(), []);
  });
}

Deno.test("step() puts the accepted content in the place of a rejected one in whole sets", () => {
  const mesh = new TestMesh([testCluster("a"), testCluster("b")]);
  const stream = mesh.open("sotw");
  stream.send({ typeUrl: cluster });
  stream.accept();
  mesh.put(testCluster("a", "bad"), testCluster("new", "bad"));
  stream.reject("Error adding/updating cluster(s) a: bad\nnew: bad");
  assert.deepEqual(contentsOf(stream.accept()), ["a=1", "b=1"]);
  assert.equal(stream.pull(), undefined);
  mesh.put(testCluster("b", "2"));
  assert.deepEqual(contentsOf(stream.accept()), ["a=1", "b=2"]);
  mesh.put(testCluster("new", "good"));
  assert.deepEqual(contentsOf(stream.accept()), ["a=1", "b=2", "new=good"]);
});

Deno.test("step() sends the set again when a rejected resource goes: the client may use one of an earlier stream", () => {
  const mesh = new TestMesh([testCluster("a", "bad")]);
  const stream = mesh.open("sotw");
  stream.send({ typeUrl: cluster, versionInfo: "of an earlier stream" });
  stream.reject("Error adding/updating cluster(s) a: bad");
  assert.equal(stream.pull(), undefined, "nor is that taken from it while it counts");
  mesh.remove(cluster, "a");
  assert.deepEqual(contentsOf(stream.accept()), []);
});

Deno.test("step() blames nobody for the rejection of a removal, and does not repeat it", () => {
  for (const mode of MODES) {
    const mesh = new TestMesh([testCluster("a"), testCluster("b")]);
    const stream = mesh.open(mode);
    subscribe(stream, cluster);
    stream.accept();
    mesh.remove(cluster, "a");
    stream.reject("cannot remove");
    assert.equal(stream.pull(), undefined);
    assert.deepEqual(mesh.hub.verdicts(mesh.view).rejectedKeys(), []);
  }
});

Deno.test("step() keeps the words of a NACK, cut to a bound", () => {
  const mesh = new TestMesh([testCluster("a")]);
  const stream = mesh.open("delta");
  stream.send({ typeUrl: cluster });
  stream.reject("x".repeat(100_000));
  const rejection = stream.stream.snapshot().types[0]?.resources[0]?.rejection;
  assert.equal(rejection?.message.length, 4096);
  assert.equal(rejection?.code, 13);
  assert.equal(rejection?.version, "1");
});
