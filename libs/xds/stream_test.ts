// SPDX-License-Identifier: Apache-2.0
/** What a client cannot do to the server. */
import assert from "node:assert/strict";
import { VerdictBook } from "./verdicts.ts";
import { createStream, hasPending, step } from "./stream.ts";
import { ResponseBodyCache } from "./response_body.ts";
import { TestMesh } from "./test_mesh.ts";
import { testCluster, testResource } from "./testing.ts";
import { TypeUrls } from "./type_url.ts";
import { MemoryView } from "./view.ts";

const { cluster, endpoints, listener } = TypeUrls;
const LIMITS = { maxNames: 10, maxNameCharacters: 100, maxTypes: 3 };

Deno.test("step() ends a stream that asks for too much", async (t) => {
  const cases: Record<string, { requests: object[]; message: RegExp }> = {
    "names": {
      requests: [{ resourceNamesSubscribe: Array.from({ length: 11 }, (_, n) => `${n}`) }],
      message: /names on one stream must be <= 10: 11/,
    },
    "long names": {
      requests: [{ resourceNamesSubscribe: ["x".repeat(101)] }],
      message: /characters in names must be <= 100: 101/,
    },
    "types": {
      requests: ["a", "b", "c", "d"].map((typeUrl) => ({ typeUrl })),
      message: /types on one stream must be <= 3: 4/,
    },
  };
  for (const [name, { requests, message }] of Object.entries(cases)) {
    await t.step(name, () => {
      const stream = new TestMesh([], { tuning: { limits: LIMITS } }).open("delta");
      for (const request of requests) stream.send({ typeUrl: endpoints, ...request });
      assert.equal(stream.stream.error?.code, 8);
      assert.match(stream.stream.error?.message ?? "", message);
      assert.equal(stream.pull(), undefined);
    });
  }
});

Deno.test("step() ends a stream whose requests name no type, or another than the service", async (t) => {
  const mesh = new TestMesh();
  const cases = [
    { name: "no type on ADS", stream: mesh.open("sotw"), typeUrl: "" },
    { name: "wrong type", stream: mesh.open("sotw", { typeUrl: cluster }), typeUrl: listener },
  ];
  for (const { name, stream, typeUrl } of cases) {
    await t.step(name, () => {
      stream.send({ typeUrl });
      assert.equal(stream.stream.error?.code, 3);
    });
  }
});

Deno.test("step() takes the type of the service for requests that name none", () => {
  const stream = new TestMesh([testCluster("c")]).open("sotw", { typeUrl: cluster });
  assert.equal(stream.ask({})?.resources.length, 1);
});

Deno.test("step() keeps a stream alive that asks for a type that nobody has", () => {
  const mesh = new TestMesh([testCluster("c")]);
  for (const mode of ["sotw", "delta"] as const) {
    const stream = mesh.open(mode);
    stream.send({
      typeUrl: "type.googleapis.com/no.such.Type",
      resourceNames: ["x"],
      resourceNamesSubscribe: ["x"],
    });
    assert.deepEqual(stream.accept({ resourceNames: ["x"] }).resources, []);
    assert.equal(stream.ask({ typeUrl: cluster })?.resources.length, 1);
  }
});

Deno.test("step() answers ten thousand names, and a thousand stale requests with nothing", () => {
  const names = Array.from({ length: 10_000 }, (_, number) => `name-${number}`);
  const mesh = new TestMesh(names.slice(0, 5000).map((name) => testResource(endpoints, name)));
  for (const mode of ["sotw", "delta"] as const) {
    const stream = mesh.open(mode);
    stream.send({ typeUrl: endpoints, resourceNames: names, resourceNamesSubscribe: names });
    const response = stream.accept({ resourceNames: names });
    assert.equal(response.resources.length, 5000);
    assert.equal(response.removed.length, mode === "delta" ? 5000 : 0);
    for (let count = 0; count < 1000; count++) {
      stream.send({ typeUrl: endpoints, resourceNames: names, responseNonce: `stale-${count}` });
    }
    assert.equal(stream.pull(), undefined);
  }
});

Deno.test("step() is pure: the same events lead to the same effects", () => {
  const runs = [1, 2].map(() => {
    const view = new MemoryView();
    view.apply([{ kind: "put", resource: testCluster("c") }]);
    const stream = createStream({
      mode: "delta",
      view,
      verdicts: new VerdictBook(),
      bodies: new ResponseBodyCache(),
      noncePrefix: "n",
    });
    assert.equal(hasPending(stream, 1), false);
    const effects = [...step(stream, { kind: "request", request: { typeUrl: cluster }, nowMs: 1 })];
    assert.equal(hasPending(stream, 1), true);
    effects.push(...step(stream, { kind: "writable", nowMs: 2 }));
    effects.push(...step(stream, { kind: "writable", nowMs: 3 }));
    const request = { typeUrl: cluster, responseNonce: "n1" };
    effects.push(...step(stream, { kind: "request", request, nowMs: 4 }));
    return effects;
  });
  assert.deepEqual(runs[0], runs[1]);
  assert.deepEqual(runs[0]?.map(({ kind }) => kind), ["watch", "respond", "accepted"]);
});

Deno.test("snapshotStream() tells what a node asked for, has, was sent and rejected", () => {
  const mesh = new TestMesh(["acked", "nacked", "flying"].map((name) => testCluster(name)));
  const stream = mesh.open("delta", { node: { id: "n1" } });
  stream.send({ typeUrl: cluster, resourceNamesSubscribe: ["acked", "nacked", "absent"] });
  stream.reject("Error adding/updating cluster(s) nacked: no");
  stream.send({ typeUrl: cluster, resourceNamesSubscribe: ["flying"] });
  const { nonce } = stream.expect();
  mesh.put(testCluster("acked", "2"));
  const snapshot = stream.stream.snapshot();
  assert.equal(snapshot.node?.id, "n1");
  const [type] = snapshot.types;
  assert.equal(type?.inFlightNonce, nonce);
  assert.equal(type?.wildcard, false);
  const rows = type?.resources.map((resource) => [
    resource.name,
    resource.clientStatus,
    resource.configStatus,
    resource.version,
    resource.acceptedVersion,
    resource.sentVersion,
  ]);
  assert.deepEqual(rows, [
    ["acked", "acked", "stale", "2", "1", undefined],
    ["nacked", "nacked", "error", "1", undefined, undefined],
    ["absent", "does-not-exist", "synced", undefined, undefined, undefined],
    ["flying", "requested", "not-sent", "1", undefined, "1"],
  ]);
});
