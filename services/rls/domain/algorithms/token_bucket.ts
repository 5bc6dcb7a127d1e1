// SPDX-License-Identifier: Apache-2.0
/**
 * The token bucket as GCRA keeps it: one level and one time. A unit is `windowMs` parts, and
 * `limit` parts drain each millisecond, so that everything is whole numbers and exact. When a clock
 * steps back, nothing drains until it has caught up.
 * @module
 */
import type { Charge, Charged } from "../counter_store.ts";
import { capacityOf, type Counter } from "./counter.ts";

/** A counter of one key and window length. */
export class TokenBucket implements Counter {
  /** See {@linkcode Counter.pending}. */
  pending = 0;
  readonly #windowMs: number;
  #level = 0;
  #lastMs = 0;
  #limit = 0;

  /** A full bucket, of which nothing is used, that is filled once per window. */
  constructor(windowSeconds: number) {
    this.#windowMs = windowSeconds * 1000;
  }

  /** Drains what came back since the last time. */
  settle(charge: Charge, nowMs: number): void {
    this.#limit = charge.limit;
    const now = Math.floor(nowMs);
    if (now <= this.#lastMs) return;
    this.#level = Math.max(0, this.#level - (now - this.#lastMs) * charge.limit);
    this.#lastMs = now;
  }

  /** Tells whether the bucket holds that many units. */
  fits(charge: Charge): boolean {
    return this.#level + (this.pending + charge.hits) * this.#windowMs <=
      capacityOf(charge) * this.#windowMs;
  }

  /** Takes units out of the bucket. */
  add(charge: Charge): void {
    this.#level += charge.hits * this.#windowMs;
  }

  /** Puts units back. */
  refund(charge: Charge): void {
    this.#level = Math.max(0, this.#level - charge.hits * this.#windowMs);
  }

  /** `resetMs` tells when the hits would fit, or the next unit comes back. */
  describe(charge: Charge, over: boolean): Charged {
    const free = capacityOf(charge) * this.#windowMs - this.#level;
    return {
      after: Math.ceil(this.#level / this.#windowMs),
      over,
      remaining: Math.max(0, Math.floor(free / this.#windowMs)),
      resetMs: this.#resetMs(charge, { over, free }),
      fromNearCache: false,
    };
  }

  /** When the bucket is full again; a window after the last charge if nothing comes back. */
  expiresAtMs(): number {
    if (this.#limit === 0) return this.#lastMs + this.#windowMs;
    return this.#lastMs + Math.max(1, Math.ceil(this.#level / this.#limit));
  }

  #resetMs(charge: Charge, { over, free }: { over: boolean; free: number }): number {
    if (charge.limit === 0) return over ? this.#windowMs : 0;
    if (over && charge.hits > capacityOf(charge)) return this.#windowMs;
    if (over) return Math.ceil((charge.hits * this.#windowMs - free) / charge.limit);
    if (this.#level === 0) return 0;
    const next = (Math.floor(free / this.#windowMs) + 1) * this.#windowMs;
    return Math.ceil((next - free) / charge.limit);
  }
}
