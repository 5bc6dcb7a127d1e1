// SPDX-License-Identifier: Apache-2.0
/**
 * Encodes header blocks (RFC 7541 section 6), with or without the dynamic table. Secrets are never
 * indexed (section 7.1.3). Prepared blocks that use only the static table may be mixed in freely.
 * @module
 */
import { type Field, newField } from "./field.ts";
import { DEFAULT_TABLE_BYTES, DynamicTable, STATIC_ENTRIES, STATIC_TABLE } from "./hpack_table.ts";
import { encodeHuffman, huffmanLength } from "./huffman.ts";

/** Fields whose values no intermediary may put into a table, so that nobody can probe for them. */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "x-api-key",
]);

const STATIC_BY_FIELD: ReadonlyMap<string, number> = firstIndexes((field) => key(field));
const STATIC_BY_NAME: ReadonlyMap<string, number> = firstIndexes((field) => field.name);

function firstIndexes(keyOf: (field: Field) => string): Map<string, number> {
  const indexes = new Map<string, number>();
  for (const [at, field] of STATIC_TABLE.entries()) {
    if (!indexes.has(keyOf(field))) indexes.set(keyOf(field), at + 1);
  }
  return indexes;
}

function key(field: { readonly name: string; readonly value: string }): string {
  return `${field.name}\n${field.value}`;
}

/** A name and value to be encoded; one character per octet. */
export type HeaderPair = readonly [name: string, value: string];

/** Encoder of one direction of one connection. */
export class HpackEncoder {
  readonly #table = new DynamicTable(DEFAULT_TABLE_BYTES);
  #smallestUpdate: number | undefined = undefined;

  /** Whether the next block must start with a table size update, prepared ones too. */
  get updatePending(): boolean {
    return this.#smallestUpdate !== undefined;
  }

  /**
   * Takes the peer's SETTINGS_HEADER_TABLE_SIZE: the table becomes at most that large, and never
   * larger than the default; the next block says so (section 4.2).
   */
  setPeerTableBytes(bytes: number): void {
    const size = Math.min(bytes, DEFAULT_TABLE_BYTES);
    if (size === this.#table.maxBytes) return;
    this.#table.resize(size);
    this.#smallestUpdate = Math.min(size, this.#smallestUpdate ?? size);
  }

  /** Returns the size updates that must stand before the next block, and forgets them. */
  takeUpdate(): Uint8Array {
    const out: number[] = [];
    if (this.#smallestUpdate !== undefined) {
      if (this.#smallestUpdate < this.#table.maxBytes) {
        putInteger(out, { bits: 5, flags: 0x20, value: this.#smallestUpdate });
      }
      putInteger(out, { bits: 5, flags: 0x20, value: this.#table.maxBytes });
      this.#smallestUpdate = undefined;
    }
    return Uint8Array.from(out);
  }

  /** Returns a block of `pairs`; those that are no secret enter the dynamic table. */
  encode(pairs: readonly HeaderPair[]): Uint8Array {
    const out: number[] = [...this.takeUpdate()];
    for (const [name, value] of pairs) this.#put(out, newField(name, value));
    return Uint8Array.from(out);
  }

  #put(out: number[], field: Field): void {
    if (SECRET_NAMES.has(field.name)) return putLiteral(out, field, 0x10);
    const index = STATIC_BY_FIELD.get(key(field)) ?? this.#find(field);
    if (index !== undefined) return putInteger(out, { bits: 7, flags: 0x80, value: index });
    if (field.size * 2 > this.#table.maxBytes) return putLiteral(out, field, 0);
    putLiteral(out, field, 0x40);
    this.#table.insert(field);
  }

  #find(field: Field): number | undefined {
    for (let age = 0; age < this.#table.count; age++) {
      const entry = this.#table.get(age);
      if (entry?.name === field.name && entry.value === field.value) {
        return STATIC_ENTRIES + 1 + age;
      }
    }
    return undefined;
  }
}

/** Returns a block that uses no dynamic table, so that it means the same on every connection. */
export function encodeStateless(pairs: readonly HeaderPair[]): Uint8Array {
  const out: number[] = [];
  for (const [name, value] of pairs) {
    const field = newField(name, value);
    const index = STATIC_BY_FIELD.get(key(field));
    if (index !== undefined) putInteger(out, { bits: 7, flags: 0x80, value: index });
    else putLiteral(out, field, SECRET_NAMES.has(name) ? 0x10 : 0);
  }
  return Uint8Array.from(out);
}

/** Appends a literal: flags 0x40 enters the table, 0 does not, 0x10 never may (section 6.2). */
function putLiteral(out: number[], field: Field, flags: number): void {
  const bits = flags === 0x40 ? 6 : 4;
  const nameIndex = STATIC_BY_NAME.get(field.name) ?? 0;
  putInteger(out, { bits, flags, value: nameIndex });
  if (nameIndex === 0) putString(out, field.name);
  putString(out, field.value);
}

function putString(out: number[], text: string): void {
  const coded = huffmanLength(text);
  if (coded < text.length) {
    putInteger(out, { bits: 7, flags: 0x80, value: coded });
    return encodeHuffman(text, out);
  }
  putInteger(out, { bits: 7, flags: 0, value: text.length });
  for (let at = 0; at < text.length; at++) out.push(text.charCodeAt(at) & 0xff);
}

interface PrefixedInteger {
  readonly bits: number;
  readonly flags: number;
  readonly value: number;
}

/** Appends an integer (section 5.1). */
function putInteger(out: number[], { bits, flags, value }: PrefixedInteger): void {
  const most = (1 << bits) - 1;
  if (value < most) {
    out.push(flags | value);
    return;
  }
  out.push(flags | most);
  let rest = value - most;
  for (; rest >= 0x80; rest = rest >>> 7) out.push((rest & 0x7f) | 0x80);
  out.push(rest);
}
