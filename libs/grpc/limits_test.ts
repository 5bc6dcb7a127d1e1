// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { completeLimits, defaultLimits } from "./limits.ts";

Deno.test("completeLimits() fills in what is left out", () => {
  assert.deepEqual(completeLimits(), defaultLimits);
  assert.deepEqual(completeLimits({ maxConnections: 5 }), { ...defaultLimits, maxConnections: 5 });
});

Deno.test("completeLimits() throws on a limit that is no positive integer", () => {
  for (const value of [0, -1, 1.5, NaN, Infinity]) {
    assert.throws(() => completeLimits({ maxConnections: value }), {
      name: "RangeError",
      message: `cannot use limit maxConnections as it must be a positive integer: is ${value}`,
    });
  }
});
