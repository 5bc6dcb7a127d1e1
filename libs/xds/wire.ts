// SPDX-License-Identifier: Apache-2.0
/**
 * Writes protobuf wire format: just what responses of the discovery services are made of.
 * @module
 */

const encoder = new TextEncoder();
/** Longer strings are left to the encoder. */
const MAX_DIRECT = 256;

/** Appends fields to a growing buffer; a default value (empty, zero) is written when asked for. */
export class WireWriter {
  #buffer = new Uint8Array(256);
  #length = 0;

  /** Appends an unsigned integer of at most 53 bits as a field of wire type 0. */
  uint(field: number, value: number): this {
    return this.#varint(field << 3).#varint(value);
  }

  /**
   * Appends a string as UTF-8. Short ASCII, which names, nonces and versions are, is written here: a
   * call of the encoder takes three times as long (fan_out_bench.ts).
   */
  string(field: number, text: string): this {
    if (text.length > MAX_DIRECT) return this.bytes(field, encoder.encode(text));
    const start = this.#length;
    this.header(field, text.length).#reserve(text.length);
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit > 127) {
        this.#length = start;
        return this.bytes(field, encoder.encode(text));
      }
      this.#buffer[this.#length++] = unit;
    }
    return this;
  }

  /** Appends bytes, or an encoded message. */
  bytes(field: number, bytes: Uint8Array): this {
    this.header(field, bytes.byteLength);
    this.#reserve(bytes.byteLength);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.byteLength;
    return this;
  }

  /** Appends tag and length of a field of `byteLength` bytes that the caller writes elsewhere. */
  header(field: number, byteLength: number): this {
    return this.#varint(field << 3 | 2).#varint(byteLength);
  }

  /** Appends bytes that are encoded fields already. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.byteLength);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.byteLength;
    return this;
  }

  /** Returns a copy of what was written, in an array of its exact size, and starts anew. */
  finish(): Uint8Array {
    const written = this.#buffer.slice(0, this.#length);
    this.#length = 0;
    return written;
  }

  #varint(value: number): this {
    this.#reserve(10);
    let rest = value;
    while (rest > 127) {
      this.#buffer[this.#length++] = rest % 128 + 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#length++] = rest;
    return this;
  }

  #reserve(byteLength: number): this {
    const needed = this.#length + byteLength;
    if (needed <= this.#buffer.byteLength) return this;
    const grown = new Uint8Array(Math.max(needed, this.#buffer.byteLength * 2));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
    return this;
  }
}
