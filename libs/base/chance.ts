// SPDX-License-Identifier: Apache-2.0
/**
 * Chance that repeats itself, for tests that try many cases: a failure names its seed, and the seed
 * brings it back.
 * @module
 */

/** Decides at random, the same way for the same seed (mulberry32). */
export class Chance {
  #state: number;

  /** Equal seeds decide equally. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Returns a number from 0 on that is less than 1. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Returns a whole number from 0 to `count` - 1; 0 for a count of 0. */
  below(count: number): number {
    return Math.floor(this.fraction() * count);
  }

  /** Tells whether something of this probability happens. */
  happens(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** Returns one of several. @throws RangeError when there are none */
  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new RangeError("cannot pick one of none");
    return from[this.below(from.length)] as T;
  }

  /** Returns as many results as asked for. */
  some<T>(count: number, make: (index: number) => T): T[] {
    return Array.from({ length: count }, (_, index) => make(index));
  }

  /** Returns fewer than `count` octets of any value. */
  bytes(count: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: this.below(count) }, () => this.below(256));
  }
}
