// SPDX-License-Identifier: Apache-2.0
/**
 * A sliding window counted in tenths. The tenth under way and the ten before it together cover the
 * whole last window and up to a tenth more, and all that they hold is within the limit: never are
 * more than `limit` units counted in any stretch of one window, and a unit comes back after 1 to
 * 1.1 windows. When a clock steps back, time stands still until it has caught up.
 *
 * A refund takes the oldest units. That is the safe side: the units that stay are counted longer
 * than they need be, never shorter. A limit of concurrency is the same with a lease for a window.
 * @module
 */
import type { Charge, Charged } from "../counter_store.ts";
import type { Counter } from "./counter.ts";

/** Parts of a window. */
export const partsPerWindow = 10;

const slots = partsPerWindow + 1;

/** A counter of one key and window length. */
export class SlidingWindow implements Counter {
  /** See {@linkcode Counter.pending}. */
  pending = 0;
  readonly #partMs: number;
  /** Units by part number modulo `slots`. */
  readonly #units: number[] = new Array<number>(slots).fill(0);
  #newest = 0;
  #total = 0;
  #nowMs = 0;

  /** An empty counter of windows of this length. */
  constructor(windowSeconds: number) {
    this.#partMs = windowSeconds * 1000 / partsPerWindow;
  }

  /** Forgets the parts that have left the window. */
  settle(_charge: Charge, nowMs: number): void {
    const part = Math.floor(nowMs / this.#partMs);
    for (let left = Math.min(part - this.#newest, slots); left > 0; left--) {
      const slot = (part - left + 1) % slots;
      this.#total -= this.#at(slot);
      this.#units[slot] = 0;
    }
    this.#newest = Math.max(part, this.#newest);
    this.#nowMs = Math.max(nowMs, this.#newest * this.#partMs);
  }

  /** Tells whether the units of the last window and the hits are within the limit. */
  fits(charge: Charge): boolean {
    return this.#total + this.pending + charge.hits <= charge.limit;
  }

  /** Adds to the part under way. */
  add(charge: Charge): void {
    const slot = this.#newest % slots;
    this.#units[slot] = this.#at(slot) + charge.hits;
    this.#total += charge.hits;
  }

  /** Takes the oldest units. */
  refund(charge: Charge): void {
    let left = charge.hits;
    for (let part = this.#newest + 1; part <= this.#newest + slots && left > 0; part++) {
      const taken = Math.min(left, this.#at(part % slots));
      this.#units[part % slots] = this.#at(part % slots) - taken;
      this.#total -= taken;
      left -= taken;
    }
  }

  /** `resetMs` tells when the hits would fit, or the next unit comes back. */
  describe(charge: Charge, over: boolean): Charged {
    return {
      after: this.#total,
      over,
      remaining: Math.max(0, charge.limit - this.#total),
      resetMs: this.#resetMs(charge, over),
      fromNearCache: false,
    };
  }

  /** When its newest part has left the window. */
  expiresAtMs(): number {
    return (this.#newest + slots) * this.#partMs;
  }

  #resetMs(charge: Charge, over: boolean): number {
    if (over && charge.hits > charge.limit) return this.#partMs * partsPerWindow;
    const wanted = over ? this.#total + charge.hits - charge.limit : Math.min(1, this.#total);
    let freed = 0;
    for (let part = this.#newest - partsPerWindow; part <= this.#newest; part++) {
      if (freed >= wanted) break;
      freed += this.#at((part + slots) % slots);
      if (freed >= wanted) return (part + slots) * this.#partMs - this.#nowMs;
    }
    return 0;
  }

  #at(slot: number): number {
    return this.#units[slot] ?? 0;
  }
}
