// SPDX-License-Identifier: Apache-2.0
/**
 * Names of keys for a script call, written in parts straight into the bytes that Redis reads: a busy
 * service names thousands a millisecond, and a text for each would cost more than what it is for. A name
 * that was written before is found again and stands there once.
 * @module
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** `$99\r\n`: as long as it is for nearly all names. */
const HEAD_BYTES = 5;
/** The longest head, and the end of a line. */
const FRAME_BYTES = 16;
const FIRST_BYTES = 2 * 1024;
const FIRST_SLOTS = 128;
/** Most lists are short; those that are not soon have the room that they need. */
const GROWTH = 4;
const CR = 13;
const LF = 10;
const DOLLAR = 36;
const ZERO = 48;
const UNDERSCORE = 95;
const FNV_PRIME = 0x01000193;
/** Whoever chooses names does not know how they are told apart, so that he cannot make it slow. */
const SEED = crypto.getRandomValues(new Int32Array(1))[0] ?? 0;

/** Keys of a script call, each once, in the order in which they came. */
export class KeyList {
  #bytes = new Uint8Array(FIRST_BYTES);
  #at = 0;
  /** Of the name that is being written: where it begins, and what it comes to so far. */
  #start = HEAD_BYTES;
  #hash = SEED;
  /** Of each name: where it begins, where it ends, and its hash. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #hashes: number[] = [];
  /** By hash the place of a name, from 1; 0 is free. A power of 2 long. */
  #slots = new Int32Array(FIRST_SLOTS);

  /** How many keys there are. */
  get size(): number {
    return this.#starts.length;
  }

  /** The keys in Redis's protocol, one after the other. They change with the next key. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Returns the name of the first key; undefined when there is none. */
  first(): string | undefined {
    const [start] = this.#starts;
    return start === undefined
      ? undefined
      : decoder.decode(this.#bytes.subarray(start, this.#ends[0]));
  }

  /** Begins a name; parts follow. */
  begin(): void {
    this.#start = this.#at + HEAD_BYTES;
    this.#at = this.#start;
    this.#reserve(0);
    this.#hash = SEED;
  }

  /** Writes a part of the name. */
  text(part: string): void {
    const { length } = part;
    this.#reserve(3 * length);
    const bytes = this.#bytes;
    const at = this.#at;
    let hash = this.#hash;
    for (let n = 0; n < length; n++) {
      const code = part.charCodeAt(n);
      if (code > 127) return this.#wide(part);
      bytes[at + n] = code;
      hash = Math.imul(hash ^ code, FNV_PRIME);
    }
    this.#at = at + length;
    this.#hash = hash;
  }

  /** Writes an underscore. */
  underscore(): void {
    this.#bytes[this.#at++] = UNDERSCORE;
    this.#hash = Math.imul(this.#hash ^ UNDERSCORE, FNV_PRIME);
  }

  /** Ends the name; returns its place among the keys, from 0. */
  end(): number {
    const hash = this.#hash;
    const mask = this.#slots.length - 1;
    let slot = (hash ^ hash >>> 15) & mask;
    for (let known = this.#slots[slot] ?? 0; known > 0; known = this.#slots[slot] ?? 0) {
      if (this.#hashes[known - 1] === hash && this.#isSame(known - 1)) {
        this.#at = this.#start - HEAD_BYTES;
        return known - 1;
      }
      slot = slot + 1 & mask;
    }
    const place = this.#close(hash);
    this.#slots[slot] = place + 1;
    if (2 * this.size > mask) this.#widen();
    return place;
  }

  /** Writes a part that has more than ASCII. */
  #wide(part: string): void {
    const { written } = encoder.encodeInto(part, this.#bytes.subarray(this.#at));
    for (let n = 0; n < written; n++) {
      this.#hash = Math.imul(this.#hash ^ (this.#bytes[this.#at++] ?? 0), FNV_PRIME);
    }
  }

  #isSame(place: number): boolean {
    const start = this.#starts[place] ?? 0;
    const length = this.#at - this.#start;
    if ((this.#ends[place] ?? 0) - start !== length) return false;
    const bytes = this.#bytes;
    for (let n = 0; n < length; n++) if (bytes[start + n] !== bytes[this.#start + n]) return false;
    return true;
  }

  /** Puts the head before the name and the end of the line behind it. */
  #close(hash: number): number {
    const length = this.#at - this.#start;
    if (length > 9 && length < 100) this.#usualHead(length);
    else this.#otherHead(length);
    this.#ends.push(this.#at);
    this.#bytes[this.#at++] = CR;
    this.#bytes[this.#at++] = LF;
    this.#hashes.push(hash);
    return this.#starts.push(this.#start) - 1;
  }

  #usualHead(length: number): void {
    const bytes = this.#bytes;
    const head = this.#start - HEAD_BYTES;
    bytes[head] = DOLLAR;
    bytes[head + 1] = ZERO + Math.floor(length / 10);
    bytes[head + 2] = ZERO + length % 10;
    bytes[head + 3] = CR;
    bytes[head + 4] = LF;
  }

  /** Moves the name to where a head of another length ends. */
  #otherHead(length: number): void {
    const head = encoder.encode(`$${length}\r\n`);
    const from = this.#start - HEAD_BYTES;
    this.#bytes.copyWithin(from + head.byteLength, this.#start, this.#at);
    this.#bytes.set(head, from);
    this.#start = from + head.byteLength;
    this.#at = this.#start + length;
  }

  #reserve(count: number): void {
    const wanted = this.#at + count + 2 * FRAME_BYTES;
    if (wanted <= this.#bytes.byteLength) return;
    const larger = new Uint8Array(GROWTH * wanted);
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }

  #widen(): void {
    const slots = new Int32Array(GROWTH * this.#slots.length);
    const mask = slots.length - 1;
    for (const [place, hash] of this.#hashes.entries()) {
      let slot = (hash ^ hash >>> 15) & mask;
      while ((slots[slot] ?? 0) > 0) slot = slot + 1 & mask;
      slots[slot] = place + 1;
    }
    this.#slots = slots;
  }
}
