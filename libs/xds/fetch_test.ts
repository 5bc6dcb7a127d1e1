// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { fetchResources, versionOf } from "./fetch.ts";
import { TestMesh } from "./test_mesh.ts";
import { testCluster, testResource } from "./testing.ts";
import { TypeUrls } from "./type_url.ts";

const { cluster, endpoints } = TypeUrls;

Deno.test("fetchResources() answers names, all, and collections", async (t) => {
  const { view } = new TestMesh([
    testCluster("a"),
    testCluster("x/1"),
    testCluster("x/2"),
    testResource(endpoints, "e"),
  ]);
  const cases = [
    { typeUrl: cluster, resourceNames: [], names: ["a", "x/1", "x/2"], missing: [] },
    { typeUrl: cluster, resourceNames: ["*"], names: ["a", "x/1", "x/2"], missing: [] },
    { typeUrl: cluster, resourceNames: ["a", "b"], names: ["a"], missing: ["b"] },
    { typeUrl: cluster, resourceNames: ["x/*", "x/1"], names: ["x/1", "x/2"], missing: [] },
    { typeUrl: endpoints, resourceNames: [], names: [], missing: [] },
  ];
  for (const { typeUrl, resourceNames, names, missing } of cases) {
    await t.step(`${resourceNames} of ${typeUrl}`, () => {
      const result = fetchResources({ resourceNames }, { view, typeUrl });
      assert.ok(result.kind === "resources");
      assert.deepEqual(result.resources.map(({ name }) => name), names);
      assert.deepEqual(result.missing, missing);
      const { versionInfo } = result;
      const again = fetchResources({ resourceNames, versionInfo }, { view, typeUrl });
      assert.deepEqual(again, { kind: "unchanged", versionInfo });
    });
  }
});

Deno.test("fetchResources() has nothing to say of absence unless responses are whole sets", () => {
  const { view } = new TestMesh([]);
  for (const typeUrl of [TypeUrls.secret, TypeUrls.runtime, TypeUrls.route, endpoints]) {
    const { kind } = fetchResources({ resourceNames: ["a"] }, { view, typeUrl });
    assert.equal(kind, "nothing", typeUrl);
  }
  for (const typeUrl of [cluster, TypeUrls.listener, TypeUrls.scopedRoute]) {
    const { kind } = fetchResources({ resourceNames: ["a"] }, { view, typeUrl });
    assert.equal(kind, "resources", typeUrl);
  }
});

Deno.test("fetchResources() answers other names though the version of the view is the same", () => {
  const { view } = new TestMesh([testCluster("a"), testCluster("b")]);
  const first = fetchResources({ resourceNames: ["a"] }, { view, typeUrl: cluster });
  const { versionInfo } = first;
  const second = fetchResources({ resourceNames: ["a", "b"], versionInfo }, {
    view,
    typeUrl: cluster,
  });
  assert.equal(second.kind, "resources");
});

Deno.test("fetchResources() gives the accepted content instead of a rejected one", () => {
  const mesh = new TestMesh([testCluster("a", "good")]);
  const verdicts = mesh.hub.verdicts(mesh.view);
  verdicts.accept(mesh.view.list(cluster), () => true);
  mesh.put(testCluster("a", "bad"));
  verdicts.reject(testCluster("a", "bad"), { code: 3, message: "no", nowMs: 1 });
  const result = fetchResources({}, { view: mesh.view, typeUrl: cluster, verdicts });
  assert.ok(result.kind === "resources");
  assert.equal(result.resources[0]?.version, "good");
});

Deno.test("versionOf() is that of a stream with the same content", () => {
  const mesh = new TestMesh([testCluster("a"), testCluster("b")]);
  const response = mesh.open("sotw").ask({ typeUrl: cluster });
  assert.equal(versionOf(mesh.view.list(cluster)), response?.versionInfo);
});
