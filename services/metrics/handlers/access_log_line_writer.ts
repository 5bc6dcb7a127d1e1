// SPDX-License-Identifier: Apache-2.0
/**
 * Writes an access log entry as a line of JSON straight from the wire: what
 * domain/access_log_line.ts and JSON.stringify make of it, but for the order of its fields, at a
 * fraction of the cost. What is unusual, a field or a whole entry, is left to them. Gain:
 * benches/metrics, `entries.lines`.
 * @module
 */
import { type AccessLogLine, fieldsLine } from "../domain/access_log_line.ts";
import { type AccessLogSource, lineOf, type RawEntry } from "./access_log_entry.ts";
import {
  commonMessage,
  connectionMessage,
  type LineMessage,
  protocolField,
  requestMessage,
  responseMessage,
  START_TIME,
} from "./access_log_fields.ts";
import type { EntryKind } from "./access_log_reader.ts";
import { JsonBytes, utf8 } from "./json_bytes.ts";
import { LineValues } from "./line_values.ts";
import { WireCursor } from "./wire_cursor.ts";

const COMMON = 1;
const LENGTH_DELIMITED = 2;
const TAG_START_TIME = START_TIME << 3 | LENGTH_DELIMITED;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const COMMA = 0x2c;
const LF = 0x0a;
const TIME = utf8('"time":');

interface Part {
  /** Field number in the entry. */
  readonly number: number;
  readonly message: LineMessage;
}

/** The messages in an entry, in the order in which a line has them. */
const parts: Readonly<Record<EntryKind, readonly Part[]>> = {
  http: [
    { number: 3, message: requestMessage },
    { number: 4, message: responseMessage },
    { number: COMMON, message: commonMessage },
  ],
  tcp: [
    { number: 2, message: connectionMessage },
    { number: COMMON, message: commonMessage },
  ],
};
/** One more than the highest field number in an entry. */
const NUMBERS = 5;

/** Writes lines, each with its end. */
export class AccessLogLineWriter {
  readonly #cursor = new WireCursor();
  readonly #json = new JsonBytes();
  readonly #values = new LineValues(this.#cursor, this.#json);
  readonly #heads = new WeakMap<AccessLogSource, Readonly<Record<EntryKind, Uint8Array>>>();
  /** Where the messages of the present entry begin and end, by field number. */
  readonly #starts = new Uint32Array(NUMBERS);
  readonly #ends = new Uint32Array(NUMBERS);

  /** Returns the line of an entry. @throws RangeError, DecodeError on bytes that are none */
  write(entry: RawEntry): Uint8Array {
    const json = this.#json;
    json.begin();
    if (!this.#direct(entry)) {
      json.begin();
      json.raw(utf8(JSON.stringify(lineOf(entry))));
    }
    json.byte(LF);
    return json.take();
  }

  /** Writes the line without its end; false for an entry whose fields are not in order. */
  #direct({ bytes, kind, source }: RawEntry): boolean {
    const json = this.#json;
    if (!this.#find(bytes)) return false;
    json.byte(OPEN);
    if (!this.#time()) return false;
    json.raw(this.#headOf(source)[kind]);
    if (kind === "http" && !this.#protocol()) return false;
    for (const { number, message } of parts[kind]) {
      if (!this.#fields(message, number)) return false;
    }
    json.byte(CLOSE);
    return true;
  }

  /** Finds the messages in an entry; false unless each is there once and they are in order. */
  #find(bytes: Uint8Array): boolean {
    const cursor = this.#cursor;
    cursor.begin(bytes);
    this.#starts.fill(0);
    this.#ends.fill(0);
    let last = 0;
    while (cursor.position < bytes.length) {
      const start = cursor.position;
      const tag = cursor.varint();
      const number = tag >>> 3;
      if (number <= last) return false;
      last = number;
      cursor.skip(tag, bytes.length);
      if (number >= NUMBERS) continue;
      this.#starts[number] = start;
      this.#ends[number] = cursor.position;
    }
    return true;
  }

  /** Goes to the content of a message; returns where it ends. */
  #enter(number: number): number {
    const cursor = this.#cursor;
    const end = this.#ends[number] ?? 0;
    cursor.position = this.#starts[number] ?? 0;
    if (end === 0) return cursor.position;
    if ((cursor.varint() & 7) !== LENGTH_DELIMITED) return -1;
    cursor.contentLength(end);
    return end;
  }

  /** `start_time` comes first in a line, wherever it is in its message. */
  #time(): boolean {
    const cursor = this.#cursor;
    const json = this.#json;
    const end = this.#enter(COMMON);
    while (cursor.position < end) {
      const tag = cursor.varint();
      if (tag > TAG_START_TIME) return true;
      if (tag !== TAG_START_TIME) {
        cursor.skip(tag, end);
        continue;
      }
      const length = cursor.contentLength(end);
      if (!this.#values.times.read(cursor, cursor.position + length)) return false;
      const { length: before } = json;
      json.raw(TIME);
      if (this.#values.times.writeTime()) json.byte(COMMA);
      else json.cut(before);
      return true;
    }
    return end >= 0;
  }

  #protocol(): boolean {
    const { tag } = protocolField;
    const end = this.#ends[tag >>> 3] ?? 0;
    if (end === 0) return true;
    this.#cursor.position = this.#starts[tag >>> 3] ?? 0;
    return this.#cursor.varint() === tag && this.#values.write(protocolField, end);
  }

  /** Writes the fields of a message; false when they are not in order. */
  #fields(message: LineMessage, number: number): boolean {
    const cursor = this.#cursor;
    const json = this.#json;
    const end = this.#enter(number);
    let last = 0;
    while (cursor.position < end) {
      const start = cursor.position;
      const tag = cursor.varint();
      if (tag >>> 3 <= last) return false;
      last = tag >>> 3;
      const field = message.fields[last];
      const { length } = json;
      if (field?.tag === tag && this.#values.write(field, end)) continue;
      json.cut(length);
      cursor.position = start;
      this.#rare(message, end);
    }
    return cursor.position === end;
  }

  /** Has the field at the cursor decoded, with all that follows of the same. */
  #rare({ decode }: LineMessage, end: number): void {
    const cursor = this.#cursor;
    const start = cursor.position;
    const tag = cursor.varint();
    cursor.skip(tag, end);
    for (let next = cursor.position; next < end; next = cursor.position) {
      if (cursor.varint() !== tag) {
        cursor.position = next;
        break;
      }
      cursor.skip(tag, end);
    }
    const text = textWithin(fieldsLine(decode(cursor.bytes.subarray(start, cursor.position))));
    if (text === "") return;
    this.#json.byte(COMMA);
    this.#json.raw(utf8(text));
  }

  #headOf(source: AccessLogSource): Readonly<Record<EntryKind, Uint8Array>> {
    let heads = this.#heads.get(source);
    if (heads === undefined) {
      heads = { http: headOf(source, "http"), tcp: headOf(source, "tcp") };
      this.#heads.set(source, heads);
    }
    return heads;
  }
}

/** What all lines of a stream have. */
function headOf(source: AccessLogSource, kind: EntryKind): Uint8Array {
  return utf8(textWithin(lineOf({ source, kind, bytes: new Uint8Array(0) })));
}

function textWithin(line: AccessLogLine): string {
  return JSON.stringify(line).slice(1, -1);
}
