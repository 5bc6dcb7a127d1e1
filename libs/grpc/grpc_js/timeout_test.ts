// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { clampTimeout } from "./timeout.ts";

const cases: readonly (readonly [header: string, clamped: string])[] = [
  ["1S", "1S"],
  ["99999999m", "99999999m"],
  ["99999999u", "99999999u"],
  ["2147483S", "2147483S"],
  ["2147484S", "2147483S"],
  ["99999999S", "2147483S"],
  ["99999999M", "2147483S"],
  ["99999999H", "2147483S"],
  ["596H", "596H"],
  ["597H", "2147483S"],
  ["123456789S", "123456789S"],
  ["soon", "soon"],
  ["", ""],
];

Deno.test("clampTimeout() shortens to 24 days what is longer and leaves all else", () => {
  for (const [header, clamped] of cases) assert.equal(clampTimeout(header), clamped, header);
});
