// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { setVersion } from "./encoded_resource.ts";
import { versionOf } from "./fetch.ts";
import { KnownResources } from "./known_resources.ts";
import type { Resource } from "./resource.ts";
import { ResponseBodyCache } from "./response_body.ts";
import { testResource } from "./testing.ts";

function resource(name: string, content = "1"): Resource {
  return testResource("type", name, { content });
}

function named(count: number): Resource[] {
  return Array.from({ length: count }, (_, number) => resource(`r${number}`));
}

function bodyOf(resources: readonly Resource[]) {
  return new ResponseBodyCache().ofList(resources, { mode: "delta", ttl: false });
}

function versions(resources: Iterable<Resource>): Map<string, string> {
  return new Map([...resources].map(({ name, version }) => [name, version]));
}

Deno.test("KnownResources behaves like a map while it shares one", () => {
  const known = new KnownResources();
  const expected = new Map(named(300).map((each) => [each.name, each]));
  known.add(bodyOf(named(300)));
  const set = (each: Resource) => {
    known.set(each);
    expected.set(each.name, each);
  };
  const remove = (name: string) => assert.equal(known.delete(name), expected.delete(name));
  const steps = [
    () => set(resource("r1", "2")),
    () => set(resource("other")),
    () => remove("r0"),
    () => remove("other"),
    () => remove("other"),
    () => set(resource("r0", "3")),
    () => named(200).forEach(({ name }) => set(resource(name, "4"))),
    () => remove("r1"),
  ];
  for (const step of steps) {
    step();
    assert.deepEqual(versions(known.values()), versions(expected.values()));
    assert.equal(known.size, expected.size);
    assert.equal(setVersion(known.fingerprint), versionOf(expected.values()));
    for (const name of ["r0", "r1", "other"]) {
      assert.equal(known.get(name)?.version, expected.get(name)?.version);
    }
  }
});

Deno.test("KnownResources.fingerprintWith() foretells the fingerprint after a change", () => {
  const known = new KnownResources();
  known.add(bodyOf(named(3)));
  const sent = [resource("r1", "2"), resource("new")];
  const foretold = known.fingerprintWith(sent, ["r0", "unknown"]);
  for (const each of sent) known.set(each);
  known.delete("r0");
  assert.deepEqual(foretold, known.fingerprint);
});

Deno.test("KnownResources.replace() forgets what was before", () => {
  const known = new KnownResources();
  known.set(resource("before"));
  known.replace(bodyOf(named(2)));
  assert.deepEqual(versions(known.values()), versions(named(2)));
  assert.equal(setVersion(known.fingerprint), versionOf(named(2)));
});
