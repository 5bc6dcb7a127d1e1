// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { silentLogger } from "@denvoy/base";
import { FakeClock } from "@denvoy/base/testing";
import { NameResolver } from "./name_resolver.ts";

Deno.test("NameResolver keeps an address while it is there, and the last one when nobody knows", async () => {
  const clock = new FakeClock();
  let answers: readonly string[] | undefined = ["10.0.0.2", "10.0.0.1"];
  const told: (readonly (readonly [string, string])[])[] = [];
  await using resolver = new NameResolver({
    names: () => new Set(["web"]),
    onNames: (names) => told.push([...names]),
    refreshMs: 1000,
    clock,
    logger: silentLogger,
    lookup: () => answers ? Promise.resolve(answers) : Promise.reject(new Error("no such name")),
  });
  await resolver.refresh();
  answers = ["10.0.0.1", "10.0.0.2"];
  await resolver.refresh();
  answers = undefined;
  await resolver.refresh();
  assert.deepEqual([...resolver.failed], ["web"]);
  answers = ["2001:DB8::1"];
  await resolver.refresh();
  assert.deepEqual(told, [[["web", "10.0.0.2"]], [["web", "2001:db8::1"]]]);
  assert.deepEqual([...resolver.failed], []);
});
