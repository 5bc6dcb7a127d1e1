// SPDX-License-Identifier: Apache-2.0
/**
 * What is in a Redis, and whether two of them hold the same counters.
 * @module
 */
import assert from "node:assert/strict";
import { Redis } from "ioredis";

/** A counter. */
export interface StoredCounter {
  /** Its count, as Redis has it. */
  readonly count: string;
  /** Seconds that it lives on. */
  readonly ttlSeconds: number;
}

/** Counters by key. */
export type RedisContents = ReadonlyMap<string, StoredCounter>;

/** Lengths of windows in seconds; `EXPIRATION_JITTER_MAX_SECONDS` is 300 without a setting. */
const windows = [1, 60, 3_600, 86_400, 604_800, 2_592_000, 31_536_000];
const JITTER_SECONDS = 300;

/** Looks into a Redis. Disposing it ends its connection. */
export class RedisReader implements AsyncDisposable {
  readonly #redis: Redis;

  /** Connects to a port of this machine. */
  constructor(port: number) {
    this.#redis = new Redis(port, "127.0.0.1");
  }

  /** Returns all counters. */
  async contents(): Promise<RedisContents> {
    const names = (await this.#redis.keys("*")).sort();
    const pipeline = this.#redis.pipeline();
    for (const name of names) pipeline.get(name).pttl(name);
    const replies = (await pipeline.exec() ?? []).map(([, value]) => value);
    const rows = names.map((name, at): readonly [string, StoredCounter] => {
      const [count, ttlMs] = replies.slice(2 * at, 2 * at + 2);
      return [name, { count: String(count), ttlSeconds: Number(ttlMs) / 1000 }];
    });
    return new Map(rows.filter(([, { count }]) => count !== "null"));
  }

  /** Ends the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise<void>((resolve) => void this.#redis.once("end", () => resolve()));
    this.#redis.disconnect();
    await ended;
  }
}

/**
 * Fails unless both hold the same counters with lives that one window explains; where two windows that
 * began together share a counter, Denvoy's may be explained by the longer one. A counter of a window that
 * is over may be gone on one side, since lives are random; one at 0 is as good as none.
 */
export function assertSameContents(
  { denvoy, reference }: { readonly denvoy: RedisContents; readonly reference: RedisContents },
  { ageSeconds, nowMs }: { readonly ageSeconds: number; readonly nowMs: number },
): void {
  for (const key of new Set([...denvoy.keys(), ...reference.keys()])) {
    const [ours, theirs] = [denvoy.get(key), reference.get(key)];
    if ((ours?.count ?? "0") === "0" && (theirs?.count ?? "0") === "0") continue;
    if (ours === undefined || theirs === undefined) {
      const start = Number(/\d+$/.exec(key)?.[0]);
      const owner = ours === undefined ? "the reference" : "Denvoy";
      assert.ok(start + 1 <= nowMs / 1000, `only ${owner} has the counter ${key}`);
      continue;
    }
    assert.equal(ours.count, theirs.count, `Denvoy's count of ${key}`);
    const explained = windows.some((window) =>
      isLifeOf(window, { seconds: ours.ttlSeconds, ageSeconds }) &&
      windows.some((other) =>
        isLifeOf(other, { seconds: theirs.ttlSeconds, ageSeconds }) &&
        (other === window || other < window && beginTogether(key, [other, window]))
      )
    );
    const lives = `${ours.ttlSeconds} s in Denvoy's, ${theirs.ttlSeconds} s in the reference's`;
    assert.ok(explained, `no window explains how long ${key} lives: ${lives}`);
  }
}

function isLifeOf(
  window: number,
  { seconds, ageSeconds }: { readonly seconds: number; readonly ageSeconds: number },
): boolean {
  return seconds > window - ageSeconds - 1 && seconds <= window + JITTER_SECONDS;
}

function beginTogether(key: string, lengths: readonly number[]): boolean {
  const start = Number(/\d+$/.exec(key)?.[0]);
  return lengths.every((length) => start % length === 0);
}
