// SPDX-License-Identifier: Apache-2.0
/**
 * Times and durations of access logs as JSON: what domain/access_log_line.ts makes of them, digit by
 * digit.
 * @module
 */
import { type JsonBytes, utf8 } from "./json_bytes.ts";
import type { WireCursor } from "./wire_cursor.ts";

const TAG_SECONDS = 0x08;
const TAG_NANOS = 0x10;
const NANOS_PER_MS = 1_000_000;
const NANOS_PER_SECOND = 1_000_000_000;
/** Digits of the nanoseconds in a millisecond, and of the milliseconds in a second. */
const NANO_DIGITS = 6;
const MILLI_DIGITS = 3;
const DOT = 0x2e;
const TIME_END = utf8('Z"');

/** Reads a `google.protobuf.Timestamp` or `Duration`, and writes the last one that was read. */
export class LineTimes {
  readonly #json: JsonBytes;
  #seconds = 0;
  #nanos = 0;
  /** Entries come in order: nearly all are of the second of the one before. */
  #lastSecond = NaN;
  #lastText: Uint8Array | undefined;

  /** Writes to `json`. */
  constructor(json: JsonBytes) {
    this.#json = json;
  }

  /** Whether what was read last is zero. */
  get isZero(): boolean {
    return this.#seconds === 0 && this.#nanos === 0;
  }

  /** Reads up to `end`; false for what no clock says: negative times, or fields out of order. */
  read(cursor: WireCursor, end: number): boolean {
    this.#seconds = this.#nanos = 0;
    let last = 0;
    while (cursor.position < end) {
      const tag = cursor.varint();
      if (tag <= last) return false;
      last = tag;
      if (tag === TAG_SECONDS) this.#seconds = cursor.varint();
      else if (tag === TAG_NANOS) this.#nanos = cursor.varint();
      else return false;
    }
    return cursor.position === end && this.#seconds <= Number.MAX_SAFE_INTEGER &&
      this.#nanos < NANOS_PER_SECOND;
  }

  /** Writes a duration in milliseconds. */
  writeMilliseconds(): void {
    const json = this.#json;
    const ms = Math.floor(this.#nanos / NANOS_PER_MS);
    const rest = this.#nanos - ms * NANOS_PER_MS;
    if (rest === 0) return json.integer(this.#seconds * 1000 + ms);
    // A sum of seconds and a fraction has the rounding of numbers, which digits have not.
    if (this.#seconds > 0) {
      return json.raw(utf8(String(this.#seconds * 1000 + this.#nanos / NANOS_PER_MS)));
    }
    json.integer(ms);
    json.byte(DOT);
    let fraction = rest;
    let digits = NANO_DIGITS;
    for (; fraction % 10 === 0; fraction /= 10) digits--;
    json.padded(fraction, digits);
  }

  /** Writes a time with quotes; false when there is no such date. */
  writeTime(): boolean {
    const ms = Math.trunc(this.#seconds * 1000 + this.#nanos / NANOS_PER_MS);
    const second = Math.floor(ms / 1000);
    const text = this.#textOf(second);
    if (text === undefined) return false;
    this.#json.raw(text);
    this.#json.padded(ms - second * 1000, MILLI_DIGITS);
    this.#json.raw(TIME_END);
    return true;
  }

  /** `"2026-01-01T00:00:00.` */
  #textOf(second: number): Uint8Array | undefined {
    if (second === this.#lastSecond) return this.#lastText;
    const time = new Date(second * 1000);
    this.#lastSecond = second;
    this.#lastText = Number.isNaN(time.getTime())
      ? undefined
      : utf8(`"${time.toISOString().slice(0, -4)}`);
    return this.#lastText;
  }
}
