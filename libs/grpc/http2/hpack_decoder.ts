// SPDX-License-Identifier: Apache-2.0
/**
 * Decodes header blocks (RFC 7541 section 6). State is one dynamic table per connection, so every
 * block is decoded whole, also one whose stream is refused or whose list is too large.
 * @module
 */
import { ConnectionError, ErrorCode } from "./error_code.ts";
import { type Field, newField } from "./field.ts";
import { DEFAULT_TABLE_BYTES, DynamicTable, STATIC_ENTRIES, STATIC_TABLE } from "./hpack_table.ts";
import { decodeHuffman, latin1 } from "./huffman.ts";

// An integer of this many continuation octets stays below 2^28 and holds any length that a block
// of bounded size can mean.
const MAX_INTEGER_OCTETS = 4;

/** What a block holds. */
export interface FieldList {
  /** The fields in order; cut off where the list grew too large. */
  readonly fields: readonly Field[];
  /** Whether the list is larger than the decoder's bound, so that `fields` is not all of it. */
  readonly tooLarge: boolean;
}

/** Decoder of one direction of one connection. */
export class HpackDecoder {
  readonly #table = new DynamicTable(DEFAULT_TABLE_BYTES);
  readonly #maxListBytes: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;

  /** Fields beyond `maxListBytes` (RFC 9113 section 10.5.1) are decoded but not kept. */
  constructor(maxListBytes: number) {
    this.#maxListBytes = maxListBytes;
  }

  /** Changes with the dynamic table: equal blocks between equal versions mean the same list. */
  get version(): number {
    return this.#table.inserted;
  }

  /** Octets that the dynamic table holds. */
  get tableBytes(): number {
    return this.#table.bytes;
  }

  /** Decodes one whole block. @throws ConnectionError COMPRESSION_ERROR, which ends the connection */
  decode(bytes: Uint8Array, start: number, end: number): FieldList {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    const fields: Field[] = [];
    let listBytes = 0;
    while (this.#at < end) {
      const field = this.#next(fields.length === 0 && listBytes === 0);
      if (field === undefined) continue;
      listBytes += field.size;
      if (listBytes <= this.#maxListBytes) fields.push(field);
    }
    return { fields, tooLarge: listBytes > this.#maxListBytes };
  }

  /** Decodes one representation; a table size update yields no field. */
  #next(first: boolean): Field | undefined {
    const octet = this.#bytes[this.#at] ?? 0;
    if (octet >= 0x80) return this.#indexed(this.#integer(7));
    if (octet >= 0x40) {
      const field = this.#literal(this.#integer(6));
      this.#table.insert(field);
      return field;
    }
    if (octet < 0x20) return this.#literal(this.#integer(4));
    if (!first) throw compressionError("table size update after a field");
    const maxBytes = this.#integer(5);
    if (maxBytes > DEFAULT_TABLE_BYTES) throw compressionError("table size update too large");
    this.#table.resize(maxBytes);
    return undefined;
  }

  #indexed(index: number): Field {
    const field = index <= STATIC_ENTRIES
      ? STATIC_TABLE[index - 1]
      : this.#table.get(index - STATIC_ENTRIES - 1);
    if (field === undefined) throw compressionError(`no field at index ${index}`);
    return field;
  }

  #literal(nameIndex: number): Field {
    const name = nameIndex === 0 ? this.#string() : this.#indexed(nameIndex).name;
    return newField(name, this.#string());
  }

  /** Decodes an integer with a prefix of `bits` (section 5.1). */
  #integer(bits: number): number {
    const most = (1 << bits) - 1;
    let value = (this.#bytes[this.#at++] ?? 0) & most;
    if (value < most) return value;
    for (let octets = 0; octets < MAX_INTEGER_OCTETS; octets++) {
      if (this.#at >= this.#end) throw compressionError("block ends within an integer");
      const octet = this.#bytes[this.#at++] ?? 0;
      value += (octet & 0x7f) << (7 * octets);
      if (octet < 0x80) return value;
    }
    throw compressionError("integer too large");
  }

  #string(): string {
    if (this.#at >= this.#end) throw compressionError("block ends before a string");
    const huffman = (this.#bytes[this.#at] ?? 0) >= 0x80;
    const length = this.#integer(7);
    const start = this.#at;
    const end = start + length;
    if (end > this.#end) throw compressionError("block ends within a string");
    this.#at = end;
    if (!huffman) return latin1(this.#bytes, start, end);
    const text = decodeHuffman(this.#bytes, start, end);
    if (text === undefined) throw compressionError("wrong Huffman code");
    return text;
  }
}

function compressionError(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, message);
}
