// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { resourcePrefix } from "./encoded_resource.ts";
import { testResource } from "./testing.ts";
import { WireWriter } from "./wire.ts";

function hex(bytes: Uint8Array): string {
  return bytes.toHex();
}

Deno.test("WireWriter writes the bytes of the protobuf encoding", async (t) => {
  const cases: Record<string, [WireWriter, string]> = {
    "uint 0": [new WireWriter().uint(1, 0), "0800"],
    "uint 150": [new WireWriter().uint(1, 150), "089601"],
    "uint 2^40": [new WireWriter().uint(2, 2 ** 40), "10808080808020"],
    "string": [new WireWriter().string(2, "testing"), "120774657374696e67"],
    "string beyond ASCII": [new WireWriter().string(1, "aü"), "0a0361c3bc"],
    "empty string": [new WireWriter().string(1, ""), "0a00"],
    "bytes": [new WireWriter().bytes(3, Uint8Array.of(1, 2)), "1a020102"],
    "a field above 15": [new WireWriter().string(16, "x"), "82010178"],
  };
  for (const [name, [writer, expected]] of Object.entries(cases)) {
    await t.step(name, () => assert.equal(hex(writer.finish()), expected));
  }
});

Deno.test("WireWriter grows, and starts anew after finish()", () => {
  const writer = new WireWriter().string(1, "x".repeat(10_000)).string(2, "ü".repeat(300));
  assert.equal(writer.finish().byteLength, 10_003 + 603);
  assert.equal(hex(writer.uint(1, 1).finish()), "0801");
});

Deno.test("resourcePrefix() is made once for a resource and form", () => {
  const resource = testResource("type", "name", { ttlMs: 1000 });
  for (const mode of ["sotw", "delta"] as const) {
    const plain = resourcePrefix(resource, { mode, ttl: false });
    assert.equal(resourcePrefix(resource, { mode, ttl: false }), plain);
    assert.notEqual(resourcePrefix(resource, { mode, ttl: true }), plain);
  }
});
