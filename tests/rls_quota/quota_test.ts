// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { absentService, blanketRules, sharedLimit } from "./envoys.ts";
import { replicas } from "./replicas.ts";

const scenarios = {
  "two Envoys share a limit by what they need, follow new limits and forget old buckets":
    sharedLimit,
  "Envoy is told to deny and to allow, and to forget what has no rule": blanketRules,
  "assignments outlive rls until they expire, and come back with it": absentService,
  "replicas on one Redis share a limit, outlive each other, and Redis": replicas,
};

// Side by side, as they mostly wait: Envoy reports every five seconds.
Deno.test("quotas", async (test) => {
  const options = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };
  const steps = Object.entries(scenarios).map(([name, fn]) => test.step({ name, fn, ...options }));
  assert.ok((await Promise.all(steps)).every(Boolean));
});
