// SPDX-License-Identifier: Apache-2.0
/**
 * Writes the values of direct fields (access_log_fields.ts) from the wire into a line. A field that
 * has its zero value is left out, as it is not set.
 * @module
 */
import type { DirectField } from "./access_log_fields.ts";
import { type JsonBytes, utf8 } from "./json_bytes.ts";
import { LineLists } from "./line_lists.ts";
import { LineTimes } from "./line_times.ts";
import type { WireCursor } from "./wire_cursor.ts";

const TAG_VALUE = 0x08;
const TAG_SOCKET_ADDRESS = 0x0a;
const TAG_PROTOCOL = 0x08;
const TAG_ADDRESS = 0x12;
const TAG_PORT = 0x18;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const COLON = 0x3a;
const QUOTE = 0x22;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const TRUE = utf8("true");

/** Writes values; shares the cursor and the text of a line. */
export class LineValues {
  /** Times, which are also in the head of a line. */
  readonly times: LineTimes;
  readonly #cursor: WireCursor;
  readonly #json: JsonBytes;
  readonly #lists: LineLists;

  /** Reads at `cursor` and writes to `json`. */
  constructor(cursor: WireCursor, json: JsonBytes) {
    this.#cursor = cursor;
    this.#json = json;
    this.times = new LineTimes(json);
    this.#lists = new LineLists(cursor, json);
  }

  /**
   * Writes the field whose tag was just read, in a message that goes up to `end`; false for a value
   * of a form that is rare, of which a part may be written then.
   */
  write(field: DirectField, end: number): boolean {
    const cursor = this.#cursor;
    switch (field.form) {
      case "texts":
        return this.#lists.texts(field, end);
      case "names":
        return this.#lists.names(field, end);
      case "number":
      case "flag":
      case "word":
        return this.#number(field, cursor.varint());
      default: {
        const length = cursor.contentLength(end);
        return this.#content(field, cursor.position + length);
      }
    }
  }

  #content(field: DirectField, end: number): boolean {
    switch (field.form) {
      case "text":
        return this.#text(field, end);
      case "milliseconds":
        return this.#milliseconds(field, end);
      case "address":
        return this.#address(field, end);
      case "wrapped_number":
        return this.#wrapped(field, end);
      case "response_flags":
        return this.#lists.flags(field, end);
      case "object":
        return this.#object(field, end);
      default:
        this.#cursor.position = end;
        return true;
    }
  }

  #text({ key }: DirectField, end: number): boolean {
    if (this.#cursor.position === end) return true;
    this.#json.raw(key);
    this.#json.text(this.#cursor, end);
    return true;
  }

  #number({ form, key, words }: DirectField, value: number): boolean {
    if (value > Number.MAX_SAFE_INTEGER) return false;
    if (value === 0) return true;
    const json = this.#json;
    json.raw(key);
    const word = form === "flag" ? TRUE : words[value];
    if (word === undefined) json.integer(value);
    else json.raw(word);
    return true;
  }

  #wrapped(field: DirectField, end: number): boolean {
    const cursor = this.#cursor;
    if (cursor.position === end) return true;
    return cursor.varint() === TAG_VALUE && this.#number(field, cursor.varint()) &&
      cursor.position === end;
  }

  #milliseconds({ key }: DirectField, end: number): boolean {
    if (!this.times.read(this.#cursor, end)) return false;
    if (this.times.isZero) return true;
    this.#json.raw(key);
    this.times.writeMilliseconds();
    return true;
  }

  /** `"10.0.0.1:80"` or `"[::1]:80"`. */
  #address({ key }: DirectField, end: number): boolean {
    const cursor = this.#cursor;
    const json = this.#json;
    if (this.#tag(end) !== TAG_SOCKET_ADDRESS) return false;
    if (cursor.contentLength(end) !== end - cursor.position) return false;
    let tag = this.#tag(end);
    if (tag === TAG_PROTOCOL) {
      cursor.varint();
      tag = this.#tag(end);
    }
    if (tag !== TAG_ADDRESS) return false;
    json.raw(key);
    json.byte(QUOTE);
    this.#host(cursor.contentLength(end));
    json.byte(COLON);
    tag = this.#tag(end);
    if (tag !== 0 && tag !== TAG_PORT) return false;
    json.integer(tag === TAG_PORT ? cursor.varint() : 0);
    json.byte(QUOTE);
    return cursor.position === end;
  }

  /** Returns the next tag; 0 at the end. */
  #tag(end: number): number {
    return this.#cursor.position < end ? this.#cursor.varint() : 0;
  }

  #host(length: number): void {
    const cursor = this.#cursor;
    const json = this.#json;
    const { bytes, position } = cursor;
    let at = position;
    // A call of `indexOf` costs more than to look at so few bytes.
    while (at < position + length && bytes[at] !== COLON) at++;
    const isV6 = at < position + length;
    if (isV6) json.byte(OPEN_BRACKET);
    json.inner(cursor, position + length);
    if (isV6) json.byte(CLOSE_BRACKET);
  }

  /** An object of what it has of its fields; nothing when it has none. */
  #object({ key, fields }: DirectField, end: number): boolean {
    const cursor = this.#cursor;
    const json = this.#json;
    const { length } = json;
    json.raw(key);
    const { length: start } = json;
    let last = 0;
    while (cursor.position < end) {
      const tag = cursor.varint();
      const field = fields[tag >>> 3];
      if (tag <= last || field?.tag !== tag || !this.write(field, end)) return false;
      last = tag;
    }
    if (json.length === start) json.cut(length);
    else {
      // In place of the comma before the first field.
      json.replace(start, OPEN);
      json.byte(CLOSE);
    }
    return cursor.position === end;
  }
}
