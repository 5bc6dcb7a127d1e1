// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { MemoryView, type Resource } from "@denvoy/xds";
import { NodeSecrets } from "./node_secrets.ts";
import { LISTENER, SECRET } from "./resource_types.ts";

function own(...names: readonly string[]): MemoryView {
  const view = new MemoryView();
  view.apply(names.map((name) => {
    const resource: Resource = {
      ...{ typeUrl: SECRET, name, version: "own", value: new Uint8Array(), references: [] },
    };
    return { kind: "put", resource };
  }));
  return view;
}

function got(name: string, content: string, version = "") {
  return { name, version, value: new TextEncoder().encode(content) };
}

Deno.test("NodeSecrets has what was got, says what differs, and forgets what is not wanted", () => {
  const secrets = new NodeSecrets(() => own());
  const first = secrets.apply({ put: [got("a", "1"), got("b", "1")], removed: [] });
  assert.deepEqual(first.map(({ name }) => name), ["a", "b"]);
  const second = secrets.apply({ put: [got("a", "1"), got("b", "2")], removed: ["x"] });
  assert.deepEqual(second.map(({ name }) => name), ["b"]);
  secrets.retain(new Set(["a"]));
  assert.equal(secrets.get(SECRET, "b"), undefined);
  const gone = secrets.apply({ put: [], removed: ["a"] });
  assert.deepEqual(gone.map(({ name }) => name), ["a"]);
  assert.equal(secrets.get(SECRET, "a"), undefined);
});

Deno.test("NodeSecrets takes the version of where a secret is from, else one of its content", () => {
  const secrets = new NodeSecrets(() => own());
  secrets.apply({ put: [got("a", "1", "7"), got("b", "1")], removed: [] });
  assert.equal(secrets.get(SECRET, "a")?.version, "7");
  assert.match(secrets.get(SECRET, "b")?.version ?? "", /^[0-9a-f]{32}$/);
});

Deno.test("NodeSecrets has the catalog's first, and nobody else's types or lists", () => {
  let view = own("a");
  const secrets = new NodeSecrets(() => view);
  const changed = secrets.apply({ put: [got("a", "1", "sds"), got("b", "1", "sds")], removed: [] });
  assert.deepEqual(changed.map(({ name }) => name), ["b"]);
  assert.equal(secrets.get(SECRET, "a")?.version, "own");
  assert.equal(secrets.isOwn("a"), true);
  view = own();
  assert.equal(secrets.get(SECRET, "a")?.version, "sds");
  assert.equal(secrets.get(LISTENER, "a"), undefined);
  assert.deepEqual([secrets.list(), [...secrets.withPrefix()]], [[], []]);
});
