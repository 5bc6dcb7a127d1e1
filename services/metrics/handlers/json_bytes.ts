// SPDX-License-Identifier: Apache-2.0
/**
 * JSON text as bytes, written from bytes: what needs no escape is copied, and only the rest becomes a
 * text first. Gain: benches/metrics, `entries.lines`.
 * @module
 */
import type { WireCursor } from "./wire_cursor.ts";

const CHUNK_BYTES = 64 * 1024;
const QUOTE = 0x22;
const ZERO = 0x30;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** 1 for each byte that stands for itself within quotes. */
const plain = Uint8Array.from(
  { length: 256 },
  (_, byte) => Number(byte >= 0x20 && byte < 0x80 && byte !== QUOTE && byte !== 0x5c),
);

/** Returns the UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Writes one text after the other into chunks that those of many share. */
export class JsonBytes {
  #chunk = new Uint8Array(CHUNK_BYTES);
  #start = 0;
  #at = 0;

  /** Begins a text; one that was not taken is forgotten. */
  begin(): void {
    this.#at = this.#start;
  }

  /** Bytes since the beginning. */
  get length(): number {
    return this.#at - this.#start;
  }

  /** Takes back what was written after so many bytes. */
  cut(length: number): void {
    this.#at = this.#start + length;
  }

  /** Returns what was written since the beginning: a view that nobody changes. */
  take(): Uint8Array {
    const text = this.#chunk.subarray(this.#start, this.#at);
    this.#start = this.#at;
    return text;
  }

  /** Writes bytes as they are. */
  raw(bytes: Uint8Array): void {
    const { length } = bytes;
    this.#reserve(length);
    const chunk = this.#chunk;
    let at = this.#at;
    // Most are names of fields: shorter than a call of `set` is worth.
    for (let index = 0; index < length; index++) chunk[at++] = bytes[index] as number;
    this.#at = at;
  }

  /** Writes one byte. */
  byte(byte: number): void {
    this.#reserve(1);
    this.#chunk[this.#at++] = byte;
  }

  /** Writes a byte over the one that came after so many. */
  replace(length: number, byte: number): void {
    this.#chunk[this.#start + length] = byte;
  }

  /** Writes the UTF-8 from the cursor to `end` within quotes, and moves the cursor there. */
  text(cursor: WireCursor, end: number): void {
    this.byte(QUOTE);
    this.inner(cursor, end);
    this.byte(QUOTE);
  }

  /** The same without quotes, as a part of a text. */
  inner(cursor: WireCursor, end: number): void {
    const { bytes, position } = cursor;
    this.#reserve(end - position);
    const chunk = this.#chunk;
    let at = this.#at;
    cursor.position = end;
    for (let index = position; index < end; index++) {
      const byte = bytes[index] as number;
      if (plain[byte] === 0) return this.#escaped(bytes.subarray(position, end));
      chunk[at++] = byte;
    }
    this.#at = at;
  }

  /** Writes an integer from 0 to 2^53. */
  integer(value: number): void {
    let digits = 1;
    for (let power = 10; power <= value; power *= 10) digits++;
    this.padded(value, digits);
  }

  /** Writes an integer in so many digits, with zeros before it if need be. */
  padded(value: number, digits: number): void {
    this.#reserve(digits);
    const chunk = this.#chunk;
    let rest = value;
    for (let place = this.#at + digits - 1; place >= this.#at; place--) {
      const tens = Math.floor(rest / 10);
      chunk[place] = ZERO + rest - tens * 10;
      rest = tens;
    }
    this.#at += digits;
  }

  #escaped(bytes: Uint8Array): void {
    this.raw(utf8(JSON.stringify(decoder.decode(bytes)).slice(1, -1)));
  }

  /** Chunks that are full go with their texts. */
  #reserve(count: number): void {
    if (this.#at + count <= this.#chunk.length) return;
    const begun = this.#chunk.subarray(this.#start, this.#at);
    const chunk = new Uint8Array(Math.max(CHUNK_BYTES, 2 * (begun.length + count)));
    chunk.set(begun);
    this.#chunk = chunk;
    this.#start = 0;
    this.#at = begun.length;
  }
}
