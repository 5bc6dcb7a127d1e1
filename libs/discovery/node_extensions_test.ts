// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { messageCodec } from "@denvoy/proto";
import { NODE_FIELD, withoutNodeExtensions } from "./node_extensions.ts";

const extensions = Array.from({ length: 200 }, (_, index) => ({
  name: `envoy.filters.http.number_${index}`,
  category: "envoy.filters.http",
}));
const node = { id: "web-1", cluster: "web", clientFeatures: ["a"], extensions };

Deno.test("withoutNodeExtensions() leaves everything else as it is, in both variants", () => {
  const sotw = messageCodec("envoy.service.discovery.v3.DiscoveryRequest");
  const asked = { node, versionInfo: "1", resourceNames: ["a", "b"], typeUrl: "t" };
  const slim = { ...asked, node: { ...node, extensions: [] } };
  assert.deepEqual(
    sotw.decode(withoutNodeExtensions(sotw.encode(asked), NODE_FIELD.sotw)),
    sotw.decode(sotw.encode(slim)),
  );
  const delta = messageCodec("envoy.service.discovery.v3.DeltaDiscoveryRequest");
  const wanted = { node, resourceNamesSubscribe: ["a"], initialResourceVersions: { a: "1" } };
  assert.deepEqual(
    delta.decode(withoutNodeExtensions(delta.encode(wanted), NODE_FIELD.delta)),
    delta.decode(delta.encode({ ...wanted, node: slim.node })),
  );
});

Deno.test("withoutNodeExtensions() leaves bytes that are no message to the decoder", () => {
  for (const fill of [0, 0x0a, 0x7f, 0xff]) {
    const bytes = new Uint8Array(5000).fill(fill);
    assert.ok(withoutNodeExtensions(bytes, NODE_FIELD.delta).byteLength <= bytes.byteLength);
  }
});
