// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { loadConfig } from "@denvoy/runtime";
import { sdsSchema } from "./config.ts";

Deno.test("the settings need nothing, and give a private CA with short lives", () => {
  const input = { args: [], env: {}, readFile: () => undefined, version: "0" };
  const outcome = loadConfig(sdsSchema, input);
  assert.ok(outcome.kind === "config");
  const { trustDomain, certificateLifetimeMs, allowUnauthenticated, dataDir } = outcome.config;
  assert.deepEqual([trustDomain, certificateLifetimeMs, allowUnauthenticated, dataDir], [
    ...["denvoy.local", 86_400_000, false, "data/sds"],
  ]);
});
