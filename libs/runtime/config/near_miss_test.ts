// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { didYouMean } from "./near_miss.ts";

Deno.test("didYouMean() offers the nearest name, whatever its case style, or nothing", () => {
  const names = ["grpc_address", "http_address", "ttl"];
  assert.equal(didYouMean("grpcAddress", names), 'did you mean "grpc_address"?');
  assert.equal(didYouMean("htpp_address", names), 'did you mean "http_address"?');
  assert.equal(didYouMean("tt", names), 'did you mean "ttl"?');
  assert.equal(didYouMean("completely_else", names), undefined);
  assert.equal(didYouMean("x".repeat(1_000_000), names), undefined);
});
