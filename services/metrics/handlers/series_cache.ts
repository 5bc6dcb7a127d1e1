// SPDX-License-Identifier: Apache-2.0
/**
 * Finds the series of a sample by the bytes of its name and labels, so that these are decoded once
 * and not in every flush of every Envoy. A table with open addressing over one array of bytes: a map
 * of texts would need the text first. Gain: benches/metrics.
 * @module
 */
import type { CutReason, Series } from "../domain/series.ts";
import type { FamilyReader } from "./family_reader.ts";

const FIRST_CAPACITY = 1 << 10;
const FIRST_ARENA = 1 << 16;

/** Bounds of a cache. */
export interface SeriesCacheOptions {
  /** Bytes of names and labels at most; beyond, the cache begins anew. @default 256 MiB */
  readonly maxBytes?: number;
  /** Makes it hard to send names that all fall into one place. */
  readonly seed: number;
}

/** What is known of names and labels as they are on the wire. */
export class SeriesCache {
  readonly #maxBytes: number;
  readonly #seed: number;
  #arena = new Uint8Array(FIRST_ARENA);
  #generation = -1;
  #used = 0;
  #size = 0;
  #mask = FIRST_CAPACITY - 1;
  #hashes = new Int32Array(FIRST_CAPACITY);
  #starts = new Uint32Array(FIRST_CAPACITY);
  #lengths = new Uint32Array(FIRST_CAPACITY);
  #found: (Series | CutReason | undefined)[] = new Array(FIRST_CAPACITY);

  /** Knows nothing. */
  constructor({ maxBytes = 256 * 1024 * 1024, seed }: SeriesCacheOptions) {
    this.#maxBytes = maxBytes;
    this.#seed = seed | 0;
  }

  /** How many different names with labels are known. */
  get size(): number {
    return this.#size;
  }

  /** Forgets everything unless it was noted under this generation of the series. */
  clearIfOlder(generation: number): void {
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.clear();
  }

  /** Forgets everything. */
  clear(): void {
    this.#arena = new Uint8Array(FIRST_ARENA);
    this.#used = 0;
    this.#size = 0;
    this.#resize(FIRST_CAPACITY);
  }

  /**
   * Returns what is known of the family that was read last; undefined when nothing is, or the series
   * is forgotten.
   */
  get(reader: FamilyReader): Series | CutReason | undefined {
    const found = this.#found[this.#place(reader, this.#hash(reader))];
    return typeof found === "object" && found.refs === 0 ? undefined : found;
  }

  /** Notes what became of the family that was read last. */
  set(reader: FamilyReader, found: Series | CutReason): void {
    if (this.#size * 2 > this.#mask) this.#grow();
    const length = keyLength(reader);
    if (this.#used + length > this.#maxBytes) this.clear();
    this.#reserve(length);
    const hash = this.#hash(reader);
    const place = this.#place(reader, hash);
    const isKnown = this.#found[place] !== undefined;
    this.#found[place] = found;
    if (isKnown) return;
    this.#hashes[place] = hash;
    this.#starts[place] = this.#used;
    this.#lengths[place] = length;
    this.#write(reader);
    this.#size++;
  }

  /** The place of a key, or the free one where it would be. */
  #place(reader: FamilyReader, hash: number): number {
    let place = hash & this.#mask;
    while (this.#found[place] !== undefined) {
      if (this.#hashes[place] === hash && this.#equals(reader, place)) return place;
      place = (place + 1) & this.#mask;
    }
    return place;
  }

  #hash(reader: FamilyReader): number {
    const { bytes, nameStart, nameEnd, labelsStart, labelsEnd } = reader;
    let hash = mix(this.#seed, reader.type + reader.valueField * 16 + 1);
    hash = mixBytes(hash, bytes, nameStart, nameEnd);
    hash = mixBytes(hash, bytes, labelsStart, labelsEnd);
    return hash ^ (hash >>> 15);
  }

  #equals(reader: FamilyReader, place: number): boolean {
    const { bytes, nameStart, nameEnd, labelsStart, labelsEnd } = reader;
    if (this.#lengths[place] !== keyLength(reader)) return false;
    const arena = this.#arena;
    let at = this.#starts[place] ?? 0;
    if (arena[at++] !== ((reader.type + reader.valueField * 16) & 0xff)) return false;
    const nameLength = nameEnd - nameStart;
    if (arena[at++] !== (nameLength & 0xff) || arena[at++] !== (nameLength >> 8)) return false;
    for (let index = nameStart; index < nameEnd; index++) {
      if (arena[at++] !== bytes[index]) return false;
    }
    for (let index = labelsStart; index < labelsEnd; index++) {
      if (arena[at++] !== bytes[index]) return false;
    }
    return true;
  }

  #write(reader: FamilyReader): void {
    const { bytes, nameStart, nameEnd, labelsStart, labelsEnd } = reader;
    const arena = this.#arena;
    const nameLength = nameEnd - nameStart;
    arena[this.#used++] = reader.type + reader.valueField * 16;
    arena[this.#used++] = nameLength;
    arena[this.#used++] = nameLength >> 8;
    arena.set(bytes.subarray(nameStart, nameEnd), this.#used);
    this.#used += nameLength;
    arena.set(bytes.subarray(labelsStart, labelsEnd), this.#used);
    this.#used += labelsEnd - labelsStart;
  }

  #reserve(length: number): void {
    if (this.#used + length <= this.#arena.length) return;
    const arena = new Uint8Array(Math.max(this.#arena.length * 2, this.#used + length));
    arena.set(this.#arena);
    this.#arena = arena;
  }

  #grow(): void {
    const old = { hashes: this.#hashes, starts: this.#starts, lengths: this.#lengths };
    const found = this.#found;
    this.#resize(found.length * 2);
    for (const [index, one] of found.entries()) {
      if (one === undefined) continue;
      const hash = old.hashes[index] ?? 0;
      let place = hash & this.#mask;
      while (this.#found[place] !== undefined) place = (place + 1) & this.#mask;
      this.#hashes[place] = hash;
      this.#starts[place] = old.starts[index] ?? 0;
      this.#lengths[place] = old.lengths[index] ?? 0;
      this.#found[place] = one;
    }
  }

  #resize(capacity: number): void {
    this.#mask = capacity - 1;
    this.#hashes = new Int32Array(capacity);
    this.#starts = new Uint32Array(capacity);
    this.#lengths = new Uint32Array(capacity);
    this.#found = new Array(capacity);
  }
}

/** Type and field in one byte, length of the name in two, name, labels. */
function keyLength({ nameStart, nameEnd, labelsStart, labelsEnd }: FamilyReader): number {
  return 3 + nameEnd - nameStart + labelsEnd - labelsStart;
}

function mix(hash: number, value: number): number {
  const mixed = Math.imul(hash ^ value, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

// Its parameters are positional as it runs for each sample.
// deno-lint-ignore house/parameter-count -- an options object would be made for each sample
function mixBytes(seed: number, bytes: Uint8Array, start: number, end: number): number {
  let hash = seed;
  let index = start;
  for (; index + 3 < end; index += 4) {
    const word = (bytes[index] as number) | ((bytes[index + 1] as number) << 8) |
      ((bytes[index + 2] as number) << 16) | ((bytes[index + 3] as number) << 24);
    hash = Math.imul(hash ^ word, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; index < end; index++) hash = mix(hash, bytes[index] as number);
  return hash;
}
