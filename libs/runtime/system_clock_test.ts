// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { systemClock } from "./system_clock.ts";

Deno.test("systemClock.after() fires once, in order of its delays, and not after cancel()", async () => {
  const fired: string[] = [];
  const done = Promise.withResolvers<void>();
  // The clock's own timers do not hold the event loop, so this one does.
  const hold = setTimeout(() => done.reject(new Error("timers did not fire")), 5_000);
  systemClock.after(30, () => done.resolve());
  systemClock.after(10, () => fired.push("10"));
  systemClock.after(-5, () => fired.push("-5"));
  systemClock.after(15, () => fired.push("cancelled")).cancel();
  await done.promise;
  clearTimeout(hold);
  assert.deepEqual(fired, ["-5", "10"]);
});

Deno.test("systemClock.after() does not fire a delay beyond 32 bits at once", async () => {
  let fired = false;
  const timer = systemClock.after(2 ** 33, () => fired = true);
  await new Promise((resolve) => setTimeout(resolve, 0));
  timer.cancel();
  assert.equal(fired, false);
});

Deno.test("systemClock.monotonicMs() never falls and nowMs() is the wall clock", () => {
  const before = systemClock.monotonicMs();
  assert.ok(systemClock.monotonicMs() >= before);
  assert.ok(Math.abs(systemClock.nowMs() - Date.now()) < 1_000);
});
