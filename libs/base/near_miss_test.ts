// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { didYouMean } from "./near_miss.ts";

Deno.test("didYouMean() finds what was probably meant, and nothing when nothing is close", () => {
  const names = ["connect_timeout", "name", "type", "lb_policy", "lb_endpoints", "health_checks"];
  const cases: [string, string | undefined][] = [
    ["conect_timeout", "connect_timeout"],
    ["connecttimeout", "connect_timeout"],
    ["ConnectTimeout", "connect_timeout"],
    ["connect-timeout", "connect_timeout"],
    ["connect_tiemout", "connect_timeout"],
    ["nmae", "name"],
    ["lb_polciy", "lb_policy"],
    ["endpoints", "lb_endpoints"],
    ["health_check", "health_checks"],
    ["xyz", undefined],
    ["", undefined],
    ["a".repeat(100_000), undefined],
  ];
  for (const [name, wanted] of cases) {
    assert.equal(didYouMean(name, names), wanted && `did you mean "${wanted}"?`, name.slice(0, 20));
  }
});
