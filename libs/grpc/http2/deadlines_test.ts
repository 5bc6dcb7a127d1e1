// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { until } from "../testing/harness.ts";
import { Deadlines } from "./deadlines.ts";

function expiring(fired: string[], name: string) {
  return { expire: () => void fired.push(name) };
}

Deno.test("Deadlines keeps deadlines in order and not before their time", async () => {
  const fired: string[] = [];
  const deadlines = new Deadlines();
  const start = Date.now();
  let lateMs = 0;
  deadlines.set(expiring(fired, "late"), start + 60);
  deadlines.set({ expire: () => lateMs = Date.now() - start }, start + 60);
  deadlines.set(expiring(fired, "early"), start + 20);
  deadlines.set(expiring(fired, "passed"), start - 1_000);
  await until("all have fired", () => fired.length === 3 && lateMs > 0);
  assert.deepEqual(fired, ["passed", "early", "late"]);
  assert.ok(lateMs >= 60, `fired after ${lateMs} ms`);
});

Deno.test("Deadlines forgets what is cleared, and stops its timer when nothing is left", async () => {
  const fired: string[] = [];
  const deadlines = new Deadlines();
  const kept = expiring(fired, "kept");
  const cleared = expiring(fired, "cleared");
  const far = expiring(fired, "far");
  deadlines.set(kept, Date.now() + 20);
  deadlines.clear(cleared, deadlines.set(cleared, Date.now() + 10));
  deadlines.clear(far, deadlines.set(far, Number.MAX_SAFE_INTEGER));
  await until("the kept one has fired", () => fired.length > 0);
  assert.deepEqual(fired, ["kept"]);
});
