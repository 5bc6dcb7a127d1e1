// SPDX-License-Identifier: Apache-2.0
// Whatever happens to Redis, each request is answered in time, and counting resumes by itself.
import assert from "node:assert/strict";
import { type RedisCounterStore } from "@denvoy/rls/stores";
import { eventually, startRedis } from "../support/mod.ts";
import { hit, hourly, onPort, openStore, Peer } from "./store.ts";

const timeoutMs = 50;
// Timers, a busy machine, and this process's own work: what hangs takes longer by far.
const marginMs = 1_500;

/** Charges once and checks that the answer came in time. */
async function timely(store: RedisCounterStore, key = "d_f_"): Promise<number | string> {
  const start = performance.now();
  const outcome = await hit(store, hourly(key), { timeoutMs });
  const tookMs = performance.now() - start;
  assert.ok(tookMs < timeoutMs + marginMs, `answered after ${Math.round(tookMs)} ms`);
  return outcome;
}

/** Charges until the outcome is as wanted; every answer on the way must come in time. */
async function until(
  store: RedisCounterStore,
  wanted: (outcome: number | string) => boolean,
): Promise<number | string> {
  return await eventually(async () => {
    const outcome = await timely(store);
    return wanted(outcome) ? outcome : undefined;
  }, { what: "the wanted outcome", detail: () => JSON.stringify(store.health()) });
}

function counts(outcome: number | string): boolean {
  return typeof outcome === "number";
}

function isUnavailable(outcome: number | string): boolean {
  return outcome === "unavailable";
}

Deno.test("a paused Redis: deadlines, then left alone, then counting again", async () => {
  await using redis = await startRedis();
  await using opened = await openStore(onPort(redis.port));
  const { store } = opened;
  assert.equal(await hit(store, hourly("d_f_")), 1);
  redis.child.kill("SIGSTOP");
  try {
    const burst = await Promise.all(Array.from({ length: 2_000 }, () => timely(store)));
    assert.deepEqual(new Set(burst), new Set(["deadline"]));
    await until(store, isUnavailable);
    assert.equal(store.health().kind, "failing");
    const start = performance.now();
    for (let n = 0; n < 100; n++) await timely(store);
    assert.ok(performance.now() - start < marginMs, "what is left alone costs no time");
  } finally {
    redis.child.kill("SIGCONT");
  }
  await until(store, counts);
  assert.equal(store.health().kind, "serving");
});

Deno.test("a Redis that is killed and restarted empty: refused at once, then counting from 1", async () => {
  await using redis = await startRedis();
  await using opened = await openStore(onPort(redis.port));
  assert.equal(await hit(opened.store, hourly("d_f_")), 1);
  redis.child.kill("SIGKILL");
  await redis.child.exited;
  await until(opened.store, isUnavailable);
  await using _again = await startRedis({ port: redis.port });
  assert.equal(await until(opened.store, counts), 1);
});

Deno.test("a full Redis: refused with its reason, then counting again", async () => {
  await using redis = await startRedis();
  await using peer = new Peer(redis.port);
  await using opened = await openStore(onPort(redis.port));
  assert.equal(await hit(opened.store, hourly("d_f_")), 1);
  await peer.config("SET", "maxmemory", "1");
  assert.equal(await until(opened.store, (outcome) => outcome === "refused"), "refused");
  await until(opened.store, isUnavailable);
  const health = opened.store.health();
  assert.match(health.kind === "failing" ? health.why : "", /OOM/);
  await peer.config("SET", "maxmemory", "0");
  await until(opened.store, counts);
});

Deno.test("a Redis that became a replica: refused, its connection dropped, then counting again", async () => {
  await using redis = await startRedis();
  await using peer = new Peer(redis.port);
  await using opened = await openStore(onPort(redis.port));
  assert.equal(await hit(opened.store, hourly("d_f_")), 1);
  const before = await peer.client("ID");
  await peer.call("REPLICAOF", ["127.0.0.1", "1"]);
  await until(opened.store, (outcome) => outcome === "refused");
  await eventually(async () => {
    const list = String(await peer.client("LIST"));
    const ids = Array.from(list.matchAll(/^id=(\d+).*name=denvoy-rls/gm), ([, id]) => Number(id));
    return ids.some((id) => id > before);
  }, { what: "a new connection" });
  await peer.call("REPLICAOF", ["NO", "ONE"]);
  await until(opened.store, counts);
});

Deno.test("a slow Redis is left alone, and used again when it is fast", async () => {
  await using redis = await startRedis();
  await using opened = await openStore(onPort(redis.port));
  assert.equal(await hit(opened.store, hourly("d_f_")), 1);
  let slow = true;
  const brake = (async () => {
    // In turns: longer than a deadline away, shortly there.
    while (slow) {
      redis.child.kill("SIGSTOP");
      await new Promise((resolve) => setTimeout(resolve, 2 * timeoutMs));
      redis.child.kill("SIGCONT");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  try {
    await until(opened.store, (outcome) => outcome === "deadline");
    await until(opened.store, isUnavailable);
  } finally {
    slow = false;
    await brake;
  }
  await until(opened.store, counts);
});

Deno.test("no Redis at the start: failing at once, counting when it is there", async () => {
  const gone = await startRedis();
  await gone[Symbol.asyncDispose]();
  const opening = openStore(onPort(gone.port));
  await using _redis = await startRedis({ port: gone.port });
  await using opened = await opening;
  assert.equal(await hit(opened.store, hourly("d_f_")), 1);
});

Deno.test("scripts that Redis forgot are loaded again, and no request notices", async () => {
  await using redis = await startRedis();
  await using peer = new Peer(redis.port);
  await using opened = await openStore(onPort(redis.port));
  assert.equal(await hit(opened.store, hourly("d_f_")), 1);
  await peer.script("FLUSH");
  assert.equal(await hit(opened.store, hourly("d_f_")), 2);
});

Deno.test("more requests than may wait are refused at once", async () => {
  await using redis = await startRedis();
  await using opened = await openStore(onPort(redis.port), { maxWaiting: 100 });
  assert.equal(await hit(opened.store, hourly("d_f_")), 1);
  redis.child.kill("SIGSTOP");
  try {
    const all = await Promise.all(Array.from({ length: 300 }, () => timely(opened.store)));
    assert.equal(all.filter((outcome) => outcome === "overloaded").length, 200);
  } finally {
    redis.child.kill("SIGCONT");
  }
});

Deno.test("close() answers whoever waits", async () => {
  await using redis = await startRedis();
  await using opened = await openStore(onPort(redis.port));
  redis.child.kill("SIGSTOP");
  try {
    const waiting = hit(opened.store, hourly("d_"), { timeoutMs: 60_000 });
    await opened.store.close();
    assert.equal(await waiting, "unavailable");
    assert.equal(await hit(opened.store, hourly("d_")), "unavailable");
  } finally {
    redis.child.kill("SIGCONT");
  }
});
