// SPDX-License-Identifier: Apache-2.0
/**
 * Chance that repeats itself: the same seed, the same configurations and requests.
 * @module
 */

/** Decides at random, the same way for the same seed (mulberry32). */
export class Chance {
  #state: number;

  /** Equal seeds decide equally. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Returns a whole number from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.#next() * count);
  }

  /** Tells whether something of this probability happens. */
  happens(probability: number): boolean {
    return this.#next() < probability;
  }

  /** Returns one of several. */
  pick<T>(from: readonly [T, ...T[]]): T {
    return from[this.below(from.length)] ?? from[0];
  }

  /** Returns as many results as asked for. */
  some<T>(count: number, make: (index: number) => T): T[] {
    return Array.from({ length: count }, (_, index) => make(index));
  }

  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
