// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { clusterSlot } from "./cluster_slot.ts";

Deno.test("clusterSlot() hashes the key, or what stands between its first braces", () => {
  // CRC-16/XMODEM of "123456789" is 0x31c3.
  assert.equal(clusterSlot("123456789"), 0x31c3);
  assert.equal(clusterSlot("foo"), 12_182);
  assert.equal(clusterSlot("a{foo}b{bar}"), 12_182);
  assert.notEqual(clusterSlot("{}foo"), 12_182);
  assert.equal(clusterSlot("foo{"), clusterSlot("{foo{}x"));
  assert.equal(clusterSlot(""), 0);
});
