// SPDX-License-Identifier: Apache-2.0
/**
 * Writes direct fields that hold several values (access_log_fields.ts) from the wire into a line.
 * @module
 */
import type { DirectField } from "./access_log_fields.ts";
import type { JsonBytes } from "./json_bytes.ts";
import type { WireCursor } from "./wire_cursor.ts";

const MAP_TAGS = [0x0a, 0x12];
const TAG_MAP_VALUE = 0x12;
const TAG_URI = 0x0a;
const TAG_DNS = 0x12;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;
const COMMA = 0x2c;

/** Writes lists and maps; shares the cursor and the text of a line. What it returns is as in LineValues. */
export class LineLists {
  readonly #cursor: WireCursor;
  readonly #json: JsonBytes;

  /** Reads at `cursor` and writes to `json`. */
  constructor(cursor: WireCursor, json: JsonBytes) {
    this.#cursor = cursor;
    this.#json = json;
  }

  /** Writes a map of texts, whose entries follow each other; the tag of the first was read. */
  texts({ key, tag }: DirectField, end: number): boolean {
    const json = this.#json;
    json.raw(key);
    let before = OPEN;
    do {
      json.byte(before);
      before = COMMA;
      if (!this.#entry(end)) return false;
    } while (this.#isNext(tag, end));
    json.byte(CLOSE);
    return true;
  }

  /** Writes a list of the names of a certificate; the tag of the first was read. */
  names({ key, tag }: DirectField, end: number): boolean {
    const cursor = this.#cursor;
    let count = 0;
    do {
      const length = cursor.contentLength(end);
      const nameEnd = cursor.position + length;
      if (length === 0) continue;
      this.#beginItem(key, count++);
      const kind = cursor.varint();
      if (kind !== TAG_URI && kind !== TAG_DNS) return false;
      if (cursor.contentLength(nameEnd) !== nameEnd - cursor.position) return false;
      this.#json.text(cursor, nameEnd);
    } while (this.#isNext(tag, end));
    if (count > 0) this.#json.byte(CLOSE_BRACKET);
    return true;
  }

  /** Writes the words of the flags that are there and true, up to `end`. */
  flags({ key, words }: DirectField, end: number): boolean {
    const cursor = this.#cursor;
    let count = 0;
    let last = 0;
    while (cursor.position < end) {
      const tag = cursor.varint();
      const word = words[tag >>> 3];
      if (tag <= last || (tag & 7) !== 0 || word === undefined) return false;
      last = tag;
      if (cursor.varint() === 0) continue;
      this.#beginItem(key, count++);
      this.#json.raw(word);
    }
    if (count > 0) this.#json.byte(CLOSE_BRACKET);
    return cursor.position === end;
  }

  #beginItem(key: Uint8Array, count: number): void {
    if (count > 0) return this.#json.byte(COMMA);
    this.#json.raw(key);
    this.#json.byte(OPEN_BRACKET);
  }

  #entry(end: number): boolean {
    const cursor = this.#cursor;
    const length = cursor.contentLength(end);
    const entryEnd = cursor.position + length;
    for (const tag of MAP_TAGS) {
      if (cursor.position >= entryEnd || cursor.varint() !== tag) return false;
      const textLength = cursor.contentLength(entryEnd);
      if (tag === TAG_MAP_VALUE) this.#json.byte(COLON);
      this.#json.text(cursor, cursor.position + textLength);
    }
    return cursor.position === entryEnd;
  }

  /** Whether the next field is another of the same, whose tag is read then. */
  #isNext(tag: number, end: number): boolean {
    const cursor = this.#cursor;
    const { position } = cursor;
    if (position < end && cursor.varint() === tag) return true;
    cursor.position = position;
    return false;
  }
}
