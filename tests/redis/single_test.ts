// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { runCounterStoreContract } from "@denvoy/rls/stores_contract";
import { eventually, startRedis } from "../support/mod.ts";
import { hit, hourly, onPort, openStore, Peer } from "./store.ts";

const noon = Date.UTC(2026, 0, 1, 12);

Deno.test("RedisCounterStore keeps the contract of counter stores on one Redis", async (t) => {
  await using redis = await startRedis();
  await using opened = await openStore(onPort(redis.port));
  await runCounterStoreContract(t, opened.store);
});

Deno.test("RedisCounterStore counts in the keys of envoyproxy/ratelimit, in either direction", async () => {
  await using redis = await startRedis();
  await using opened = await openStore(onPort(redis.port));
  await using peer = new Peer(redis.port);
  const name = `d_k_v_${noon / 1000}`;
  const charge = hourly("d_k_v_", { hits: 3 });
  assert.equal(await hit(opened.store, charge, { nowMs: noon + 5_000 }), 3);
  assert.equal(await peer.get(name), "3");
  const counted = await peer.incrby(name, 4);
  await peer.expire(name, 3_700);
  assert.equal(counted, 7);
  assert.equal(await hit(opened.store, charge, { nowMs: noon + 9_000 }), 10);
  assert.deepEqual(await peer.keys("*"), [name]);
});

Deno.test("RedisCounterStore lets a window live for its length and a jitter, checks included", async () => {
  await using redis = await startRedis();
  const random = () => 0.999;
  await using opened = await openStore(onPort(redis.port), { random });
  await using peer = new Peer(redis.port);
  await hit(opened.store, hourly("d_a_"), { nowMs: noon });
  await hit(opened.store, hourly("d_b_", { hits: 0 }), { nowMs: noon });
  for (const key of ["d_a_", "d_b_"]) {
    const ttl = await peer.ttl(`${key}${noon / 1000}`);
    assert.ok(ttl > 3_890 && ttl <= 3_899, `${ttl} s`);
  }
  assert.equal(await peer.get(`d_b_${noon / 1000}`), "0");
});

Deno.test("RedisCounterStore has a counter that two windows share live as long as the longer one", async () => {
  await using redis = await startRedis();
  await using opened = await openStore(onPort(redis.port));
  await using peer = new Peer(redis.port);
  const midnight = Date.UTC(2026, 0, 1);
  const day = 86_400;
  for (const atomic of ["each", "all-or-nothing", "over-only"] as const) {
    for (const [title, lengths] of [["last", [60, 3_600, day]], ["first", [day, 60]]] as const) {
      const key = `d_${atomic}_${title}_`;
      const charges = lengths.map((windowSeconds) => hourly(key, { windowSeconds }));
      for (const charge of charges) {
        // With another one, the request is charged by the rules of its atomicity.
        const both = [charge, hourly(`${key}other_`)];
        await opened.store.charge({ charges: both, atomic }, { nowMs: midnight, timeoutMs: 2_000 });
      }
      assert.equal(await peer.get(`${key}${midnight / 1000}`), String(lengths.length));
      assert.ok(await peer.ttl(`${key}${midnight / 1000}`) > day - 60, key);
    }
  }
});

Deno.test("RedisCounterStore leaves nothing without an expiry", async () => {
  await using redis = await startRedis();
  await using opened = await openStore(onPort(redis.port));
  const kinds = ["fixed-window", "sliding-window", "token-bucket", "concurrency"] as const;
  const charges = kinds.map((kind) => hourly(`d_${kind}_`, { algorithm: { kind } }));
  for (const atomic of ["each", "all-or-nothing", "over-only"] as const) {
    await opened.store.charge({ charges, atomic }, { nowMs: noon, timeoutMs: 2_000 });
  }
  await using peer = new Peer(redis.port);
  const keys = await peer.keys("*");
  assert.equal(keys.length, 4);
  for (const key of keys) assert.ok(await peer.ttl(key) > 0, key);
});

Deno.test("RedisCounterStore sends what arrives together as one command, a hot key once", async () => {
  await using redis = await startRedis();
  await using opened = await openStore(onPort(redis.port));
  await using peer = new Peer(redis.port);
  await hit(opened.store, hourly("d_warm_"));
  await peer.config("RESETSTAT");
  const all = await Promise.all(
    Array.from({ length: 300 }, (_, n) => hit(opened.store, hourly(n % 2 ? "d_hot_" : `d_${n}_`))),
  );
  assert.equal(all.filter((count) => count === 1).length, 151);
  const stats = await peer.info("commandstats");
  assert.match(stats, /cmdstat_evalsha:calls=1,/);
  assert.match(stats, /cmdstat_incrby:calls=151,/);
});

Deno.test("RedisCounterStore counts windows of one second in the per-second Redis", async () => {
  await using redis = await startRedis();
  await using other = await startRedis();
  await using opened = await openStore(onPort(redis.port), { perSecond: onPort(other.port) });
  const second = hourly("d_s_", { windowSeconds: 1, perSecond: true, limit: 1 });
  const charges = [hourly("d_h_"), second];
  const options = { nowMs: noon, timeoutMs: 2_000 };
  await opened.store.charge({ charges, atomic: "each" }, options);
  for (const [port, name] of [[redis.port, "d_h_"], [other.port, "d_s_"]] as const) {
    await using peer = new Peer(port);
    assert.deepEqual(await peer.keys("*"), [`${name}${noon / 1000}`]);
  }
  const together = await opened.store.charge({ charges, atomic: "all-or-nothing" }, options);
  assert.ok(Array.isArray(together));
  assert.deepEqual(together.map(({ after, over }) => [after, over]), [[1, false], [1, true]]);
});

Deno.test("RedisCounterStore fails the request on a key that is no counter, and no other", async () => {
  await using redis = await startRedis();
  await using opened = await openStore(onPort(redis.port));
  await using peer = new Peer(redis.port);
  await peer.set(`d_bad_${noon / 1000}`, "text");
  await peer.lpush("d_bad_token-bucket_3600", "text");
  const at = { nowMs: noon };
  const bucket = { algorithm: { kind: "token-bucket" } } as const;
  const outcomes = await Promise.all([
    hit(opened.store, hourly("d_bad_"), at),
    hit(opened.store, hourly("d_good_"), at),
    hit(opened.store, hourly("d_bad_", bucket), at),
    hit(opened.store, hourly("d_good_", bucket), at),
  ]);
  assert.deepEqual(outcomes, ["refused", 1, "refused", 1]);
  assert.equal(opened.store.health().kind, "serving");
});

Deno.test("RedisCounterStore takes a counter that cannot grow any more as over its limit", async () => {
  await using redis = await startRedis();
  await using opened = await openStore(onPort(redis.port));
  await using peer = new Peer(redis.port);
  await peer.set(`d_full_${noon / 1000}`, "9223372036854775807");
  const count = await hit(opened.store, hourly("d_full_"), { nowMs: noon });
  assert.ok(typeof count === "number" && count > 2 ** 52, `${count}`);
});

Deno.test("RedisCounterStore connects by a unix socket as an ACL user, and takes up new credentials", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/redis.sock`;
  await using redis = await startRedis({
    args: ["--unixsocket", path, "--user", "limiter", "on", ">old", "~*", "&*", "+@all"],
  });
  let password = "old";
  const credentials = () => ({ username: "limiter", password });
  await using opened = await openStore({ topology: { kind: "unix", path }, credentials });
  assert.equal(await hit(opened.store, hourly("d_")), 1);
  await using peer = new Peer(redis.port);
  await peer.call("ACL", ["SETUSER", "limiter", "<old", ">new"]);
  password = "new";
  await peer.call("CLIENT", ["KILL", "TYPE", "normal", "SKIPME", "yes"]);
  await eventually(async () => typeof await hit(opened.store, hourly("d_")) === "number", {
    what: "the store to count with the new password",
    detail: () => JSON.stringify(opened.store.health()),
  });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("two replicas on one Redis together admit the limit exactly, by every algorithm", async () => {
  await using redis = await startRedis();
  await using one = await openStore(onPort(redis.port));
  await using two = await openStore(onPort(redis.port));
  for (const kind of ["fixed-window", "sliding-window", "token-bucket", "concurrency"] as const) {
    const charges = [hourly(`d_r_${kind}_`, { algorithm: { kind } })];
    const options = { nowMs: noon, timeoutMs: 5_000 };
    const outcomes = await Promise.all(Array.from({ length: 300 }, (_, n) => {
      const { store } = n % 2 === 0 ? one : two;
      return store.charge({ charges, atomic: n % 3 === 0 ? "each" : "all-or-nothing" }, options);
    }));
    const admitted = outcomes.filter((outcome) => {
      assert.ok(Array.isArray(outcome), JSON.stringify(outcome));
      return outcome[0]?.over === false;
    });
    assert.equal(admitted.length, 100, kind);
  }
});
