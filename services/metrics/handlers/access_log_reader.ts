// SPDX-License-Identifier: Apache-2.0
/**
 * Reads of an access log entry what signals need, and no more. Gain: benches/metrics.
 * @module
 */
import { boundedText } from "../domain/bounded_text.ts";
import type { SignalEntry } from "../domain/golden_signals.ts";
import { WireCursor } from "./wire_cursor.ts";

/** What an entry is of. */
export type EntryKind = "http" | "tcp";

const TAG_COMMON = 0x0a;
const TAG_RESPONSE = 0x22;
const TAG_CODE = 0x0a;
const TAG_LAST_DOWNSTREAM_TX = 0x62;
const TAG_CLUSTER = 0x7a;
const TAG_FLAGS = (16 << 3) | 2;
const TAG_ROUTE = (19 << 3) | 2;
const TAG_DURATION = (23 << 3) | 2;
const TAG_INTERMEDIATE = 27 << 3;
/** ResponseFlags that say that a connection came to no good: 2, 3, 5, 6, 7, 8 and others. */
const FAILURE_FLAGS: ReadonlySet<number> = new Set([2, 3, 5, 6, 7, 8, 9, 19, 23, 24, 25, 26, 27]);
const decoder = new TextDecoder();

/** Reads entries; its fields tell of the last one. */
export class AccessLogReader {
  /** Whether the entry is the last of its request: not one of those that are logged meanwhile. */
  isFinal = true;
  readonly #cursor = new WireCursor();
  #destination = "";
  #route = "";
  #durationUs = 0;
  #lastTxUs = 0;
  #code = -1;
  #hasFailed = false;

  /** Reads an entry. @throws RangeError on bytes that are none */
  read(
    bytes: Uint8Array,
    { kind, source }: { readonly kind: EntryKind; readonly source: string },
  ): SignalEntry {
    this.isFinal = true;
    this.#destination = this.#route = "";
    this.#durationUs = this.#lastTxUs = 0;
    this.#code = -1;
    this.#hasFailed = false;
    const cursor = this.#cursor;
    cursor.begin(bytes);
    while (cursor.position < bytes.length) {
      const tag = cursor.varint();
      if (tag === TAG_COMMON) this.#common(this.#end(bytes.length));
      else if (tag === TAG_RESPONSE && kind === "http") this.#response(this.#end(bytes.length));
      else cursor.skip(tag, bytes.length);
    }
    return {
      source,
      destination: this.#destination,
      route: this.#route,
      ok: kind === "http" ? this.#code > 0 && this.#code < 500 : !this.#hasFailed,
      latencyUs: this.#durationUs || this.#lastTxUs,
    };
  }

  #end(limit: number): number {
    const length = this.#cursor.contentLength(limit);
    return this.#cursor.position + length;
  }

  #common(end: number): void {
    const cursor = this.#cursor;
    while (cursor.position < end) {
      const tag = cursor.varint();
      if (tag === TAG_CLUSTER) this.#destination = textOf(cursor.content(end));
      else if (tag === TAG_ROUTE) this.#route = textOf(cursor.content(end));
      else if (tag === TAG_DURATION) this.#durationUs = this.#duration(this.#end(end));
      else if (tag === TAG_LAST_DOWNSTREAM_TX) this.#lastTxUs = this.#duration(this.#end(end));
      else if (tag === TAG_FLAGS) this.#flags(this.#end(end));
      else if (tag === TAG_INTERMEDIATE) this.isFinal = cursor.varint() === 0;
      else cursor.skip(tag, end);
    }
  }

  /** Returns a google.protobuf.Duration in microseconds. */
  #duration(end: number): number {
    const cursor = this.#cursor;
    let us = 0;
    while (cursor.position < end) {
      const tag = cursor.varint();
      if (tag === 0x08) us += cursor.varint() * 1e6;
      else if (tag === 0x10) us += cursor.varint() / 1000;
      else cursor.skip(tag, end);
    }
    return us;
  }

  #response(end: number): void {
    const cursor = this.#cursor;
    while (cursor.position < end) {
      const tag = cursor.varint();
      if (tag !== TAG_CODE) {
        cursor.skip(tag, end);
        continue;
      }
      const codeEnd = this.#end(end);
      this.#code = 0;
      while (cursor.position < codeEnd) {
        const field = cursor.varint();
        if (field === 0x08) this.#code = cursor.varint();
        else cursor.skip(field, codeEnd);
      }
    }
  }

  #flags(end: number): void {
    const cursor = this.#cursor;
    while (cursor.position < end) {
      const tag = cursor.varint();
      if (FAILURE_FLAGS.has(tag >> 3)) this.#hasFailed = true;
      cursor.skip(tag, end);
    }
  }
}

function textOf(bytes: Uint8Array): string {
  return boundedText(decoder.decode(bytes));
}
