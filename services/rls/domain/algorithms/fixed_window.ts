// SPDX-License-Identifier: Apache-2.0
/**
 * Fixed windows aligned to the Unix epoch. Every hit counts, also those over the limit. The last
 * two windows are kept: a clock that steps back over a boundary goes on in the window it was in.
 * @module
 */
import type { Charge, Charged } from "../counter_store.ts";
import { windowRestMs, windowStart } from "../window.ts";
import type { Counter } from "./counter.ts";

/** A counter of one key and window length. */
export class FixedWindow implements Counter {
  /** See {@linkcode Counter.pending}. */
  pending = 0;
  readonly #windowSeconds: number;
  #nowMs = 0;
  #start = -1;
  #count = 0;
  #otherStart = -1;
  #otherCount = 0;

  /** An empty counter of windows of this length. */
  constructor(windowSeconds: number) {
    this.#windowSeconds = windowSeconds;
  }

  /** Changes to the window of `nowMs`. */
  settle(_charge: Charge, nowMs: number): void {
    this.#nowMs = nowMs;
    const start = windowStart(nowMs, this.#windowSeconds);
    if (start === this.#start) return;
    const count = start === this.#otherStart ? this.#otherCount : 0;
    this.#otherStart = this.#start;
    this.#otherCount = this.#count;
    this.#start = start;
    this.#count = count;
  }

  /** Tells whether the window's count stays within the limit. */
  fits(charge: Charge): boolean {
    return this.#count + this.pending + charge.hits <= charge.limit;
  }

  /** Adds the hits, within the limit or not. */
  add(charge: Charge): void {
    this.#count += charge.hits;
  }

  /** Takes hits off the present window. */
  refund(charge: Charge): void {
    this.#count = Math.max(0, this.#count - charge.hits);
  }

  /** The window ends at `resetMs`. */
  describe(charge: Charge, over: boolean): Charged {
    return {
      after: this.#count,
      over,
      remaining: Math.max(0, charge.limit - this.#count),
      resetMs: windowRestMs(this.#nowMs, {
        startSeconds: this.#start,
        windowSeconds: this.#windowSeconds,
      }),
      fromNearCache: false,
    };
  }

  /** The end of the later of its windows. */
  expiresAtMs(): number {
    return (Math.max(this.#start, this.#otherStart) + this.#windowSeconds) * 1000;
  }
}
