// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import type { Health } from "./health.ts";
import { type PublishedVerdict, VerdictOutbox, worstOf } from "./verdict_outbox.ts";

const settings = { repeatMs: 60_000, retryMs: 100, maxRetryMs: 1000 };

function verdict(port: number, health: Health): PublishedVerdict {
  return { service: "web", host: "10.0.0.1", port, health };
}

function none(): readonly PublishedVerdict[] {
  return [];
}

Deno.test("an outbox gives the newest verdict of each endpoint, once", () => {
  const outbox = new VerdictOutbox(settings, 0);
  assert.equal(outbox.take(0, none), undefined);
  outbox.put(verdict(1, "UNHEALTHY"), 10);
  outbox.put(verdict(1, "HEALTHY"), 20);
  outbox.put(verdict(2, "TIMEOUT"), 20);
  const batch = outbox.take(30, none);
  assert.deepEqual(batch?.verdicts.map(({ health }) => health), ["HEALTHY", "TIMEOUT"]);
  assert.equal(batch?.sinceMs, 10);
  outbox.put(verdict(3, "HEALTHY"), 31);
  assert.equal(outbox.take(32, none), undefined, "one batch at a time");
  outbox.sent();
  assert.equal(outbox.take(33, none)?.verdicts.length, 1);
});

Deno.test("an outbox keeps what a sink did not take, and gives it time", () => {
  const outbox = new VerdictOutbox(settings, 0);
  outbox.put(verdict(1, "UNHEALTHY"), 0);
  outbox.put(verdict(2, "UNHEALTHY"), 0);
  outbox.take(0, none);
  outbox.put(verdict(1, "HEALTHY"), 5);
  outbox.failed(10);
  assert.equal(outbox.dueMs, 110);
  assert.equal(outbox.take(109, none), undefined);
  const again = outbox.take(110, none);
  assert.deepEqual(again?.verdicts.map(({ port, health }) => [port, health]).sort(), [
    [1, "HEALTHY"],
    [2, "UNHEALTHY"],
  ]);
  assert.equal(again?.sinceMs, 0);
  outbox.failed(120);
  assert.equal(outbox.dueMs, 320);
  for (let at = 320; at < 100_000; at += 10_000) {
    if (outbox.take(at, none)) outbox.failed(at);
  }
  assert.ok(outbox.dueMs - 90_320 <= 1000, "waits are bounded");
});

Deno.test("an outbox repeats all verdicts for a sink that forgets", () => {
  const outbox = new VerdictOutbox(settings, 0);
  const all = () => [verdict(1, "HEALTHY"), verdict(2, "UNHEALTHY")];
  assert.equal(outbox.dueMs, 60_000);
  assert.equal(outbox.take(59_999, all), undefined);
  assert.equal(outbox.take(60_000, all)?.verdicts.length, 2);
  outbox.sent();
  assert.equal(outbox.dueMs, 120_000);
});

Deno.test("worstOf() is what the strictest of several clusters says", () => {
  const cases: readonly (readonly [readonly Health[], Health])[] = [
    [[], "UNKNOWN"],
    [["UNKNOWN", "HEALTHY"], "HEALTHY"],
    [["HEALTHY", "TIMEOUT"], "TIMEOUT"],
    [["DRAINING", "HEALTHY"], "DRAINING"],
    [["UNKNOWN"], "UNKNOWN"],
  ];
  for (const [healths, wanted] of cases) assert.equal(worstOf(healths), wanted);
});
