// SPDX-License-Identifier: Apache-2.0
/**
 * Finds what comes most often among any number of keys, in bounded room: what is rare makes room in
 * batches, so that an addition costs one look-up. Old weight fades, so that it tells of the present.
 *
 * A key that comes in after others had to go may have been there before: its weight may be too low
 * by what the heaviest of those had, which is said with it (the space-saving algorithm).
 * @module
 */

/** Settings of {@linkcode FrequentItems}. */
export interface FrequentItemsOptions {
  /** Keys that are found at least; up to twice as many are held. */
  readonly capacity: number;
  /** After so long a weight counts half, in ms. @default Infinity: it never fades */
  readonly halfLifeMs?: number;
}

/** A key with its weight. */
export interface FrequentItem<T> {
  /** The key. */
  readonly key: string;
  /** What was added for it since it came in. */
  readonly weight: number;
  /** What may have been added for it before. */
  readonly unseen: number;
  /** What was remembered of it. */
  readonly value: T;
}

interface Entry<T> {
  readonly key: string;
  weight: number;
  unseen: number;
  readonly value: T;
}

/** The keys that were added most often of late. */
export class FrequentItems<T> {
  readonly #capacity: number;
  readonly #halfLifeMs: number;
  #entries = new Map<string, Entry<T>>();
  #unseen = 0;
  #fadedAtMs: number | undefined;

  /** Nothing is in it. */
  constructor({ capacity, halfLifeMs = Infinity }: FrequentItemsOptions) {
    this.#capacity = Math.max(1, capacity);
    this.#halfLifeMs = halfLifeMs;
  }

  /** How many keys it holds. */
  get size(): number {
    return this.#entries.size;
  }

  /** Adds to the weight of a key; returns what is remembered of it, made by `make` when it is new. */
  add(
    key: string,
    { weight, nowMs, make }: {
      readonly weight: number;
      readonly nowMs: number;
      readonly make: () => T;
    },
  ): T {
    this.#fade(nowMs);
    const found = this.#entries.get(key);
    if (found !== undefined) {
      found.weight += weight;
      return found.value;
    }
    if (this.#entries.size >= 2 * this.#capacity) this.#makeRoom();
    const value = make();
    this.#entries.set(key, { key, weight, unseen: this.#unseen, value });
    return value;
  }

  /** Returns the heaviest keys, heaviest first, at most `count`. */
  top(count: number, nowMs: number): readonly FrequentItem<T>[] {
    this.#fade(nowMs);
    return [...this.#entries.values()].sort(heavierFirst).slice(0, count);
  }

  #makeRoom(): void {
    const sorted = [...this.#entries.values()].sort(heavierFirst);
    const [first] = sorted.slice(this.#capacity);
    if (first !== undefined) this.#unseen = Math.max(this.#unseen, first.weight + first.unseen);
    this.#entries = new Map(sorted.slice(0, this.#capacity).map((entry) => [entry.key, entry]));
  }

  #fade(nowMs: number): void {
    // A clock that was set back begins anew.
    if (this.#fadedAtMs === undefined || nowMs < this.#fadedAtMs) this.#fadedAtMs = nowMs;
    const halves = Math.floor((nowMs - this.#fadedAtMs) / this.#halfLifeMs);
    if (halves < 1) return;
    this.#fadedAtMs += halves * this.#halfLifeMs;
    const part = 0.5 ** halves;
    this.#unseen *= part;
    for (const entry of this.#entries.values()) {
      entry.weight *= part;
      entry.unseen *= part;
      if (entry.weight < FORGOTTEN) this.#entries.delete(entry.key);
    }
  }
}

/** Weights below it are nothing any more. */
const FORGOTTEN = 0.01;

function heavierFirst<T>(a: Entry<T>, b: Entry<T>): number {
  return b.weight + b.unseen - (a.weight + a.unseen);
}
