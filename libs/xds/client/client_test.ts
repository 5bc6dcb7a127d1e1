// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import type { ProtocolMode } from "../encoded_resource.ts";
import { TestMesh } from "../test_mesh.ts";
import { TypeUrls } from "../type_url.ts";
import { createClient } from "./client.ts";
import { reportClient } from "./client_report.ts";
import { TestClient, wireResource } from "./test_client.ts";

const { cluster, endpoints, runtime, secret } = TypeUrls;
/** A server keeps a removed cluster for a while, for those who may still use it. */
const REMOVAL_WAIT_MS = 5000;
const BOTH: readonly ProtocolMode[] = ["delta", "sotw"];

function mesh(...contents: readonly string[]): TestMesh {
  return new TestMesh(contents.map((text) => {
    const [name = "", content] = text.split("=");
    return wireResource(cluster, name, content);
  }));
}

Deno.test("a client takes what it subscribed to, and what changes, in both variants", () => {
  for (const mode of BOTH) {
    const server = mesh("a=1", "b=1");
    const client = new TestClient(server, { mode }).subscribe(cluster, "*").start().settle();
    assert.deepEqual(client.contents(cluster), { a: "1", b: "1" }, mode);
    server.put(wireResource(cluster, "a", "2"));
    server.remove(cluster, "b");
    client.settle();
    assert.deepEqual(client.contents(cluster), { a: "2" }, mode);
    const last = client.applied.at(-1);
    assert.deepEqual([last?.accepted.map(({ name }) => name), last?.removed], [["a"], ["b"]], mode);
  }
});

Deno.test("a client asks for nothing before something is wanted", () => {
  const client = new TestClient(mesh("a")).subscribe(cluster).start().settle();
  assert.deepEqual(client.requests, []);
  client.subscribe(cluster, "a").settle();
  assert.deepEqual(client.contents(cluster), { a: "1" });
  client.subscribe(cluster).settle();
  assert.deepEqual(client.contents(cluster), {});
});

Deno.test("a client asks for names as they are wanted now", () => {
  for (const mode of BOTH) {
    const server = new TestMesh(["a", "b", "c"].map((name) => wireResource(endpoints, name)));
    const client = new TestClient(server, { mode }).subscribe(endpoints, "a", "b").start().settle();
    client.subscribe(endpoints, "b", "c").settle();
    assert.deepEqual(client.contents(endpoints), { b: "1", c: "1" }, mode);
    server.put(wireResource(endpoints, "a", "2"), wireResource(endpoints, "b", "2"));
    client.settle();
    assert.deepEqual(client.contents(endpoints), { b: "2", c: "1" }, mode);
    client.subscribe(endpoints, "a", "b", "c").settle();
    assert.deepEqual(client.contents(endpoints), { a: "2", b: "2", c: "1" }, mode);
  }
});

Deno.test("a wildcard is said in the old way where it may be, and by name elsewhere", () => {
  const cases = [
    { typeUrl: cluster, names: ["*"], wanted: [] },
    { typeUrl: cluster, names: ["*", "a"], wanted: ["a", "*"] },
    { typeUrl: secret, names: ["*"], wanted: ["*"] },
    { typeUrl: endpoints, names: ["x/*"], wanted: ["x/*"] },
  ];
  for (const { typeUrl, names, wanted } of cases) {
    for (const mode of BOTH) {
      const client = new TestClient(mesh(), { mode }).subscribe(typeUrl, ...names).start();
      client.send();
      const [request] = client.requests;
      assert.deepEqual(
        mode === "delta" ? request?.resourceNamesSubscribe : request?.resourceNames,
        wanted,
        `${mode} ${names}`,
      );
    }
  }
});

Deno.test("a rejected resource keeps its last good content, and its companions are taken", () => {
  for (const mode of BOTH) {
    const server = new TestMesh(["a", "b"].map((name) => wireResource(runtime, name)));
    const client = new TestClient(server, { mode }).subscribe(runtime, "*").start().settle();
    server.put(wireResource(runtime, "a", "2"), wireResource(runtime, "b", "bad!"));
    client.settle();
    assert.deepEqual(client.contents(runtime), { a: "2", b: "1" }, mode);
    const nack = client.requests.find(({ errorDetail }) => errorDetail)?.errorDetail;
    assert.deepEqual(nack, { code: 3, message: "b: content must not be bad: is bad!" }, mode);
    const [type] = reportClient(client.state).types;
    assert.deepEqual(type?.rejected.map(({ name }) => name), ["b"], mode);
    server.put(wireResource(runtime, "b", "3"));
    client.settle();
    assert.deepEqual(client.contents(runtime), { a: "2", b: "3" }, mode);
    assert.deepEqual(reportClient(client.state).types[0]?.rejected, [], mode);
  }
});

Deno.test("what was accepted stays while servers are away, and is not sent again", () => {
  for (const mode of BOTH) {
    const server = mesh("a=1", "b=1");
    const client = new TestClient(server, { mode }).subscribe(cluster, "*").start().settle();
    client.cut();
    assert.deepEqual(client.contents(cluster), { a: "1", b: "1" }, mode);
    const before = client.applied.length;
    client.advance(1000);
    client.settle();
    const again = client.applied.slice(before).flatMap(({ accepted }) => accepted);
    assert.deepEqual(again, [], mode);
    server.remove(cluster, "a");
    client.settle();
    assert.deepEqual(client.contents(cluster), { b: "1" }, mode);
  }
});

Deno.test("what changed and went while the client was away reaches it when it is back", () => {
  for (const mode of BOTH) {
    const server = mesh("a=1", "b=1", "c=1");
    const client = new TestClient(server, { mode }).subscribe(cluster, "*").start().settle();
    client.cut();
    server.remove(cluster, "a");
    server.put(wireResource(cluster, "b", "2"));
    client.advance(1000);
    client.settle().advance(REMOVAL_WAIT_MS);
    assert.deepEqual(client.settle().contents(cluster), { b: "2", c: "1" }, mode);
  }
});

Deno.test("a Delta client says what it has when it comes back", () => {
  const client = new TestClient(mesh("a=7", "b=8")).subscribe(cluster, "*").start().settle();
  client.cut();
  client.advance(1000);
  client.send();
  assert.deepEqual(client.requests.at(-1)?.initialResourceVersions, { a: "7", b: "8" });
});

Deno.test("a SotW client claims no version on a new stream: a server may count anew", () => {
  const server = new TestMesh([wireResource(endpoints, "a"), wireResource(endpoints, "b")]);
  const client = new TestClient(server, { mode: "sotw" }).subscribe(endpoints, "a").start();
  client.settle();
  assert.notEqual(client.requests.at(-1)?.versionInfo, "");
  client.cut();
  client.subscribe(endpoints, "b");
  client.advance(1000);
  client.send();
  const { versionInfo, responseNonce, resourceNames } = client.requests.at(-1) ?? {};
  assert.deepEqual([versionInfo, responseNonce, resourceNames], ["", "", ["b"]]);
  assert.deepEqual(client.settle().contents(endpoints), { b: "1" });
});

Deno.test("a name that does not exist is absent: at once if the server says so, else in time", () => {
  const told = new TestClient(mesh("a")).subscribe(cluster, "a", "x").start().settle();
  assert.deepEqual(told.absences, [{ name: "x", reason: "resource does not exist" }]);
  told.advance(60_000);
  assert.equal(told.absences.length, 1);

  const silent = new TestMesh([], { tuning: { resourceErrors: false } });
  const waiting = new TestClient(silent, { absentAfterMs: 5000 }).subscribe(secret, "x").start();
  waiting.settle().advance(4999);
  assert.deepEqual(waiting.absences, []);
  waiting.advance(1);
  assert.deepEqual(waiting.absences, [{ name: "x", reason: "server did not answer in time" }]);
  silent.put(wireResource(secret, "x"));
  waiting.settle();
  assert.deepEqual(waiting.contents(secret), { x: "1" });
});

Deno.test("no name is absent because a server is away", () => {
  const server = new TestMesh([], { tuning: { resourceErrors: false } });
  const client = new TestClient(server, { absentAfterMs: 5000 }).subscribe(secret, "x").start();
  client.settle();
  client.down.add(0);
  client.cut();
  client.advance(60_000);
  assert.deepEqual(client.absences, []);
});

Deno.test("a wildcard that is not answered at all is told as *", () => {
  const client = new TestClient(mesh("a"), { absentAfterMs: 5000 }).subscribe(cluster, "*").start();
  client.send();
  client.advance(5000);
  assert.deepEqual(client.absences.map(({ name }) => name), ["*"]);
  client.settle();
  assert.deepEqual(client.contents(cluster), { a: "1" });
});

Deno.test("a removed name is told absent, and told again only after it was there", () => {
  const server = mesh("a=1");
  const client = new TestClient(server).subscribe(cluster, "a").start().settle();
  for (const content of ["2", "3"]) {
    server.remove(cluster, "a");
    client.settle();
    server.put(wireResource(cluster, "a", content));
    client.settle();
  }
  assert.deepEqual(client.absences.map(({ name, reason }) => [name, reason]), [
    ["a", "resource does not exist"],
    ["a", "resource does not exist"],
  ]);
});

Deno.test("a server that has only one variant is spoken to in that one", () => {
  for (
    const [speaks, wanted] of [["sotw", ["0:delta", "0:sotw"]], ["delta", ["0:delta"]]] as const
  ) {
    const server = mesh("a=1");
    const client = new TestClient(server, { speaks: [speaks] }).subscribe(cluster, "*").start();
    assert.deepEqual(client.settle().contents(cluster), { a: "1" });
    assert.deepEqual(client.attempts, wanted);
    client.cut();
    client.advance(1000);
    assert.deepEqual(client.attempts.slice(wanted.length), [`0:${speaks}`]);
  }
});

Deno.test("a change of variant keeps the content, and brings what differs", () => {
  const server = mesh("a=1", "b=1", "c=1");
  const speaks: ProtocolMode[] = ["sotw"];
  const client = new TestClient(server, { speaks }).subscribe(cluster, "*").start().settle();
  client.cut();
  speaks[0] = "delta";
  server.remove(cluster, "a");
  server.put(wireResource(cluster, "b", "2"));
  client.advance(1000);
  client.settle().advance(REMOVAL_WAIT_MS);
  assert.deepEqual(client.settle().contents(cluster), { b: "2", c: "1" });
});

Deno.test("servers are tried in turn, without a wait until each was tried", () => {
  const client = new TestClient(mesh("a"), { servers: 3 }).subscribe(cluster, "*");
  client.down.add(0).add(1).add(2);
  client.start();
  assert.deepEqual(client.attempts, ["0:delta", "1:delta", "2:delta"]);
  client.advance(499);
  assert.equal(client.attempts.length, 6);
  client.down.delete(1);
  client.advance(1000);
  assert.deepEqual(client.attempts.slice(6), ["0:delta", "1:delta"]);
  assert.deepEqual(client.settle().contents(cluster), { a: "1" });
});

Deno.test("a lost stream is looked for where it was, and then elsewhere", () => {
  const client = new TestClient(mesh("a"), { servers: 2 }).subscribe(cluster, "*");
  client.down.add(0);
  client.start().settle();
  client.down.delete(0);
  client.down.add(1);
  client.cut();
  client.advance(1000);
  assert.deepEqual(client.attempts, ["0:delta", "1:delta", "1:delta", "0:delta"]);
});

Deno.test("waits double up to their bound, and begin anew after a response", () => {
  const backoff = { initialMs: 1000, maxMs: 4000, factor: 2 };
  const server = mesh("a");
  const client = new TestClient(server, { backoff }).subscribe(cluster, "*");
  client.down.add(0);
  client.start();
  const waits = [];
  for (let attempt = 0; attempt < 5; attempt++) {
    const beforeMs = server.clock.monotonicMs();
    waits.push(client.state.wakeAtMs - beforeMs);
    client.advance(client.state.wakeAtMs - beforeMs);
  }
  // The random number of this test is 0: half of the bound.
  assert.deepEqual(waits, [500, 1000, 2000, 2000, 2000]);
  client.down.delete(0);
  client.advance(2000);
  client.settle().cut();
  assert.equal(client.state.wakeAtMs - server.clock.monotonicMs(), 500);
});

Deno.test("what breaks the protocol is rejected by name, whoever reads it", () => {
  const any = ({ typeUrl, value }: { typeUrl: string; value: Uint8Array }) => ({ typeUrl, value });
  const good = wireResource(cluster, "good");
  const other = wireResource(endpoints, "other");
  const twice = wireResource(cluster, "twice");
  const nameless = { typeUrl: cluster, value: new Uint8Array() };
  const resources = [good, other, twice, twice].map(any);
  const client = new TestClient(mesh(), { mode: "sotw" }).subscribe(cluster, "*").start();
  client.send();
  client.respond({
    typeUrl: cluster,
    versionInfo: "1",
    nonce: "n",
    resources: [...resources, nameless],
  });
  client.send();
  assert.deepEqual(client.contents(cluster), { good: "1" });
  assert.equal(
    client.requests.at(-1)?.errorDetail?.message,
    `other: must be of type ${cluster}: is ${endpoints}\n` +
      "twice: must be in a response once: is there twice\n" +
      "resources[4]: must have a name",
  );
  assert.equal(client.requests.at(-1)?.versionInfo, "");
});

Deno.test("a response that nobody asked for changes nothing", () => {
  const client = new TestClient(mesh()).subscribe(cluster, "a").start();
  client.send();
  const { name, version, ...resource } = wireResource(cluster, "b");
  client.respond({ typeUrl: endpoints, nonce: "1", resources: [] });
  client.respond({ typeUrl: cluster, nonce: "2", resources: [{ name, version, resource }] });
  client.send();
  assert.deepEqual(client.contents(cluster), {});
  assert.deepEqual(client.requests.slice(1).map(({ responseNonce }) => responseNonce), ["2"]);
});

Deno.test("a server cannot make a client keep more than its bound", () => {
  const contents = Array.from({ length: 5 }, (_, index) => `c${index}=1`);
  for (const mode of BOTH) {
    const client = new TestClient(mesh(...contents), { mode, maxResources: 3 });
    client.subscribe(cluster, "*").start();
    client.send();
    client.receive();
    assert.deepEqual(Object.keys(client.contents(cluster)), ["c0", "c1", "c2"], mode);
    client.send();
    const message = client.requests.at(-1)?.errorDetail?.message ?? "";
    assert.match(message, /^c3: must be one of at most 3 resources$/m, mode);
  }
});

Deno.test("a SotW resource that is wrapped is read", () => {
  const inner = wireResource(cluster, "a", "9");
  const server = new TestMesh([{ ...inner, ttlMs: 5000 }]);
  const stream = server.hub.open({
    mode: "sotw",
    view: server.view,
    node: {
      clientFeatures: [
        "xds.config.supports-resource-ttl",
        "xds.config.supports-resource-in-sotw",
      ],
    },
  });
  const client = new TestClient(server, { mode: "sotw" }).subscribe(cluster, "*").start();
  client.adopt(stream);
  assert.deepEqual(client.settle().contents(cluster), { a: "9" });
  stream.close();
});

Deno.test("createClient() needs a server", () => {
  assert.throws(() => createClient({ servers: 0 }), /must have a server: has 0/);
});
