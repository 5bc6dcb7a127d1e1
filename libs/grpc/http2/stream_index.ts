// SPDX-License-Identifier: Apache-2.0
/**
 * The open streams of a connection by their id. It does what a Map does, but leaves nothing behind: each
 * time that V8 makes a new table for a Map whose entries come and go, the old one holds on to the new one
 * and to all that stood in it. Once one of them is old, every request after it lives until all memory
 * is looked through, which made a busy server wait for its memory most of the time.
 * @module
 */

/** What stands in an index. */
export interface Indexed {
  /** Unique; odd and rising with time, so that neighbours in time are neighbours here. */
  readonly id: number;
}

const FIRST_SLOTS = 16;

/** Open streams, or whatever has ids like theirs. */
export class StreamIndex<T extends Indexed> {
  /** A power of 2 long and at most half full; a stream stands at its place or in the row behind it. */
  #slots: (T | undefined)[] = emptySlots(FIRST_SLOTS);
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** Returns the one with an id. */
  get(id: number): T | undefined {
    return this.#slots[this.#find(id)];
  }

  /** Adds one; its id is not there yet. */
  add(item: T): void {
    if (2 * this.#size >= this.#slots.length) this.#resize(2 * this.#slots.length);
    this.#slots[this.#find(item.id)] = item;
    this.#size++;
  }

  /** Takes one out, if it is there. */
  delete(id: number): void {
    let free = this.#find(id);
    if (this.#slots[free] === undefined) return;
    this.#slots[free] = undefined;
    this.#size--;
    // Those in the row behind it move up, as a gap would hide them.
    const mask = this.#slots.length - 1;
    for (let at = free + 1 & mask; this.#slots[at] !== undefined; at = at + 1 & mask) {
      const home = this.#home(this.#slots[at]?.id ?? 0);
      if ((at - home & mask) < (at - free & mask)) continue;
      this.#slots[free] = this.#slots[at];
      this.#slots[at] = undefined;
      free = at;
    }
    if (this.#slots.length > FIRST_SLOTS && 16 * this.#size < this.#slots.length) {
      this.#resize(this.#slots.length / 4);
    }
  }

  /** Takes out all. */
  clear(): void {
    this.#slots = emptySlots(FIRST_SLOTS);
    this.#size = 0;
  }

  /** Returns all that are there now, in no order. */
  values(): readonly T[] {
    return this.#slots.filter((item) => item !== undefined);
  }

  #home(id: number): number {
    return (id >>> 1) & this.#slots.length - 1;
  }

  /** Returns the slot of an id, or the free one where it belongs. */
  #find(id: number): number {
    const mask = this.#slots.length - 1;
    let at = this.#home(id);
    for (let item = this.#slots[at]; item !== undefined && item.id !== id; item = this.#slots[at]) {
      at = at + 1 & mask;
    }
    return at;
  }

  #resize(length: number): void {
    const items = this.values();
    this.#slots = emptySlots(length);
    for (const item of items) this.#slots[this.#find(item.id)] = item;
  }
}

function emptySlots<T>(length: number): (T | undefined)[] {
  return new Array<T | undefined>(length).fill(undefined);
}
