// SPDX-License-Identifier: Apache-2.0
// Totals in a real Redis: what one replica writes, another has.
import assert from "node:assert/strict";
import { TestFleet } from "@denvoy/metrics/testing";
import { openRedisLink, type RedisSettings } from "@denvoy/redis";
import { eventually, type Redis, startRedis } from "../support/mod.ts";
import { keepTotalsOn, openTotals } from "./redis_totals.ts";

function settingsOf({ port }: Pick<Redis, "port">): RedisSettings {
  return { topology: { kind: "single", address: { host: "127.0.0.1", port } } };
}

Deno.test("RedisSharedTotals keeps totals", async () => {
  await using redis = await startRedis();
  await keepTotalsOn(settingsOf(redis));
});

const options = { give: false, open: true };

function nodeOf(fleet: TestFleet) {
  const node = fleet.fleet.node("a");
  assert.ok(node);
  return node;
}

Deno.test("a node has one owner: whoever asks for it waits until it is given, or takes it", async () => {
  await using redis = await startRedis();
  await using first = await openTotals(settingsOf(redis), "a");
  await using second = await openTotals(settingsOf(redis), "b");
  const fleet = new TestFleet();
  fleet.flush("a", { counters: { x: 1 } });
  const record = first.record(nodeOf(fleet));
  assert.deepEqual(await first.claim("a", "newest"), { kind: "taken", totals: undefined });
  assert.equal(await first.save(record, options), "kept");
  assert.deepEqual((await first.beat()).wanted, []);

  assert.equal((await second.claim("a", "idle")).kind, "refused", "its owner has a stream");
  assert.deepEqual((await first.beat()).wanted, []);
  assert.equal((await second.claim("a", "newest")).kind, "asked");
  assert.equal((await second.claim("a", "newest")).kind, "asked");
  assert.deepEqual((await first.beat()).wanted, ["a"]);
  assert.deepEqual((await first.beat()).wanted, [], "it is told once for each time it is asked");
  assert.equal(await second.save(record, options), "lost");
  assert.equal(await first.save(record, { give: false, open: false }), "kept");
  assert.equal((await second.claim("a", "idle")).kind, "asked", "its owner has no stream any more");
  assert.equal(await first.save(record, { give: true, open: false }), "kept");
  assert.equal((await second.claim("a", "idle")).kind, "taken");
  assert.equal(await first.save(record, options), "lost");

  assert.equal((await first.claim("a", "force")).kind, "taken", "without a word of its owner");
  assert.equal(await second.save(record, options), "lost");
  assert.equal(await first.save(record, options), "kept");
  await first.give("a");
  assert.equal((await second.claim("a", "idle")).kind, "taken");
});

Deno.test("what Redis has lost is written again, names of series and all", async () => {
  await using redis = await startRedis();
  await using first = await openTotals(settingsOf(redis), "a");
  await using second = await openTotals(settingsOf(redis), "b");
  const fleet = new TestFleet();
  fleet.flush("a", { counters: { x: 1 } });
  await first.claim("a", "newest");
  assert.equal(await first.save(first.record(nodeOf(fleet)), options), "kept");
  const flusher = openRedisLink(settingsOf(redis));
  await eventually(() => flusher.ready(), { what: "a connection" });
  await flusher.call("FLUSHALL", []);
  await flusher.close();
  assert.equal((await second.claim("a", "newest")).kind, "asked", "its owner may write it again");
  assert.equal((await first.beat()).wasGone, true);
  await second.beat();
  assert.equal((await second.claim("a", "newest")).kind, "asked", "for a while");
  fleet.flush("a", { counters: { x: 7 } });
  assert.equal(await first.save(first.record(nodeOf(fleet)), { give: true, open: false }), "kept");
  const claim = await second.claim("a", "newest");
  assert.ok(claim.kind === "taken");
  const found = [...claim.totals?.series ?? []].map(([{ name }, totals]) => [name, totals]);
  assert.deepEqual(found, [["x", { kind: "scalar", last: 7, before: 0 }]]);
});
