// SPDX-License-Identifier: Apache-2.0
/**
 * Finds what runs out next among things that keep living longer: a binary heap in which an entry
 * may stand too early, and is moved to its real place only when it comes to the top.
 * @module
 */

/** Something that runs out. */
export interface Expiring {
  /** When it runs out, in ms since the Unix epoch; may become later, not earlier by much. */
  expiresAtMs(): number;
}

interface Entry<T> {
  atMs: number;
  readonly value: T;
}

/** A heap of expiring things; every operation is O(log n). */
export class ExpiryHeap<T extends Expiring> {
  readonly #entries: Entry<T>[] = [];

  /** How many things are in it. */
  get size(): number {
    return this.#entries.length;
  }

  /** Adds a thing with the time that it runs out now. */
  push(value: T): void {
    this.#entries.push({ atMs: value.expiresAtMs(), value });
    this.#up(this.#entries.length - 1);
  }

  /** Takes out what ran out at `nowMs` or before; undefined when nothing did. */
  popExpired(nowMs: number): T | undefined {
    const top = this.#settledTop(nowMs);
    return top !== undefined && top.atMs <= nowMs ? this.#pop() : undefined;
  }

  /** Takes out what runs out first of all; undefined when it is empty. */
  popFirst(): T | undefined {
    return this.#settledTop(Infinity) === undefined ? undefined : this.#pop();
  }

  /** Brings to the top what really runs out first, as far as entries are due by `nowMs`. */
  #settledTop(nowMs: number): Entry<T> | undefined {
    for (;;) {
      const top = this.#entries[0];
      if (top === undefined || top.atMs > nowMs) return top;
      const atMs = top.value.expiresAtMs();
      if (atMs <= top.atMs) return top;
      top.atMs = atMs;
      this.#down(0);
    }
  }

  #pop(): T | undefined {
    const [first] = this.#entries;
    const last = this.#entries.pop();
    if (last !== undefined && this.#entries.length > 0) {
      this.#entries[0] = last;
      this.#down(0);
    }
    return first?.value;
  }

  #up(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (this.#atMs(parent) <= this.#atMs(at)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(from: number): void {
    for (let at = from;;) {
      const left = 2 * at + 1;
      const least = this.#atMs(left + 1) < this.#atMs(left) ? left + 1 : left;
      if (this.#atMs(least) >= this.#atMs(at)) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #atMs(at: number): number {
    return this.#entries[at]?.atMs ?? Infinity;
  }

  #swap(a: number, b: number): void {
    const [first, second] = [this.#entries[a], this.#entries[b]];
    if (first === undefined || second === undefined) return;
    this.#entries[a] = second;
    this.#entries[b] = first;
  }
}
