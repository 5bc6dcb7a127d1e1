// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { age } from "./age.ts";

const NOW = Date.parse("2030-01-10T12:00:00Z");

Deno.test("age() is in the largest unit that fits", () => {
  const table: readonly [time: string | undefined, expected: string][] = [
    ["2030-01-10T12:00:00Z", "0s"],
    ["2030-01-10T11:59:01.500Z", "58s"],
    ["2030-01-10T11:57:00Z", "3m"],
    ["2030-01-10T09:30:00Z", "2h"],
    ["2030-01-01T12:00:00Z", "9d"],
    ["2030-01-10T12:00:05Z", "0s"],
    ["never", "-"],
    [undefined, "-"],
  ];
  for (const [time, expected] of table) assert.equal(age(time, NOW), expected, String(time));
});
