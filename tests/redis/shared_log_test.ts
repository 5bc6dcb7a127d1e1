// SPDX-License-Identifier: Apache-2.0
/**
 * Tables that replicas share through a real Redis: one order of commits for all, none lost, and what
 * happens when Redis is away or has lost its data.
 * @module
 */
import assert from "node:assert/strict";
import type { Clock, Timer } from "@denvoy/base";
import {
  type LogCommit,
  type LogFollower,
  type LogSnapshot,
  openRedisLink,
  SharedLog,
} from "@denvoy/redis";
import { systemClock } from "@denvoy/runtime";
import { eventually, freePort, type Redis, startRedis } from "../support/mod.ts";
import { onPort, Peer } from "./store.ts";

/** A replica with one table, `numbers`. */
class Replica implements LogFollower, AsyncDisposable {
  readonly log: SharedLog;
  readonly numbers = new Map<string, string>();
  readonly notes: string[] = [];
  resets = 0;

  constructor({ port }: Pick<Redis, "port">, clock: Clock = systemClock) {
    this.log = new SharedLog({
      link: openRedisLink(onPort(port)),
      feed: openRedisLink(onPort(port)),
      keyPrefix: "{test}",
      tables: ["numbers"],
      follower: this,
      clock,
    });
  }

  static async open(redis: Pick<Redis, "port">, clock?: Clock): Promise<Replica> {
    const replica = new Replica(redis, clock);
    await replica.log.open();
    return replica;
  }

  reset({ tables }: LogSnapshot): void {
    this.resets++;
    this.numbers.clear();
    for (const [name, text] of tables.get("numbers") ?? []) this.numbers.set(name, text);
  }

  take({ tables, note }: LogCommit): void {
    if (note !== undefined) this.notes.push(note);
    const { put = {}, remove = [] } = tables.numbers ?? {};
    for (const name of remove) this.numbers.delete(name);
    for (const [name, text] of Object.entries(put)) this.numbers.set(name, text);
  }

  everything(): LogCommit["tables"] {
    return { numbers: { put: Object.fromEntries(this.numbers), remove: [] } };
  }

  heard(): void {}

  /** Counts a name up, as often as it takes for nobody to have come first. */
  async increment(name: string): Promise<void> {
    for (;;) {
      const put = { [name]: String(Number(this.numbers.get(name) ?? 0) + 1) };
      const commit = { tables: { numbers: { put, remove: [] } } };
      const { kind } = await this.log.append(commit, this.log.sequence);
      if (kind === "kept") return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.log.close();
  }
}

function becomes(what: string, isSo: () => boolean): Promise<unknown> {
  return eventually(() => Promise.resolve(isSo()), { what, withinMs: 40_000 });
}

function sameFor(replicas: readonly Replica[]): Promise<unknown> {
  const shown = (replica: Replica) => JSON.stringify([...replica.numbers].sort());
  return becomes(
    "all replicas to have the same",
    () => replicas.every((each) => shown(each) === shown(replicas[0] ?? each)),
  );
}

Deno.test("commits of several replicas at once are all kept, in one order", async () => {
  await using redis = await startRedis();
  await using first = await Replica.open(redis);
  await using second = await Replica.open(redis);
  const work = [first, second, first, second].map(async (replica) => {
    for (let count = 0; count < 25; count++) await replica.increment("shared");
  });
  await Promise.all(work);
  await sameFor([first, second]);
  assert.equal(first.numbers.get("shared"), "100");
  assert.equal(first.log.sequence, 100);
  assert.equal(first.log.epoch, second.log.epoch);

  await second.log.append({ tables: {}, note: "hello" }, "anywhere");
  assert.deepEqual(second.notes, ["hello"]);
  await becomes("the note to arrive", () => first.notes.length === 1);
  const remove = { tables: { numbers: { put: { a: "1" }, remove: ["shared"] } } };
  assert.deepEqual(await first.log.append(remove, 100), { kind: "moved" });
  assert.deepEqual(await first.log.append(remove, 101), { kind: "kept" });
  await using late = await Replica.open(redis);
  assert.deepEqual([...late.numbers], [["a", "1"]]);
  await sameFor([first, second, late]);
  assert.equal(late.resets, 1);
});

/** A clock on which no pause before another try ever ends. */
class NoTries implements Clock {
  nowMs(): number {
    return systemClock.nowMs();
  }

  monotonicMs(): number {
    return systemClock.monotonicMs();
  }

  after(delayMs: number, callback: () => void): Timer {
    return systemClock.after(delayMs < 1000 ? 3_600_000 : delayMs, callback);
  }
}

Deno.test("a commit is told to those who wait for it, without a look", async () => {
  await using redis = await startRedis();
  await using first = await Replica.open(redis);
  await using second = await Replica.open(redis, new NoTries());
  for (let count = 1; count <= 20; count++) {
    await first.increment("n");
    await becomes("the commit to arrive", () => second.numbers.get("n") === String(count));
  }
});

/** One commit or two in the place of the last one, as a server that lagged behind has after it took over. */
const FORK = `
local meta = redis.call('HMGET', KEYS[1], 'e', 'i')
redis.call('DEL', KEYS[2])
redis.call('XADD', KEYS[2], '3-0', 'e', meta[1], 'i', 'x', 'p', 'lost', 'w', '{"tables":{}}')
redis.call('HSET', KEYS[1], 's', '3', 'i', 'x')
if ARGV[1] == '4' then
  redis.call('XADD', KEYS[2], '4-0', 'e', meta[1], 'i', 'y', 'p', 'x', 'w', '{"tables":{}}')
  redis.call('HSET', KEYS[1], 's', '4', 'i', 'y')
end
redis.call('HSET', KEYS[3], 'n', 'other')
`;

for (const sequence of [3, 4]) {
  Deno.test(`a Redis that has other commits than were taken is read anew, at ${sequence} after 3`, async () => {
    await using redis = await startRedis();
    await using first = await Replica.open(redis);
    for (let count = 0; count < 3; count++) await first.increment("n");
    await using peer = new Peer(redis.port);
    await peer.call("EVAL", [FORK, 3, "{test}:meta", "{test}:log", "{test}:numbers", sequence]);
    await becomes("what is there to be taken", () => first.numbers.get("n") === "other");
    const { kind } = await first.log.append({ tables: {} }, sequence);
    assert.deepEqual([kind, first.log.sequence], ["kept", sequence + 1]);
  });
}

Deno.test("what does not fit into the stream is read anew", async () => {
  await using redis = await startRedis();
  await using first = await Replica.open(redis);
  await using second = await Replica.open(redis);
  const text = "x".repeat(9 * 2 ** 20);
  for (const name of ["a", "b"]) {
    const put = { [name]: text };
    await first.log.append({ tables: { numbers: { put, remove: [] } } }, "anywhere");
  }
  await first.increment("c");
  await using late = await Replica.open(redis);
  await sameFor([first, second, late]);
  assert.equal(late.numbers.get("c"), "1");
});

Deno.test("Redis away: nothing is kept, what is known stays, and an empty one gets it again", async () => {
  const port = freePort();
  const opening = Replica.open({ port });
  let redis = await startRedis({ port });
  try {
    await using first = await opening;
    await using second = await Replica.open(redis);
    for (let count = 0; count < 3; count++) await first.increment("n");
    await sameFor([first, second]);
    redis.child.kill("SIGKILL");
    await redis.child.exited;
    await becomes("both to notice", () => [first, second].every(({ log }) => log.trouble));
    await assert.rejects(() => first.increment("n"), /Redis is away .* try again/);
    assert.equal(first.numbers.get("n"), "3");
    redis = await startRedis({ port });
    await becomes("both to be back", () => [first, second].every(({ log }) => !log.trouble));
    await second.increment("n");
    await first.increment("n");
    await sameFor([first, second]);
    assert.equal(first.numbers.get("n"), "5");
    await using late = await Replica.open(redis);
    assert.deepEqual([...late.numbers], [["n", "5"]]);
  } finally {
    await redis[Symbol.asyncDispose]();
  }
});
