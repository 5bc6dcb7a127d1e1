// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { FakeClock, RecordingLogger } from "@denvoy/base/testing";
import { Readiness } from "@denvoy/runtime";
import { QuotaBook } from "./domain/quota_book.ts";
import type { NamedClaim, QuotaGrant } from "./domain/quota_exchange.ts";
import type { QuotaStream } from "./domain/quota_stream.ts";
import { MemoryQuotaExchange, MemoryQuotaHall } from "./domain/testing/memory_quota_exchange.ts";
import { testQuotaSettings } from "./domain/testing/simulated_fleet.ts";
import { limitsOf } from "./domain/testing.ts";
import { QuotaReplica } from "./quota_replica.ts";
import { QuotaTicker } from "./quota_ticker.ts";

/** Cannot be reached while it is `down`. */
class FlakyExchange extends MemoryQuotaExchange {
  down = false;
  rounds = 0;

  override claim(
    claims: readonly NamedClaim[],
    options: { readonly ttlMs: number },
  ): Promise<readonly QuotaGrant[]> {
    this.rounds++;
    if (this.down) return Promise.reject(new Error("gone"));
    return super.claim(claims, options);
  }
}

/** A replica beside another one, which has a member of its own in the limit. */
class World implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly readiness = new Readiness(this.clock);
  readonly hall = new MemoryQuotaHall(() => this.clock.nowMs());
  readonly exchange = new FlakyExchange(this.hall, "one");
  readonly book: QuotaBook;
  readonly replica: QuotaReplica;
  readonly #ticker: QuotaTicker;

  constructor() {
    const observer = { reported: () => {}, refused: () => {}, told: () => {} };
    this.book = new QuotaBook({ settings: { ...testQuotaSettings, isShared: true }, observer });
    const rules = limitsOf("domain: d\ndescriptors: [{key: k, rate_limit: 60000 per minute}]");
    this.book.takeRules(rules, this.clock.monotonicMs());
    this.#ticker = new QuotaTicker(this.book, this.clock);
    this.replica = new QuotaReplica({
      ...{ book: this.book, exchange: this.exchange, clock: this.clock, logger: this.logger },
      leaseMs: 32_000,
      health: this.readiness.component("quotas"),
      onGranted: () => this.#ticker.wake(),
    });
  }

  /** Reports a bucket of an Envoy; returns its stream. */
  report(value: string): QuotaStream {
    const nowMs = this.clock.monotonicMs();
    const stream = this.book.open({ name: "e", address: "10.0.0.1:1", identity: "e" }, nowMs);
    const usage = { bucketId: { k: value }, allowed: 1, denied: 0, elapsedSeconds: 0 };
    stream.report({ domain: "d", usages: [usage] }, nowMs);
    this.#ticker.wake();
    this.replica.wake();
    return stream;
  }

  /** Requests a minute that a stream is told of now; undefined when it is told nothing. */
  told(stream: QuotaStream): number | undefined {
    const [action] = stream.pull(this.clock.monotonicMs(), 10);
    const assignment = action?.kind === "assign" ? action.assignment : undefined;
    return assignment?.kind === "token-bucket" ? assignment.tokensPerFill : undefined;
  }

  /** Lets time pass, and what waits for promises go on. */
  async pass(ms: number): Promise<void> {
    for (let rest = ms; rest > 0; rest -= 100) {
      this.clock.advance(Math.min(100, rest));
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ticker[Symbol.dispose]();
    await this.replica[Symbol.asyncDispose]();
  }
}

Deno.test("QuotaReplica claims a new limit at once, and the others again and again", async () => {
  await using world = new World();
  const stream = world.report("v");
  assert.equal(world.told(stream), undefined, "nothing is told before it is granted");
  await world.pass(1);
  assert.equal(world.told(stream), 60_000);
  await world.pass(3_000);
  assert.ok(world.exchange.rounds >= 6 && world.exchange.rounds <= 8, `${world.exchange.rounds}`);
  const other = world.report("w");
  await world.pass(100);
  assert.equal(world.told(other), 60_000, "another limit does not wait for its turn");
});

Deno.test("QuotaReplica goes on with what it has while the others cannot be reached", async () => {
  await using world = new World();
  const old = world.report("v");
  await world.pass(1);
  assert.equal(world.told(old), 60_000);
  world.exchange.down = true;
  await world.pass(600);
  const { components } = world.readiness.report();
  assert.match(components["quotas"]?.message ?? "", /go on with the parts of before: gone/);
  const fresh = world.report("w");
  await world.pass(200);
  assert.equal(world.told(fresh), undefined, "a new limit waits for the others at first");
  await world.pass(1_500);
  assert.equal(world.told(fresh), 60_000, "then it is begun");
  world.exchange.down = false;
  await world.pass(1_000);
  assert.equal(world.readiness.report().components["quotas"]?.status, "ok");
  const messages = world.logger.lines.map(({ message }) => message);
  assert.deepEqual(messages, [
    "cannot share quotas with other replicas",
    "shares quotas with other replicas again",
  ]);
});

Deno.test("QuotaReplica gives up what it has when nobody shares it, and when it stops", async () => {
  const world = new World();
  const stream = world.report("v");
  await world.pass(1);
  const [limit] = [...world.book.pools.all()];
  assert.ok(limit !== undefined);
  assert.equal(world.hall.claimed(limit.key), 1);
  world.book.close(stream, world.clock.monotonicMs());
  await world.pass(2_000);
  assert.equal(world.hall.claimed(limit.key), 0, "it had not been told of anything");
  world.told(world.report("v"));
  await world.pass(1);
  assert.equal(world.hall.claimed(limit.key), 1);
  await world[Symbol.asyncDispose]();
  assert.equal(world.hall.claimed(limit.key), 0);
});
