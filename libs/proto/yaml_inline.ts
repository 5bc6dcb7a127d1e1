// SPDX-License-Identifier: Apache-2.0
/**
 * Reads what can stand on one line of YAML: plain and quoted scalars, and flow collections of them.
 * Part of the fast path of yaml_blocks.ts: what is unusual is refused, not guessed.
 * @module
 */
import { type PlainMap, type PlainValue, setOwn } from "./plain.ts";
import { readPlainScalar } from "./yaml_scalar.ts";

/** Thrown for YAML that the fast path does not know; the full parser reads it or says what is wrong. */
export class NotSimple extends Error {
  override readonly name = "NotSimple";
}

/** One for all: it carries nothing, and making an Error takes time. */
export const NOT_SIMPLE: NotSimple = new NotSimple("not simple");

const TAB = 0x09;
const SPACE = 0x20;
const QUOTE = 0x22;
const HASH = 0x23;
const APOSTROPHE = 0x27;
const COMMA = 0x2c;
const DASH = 0x2d;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;

/** Flow collections nested deeper than this are left to the full parser. */
const MAX_DEPTH = 50;

const PLAIN_KEY = /[A-Za-z0-9_][A-Za-z0-9_./-]*(?=:(?:[ \n]|$))/y;
const BLOCK_FIRST = /[^\s\-?:,[\]{}#&*!|>'"%@`]/;
const FLOW_SCALAR =
  /[A-Za-z0-9_./$^+~(=][A-Za-z0-9_./$^+~()=;@*\-]*(?: [A-Za-z0-9_./$^+~()=;@*\-]+)*/y;

/** Reads along one text; `at` is the next character. */
export class InlineReader {
  /** What is read. */
  readonly text: string;
  /** Offset of the next character. */
  at = 0;

  /** Starts at the beginning of `text`. */
  constructor(text: string) {
    this.text = text;
  }

  /** Passes over spaces. */
  skipSpaces(): void {
    while (this.text.charCodeAt(this.at) === SPACE) this.at++;
  }

  /** Reads a key of a block map and its colon. */
  key(): string {
    const first = this.text.charCodeAt(this.at);
    const key = first === QUOTE || first === APOSTROPHE ? this.quoted() : this.#match(PLAIN_KEY);
    if (this.text.charCodeAt(this.at) !== COLON) throw NOT_SIMPLE;
    this.at++;
    return key;
  }

  /** Reads a value that ends on the line that ends at `end`. */
  value(end: number): PlainValue {
    const first = this.text.charCodeAt(this.at);
    if (first === QUOTE || first === APOSTROPHE) return this.quoted();
    if (first === OPEN_LIST || first === OPEN_MAP) return this.#flow(0);
    return this.#plain(end);
  }

  /** Reads a quoted scalar that ends on its line. */
  quoted(): string {
    return this.text.charCodeAt(this.at) === QUOTE ? this.#doubleQuoted() : this.#singleQuoted();
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) throw NOT_SIMPLE;
    this.at = pattern.lastIndex;
    return found[0];
  }

  #plain(end: number): PlainValue {
    const { text } = this;
    const isNegative = text.charCodeAt(this.at) === DASH && isDigit(text.charCodeAt(this.at + 1));
    if (!isNegative && !BLOCK_FIRST.test(text.charAt(this.at))) throw NOT_SIMPLE;
    let last = this.at;
    let i = this.at;
    for (; i < end; i++) {
      const code = text.charCodeAt(i);
      if (code === SPACE) {
        if (text.charCodeAt(i + 1) === HASH) break;
        continue;
      }
      const ends = code === COLON && (i + 1 === end || text.charCodeAt(i + 1) === SPACE);
      if (ends || code === TAB) throw NOT_SIMPLE;
      last = i + 1;
    }
    const scalar = text.slice(this.at, last);
    this.at = i;
    return readPlainScalar(scalar);
  }

  #singleQuoted(): string {
    const { text } = this;
    const start = this.at + 1;
    let end = text.indexOf("'", start);
    while (end >= 0 && text.charCodeAt(end + 1) === APOSTROPHE) end = text.indexOf("'", end + 2);
    const raw = text.slice(start, end);
    if (end < 0 || raw.includes("\n")) throw NOT_SIMPLE;
    this.at = end + 1;
    return raw.includes("'") ? raw.replaceAll("''", "'") : raw;
  }

  #doubleQuoted(): string {
    const { text } = this;
    const start = this.at;
    let end = start + 1;
    for (;; end++) {
      const code = text.charCodeAt(end);
      if (code === QUOTE) break;
      if (code === 0x5c) end++;
      else if (!(code >= SPACE)) throw NOT_SIMPLE;
    }
    this.at = end + 1;
    const raw = text.slice(start, end + 1);
    if (!raw.includes("\\")) return raw.slice(1, -1);
    // Escapes that JSON does not have are left to the full parser.
    if (/\\[^"\\/bfnrtu]/.test(raw.replaceAll("\\\\", ""))) throw NOT_SIMPLE;
    try {
      return JSON.parse(raw) as string;
    } catch {
      throw NOT_SIMPLE;
    }
  }

  #flow(depth: number): PlainValue {
    if (depth === MAX_DEPTH) throw NOT_SIMPLE;
    const isMap = this.text.charCodeAt(this.at++) === OPEN_MAP;
    return isMap ? this.#flowMap(depth) : this.#flowList(depth);
  }

  #flowList(depth: number): PlainValue[] {
    const list: PlainValue[] = [];
    while (!this.#closes(CLOSE_LIST, list.length > 0)) list.push(this.#flowValue(depth));
    return list;
  }

  #flowMap(depth: number): PlainMap {
    const map: PlainMap = {};
    for (let count = 0; !this.#closes(CLOSE_MAP, count > 0); count++) {
      const first = this.text.charCodeAt(this.at);
      const isQuoted = first === QUOTE || first === APOSTROPHE;
      const key = isQuoted ? this.quoted() : this.#match(FLOW_SCALAR);
      if (this.text.charCodeAt(this.at) !== COLON) throw NOT_SIMPLE;
      if (this.text.charCodeAt(this.at + 1) !== SPACE || Object.hasOwn(map, key)) throw NOT_SIMPLE;
      this.at += 2;
      this.skipSpaces();
      setOwn(map, key, this.#flowValue(depth));
    }
    return map;
  }

  /** Tells whether the collection ends here, else passes over the comma and spaces before an item. */
  #closes(close: number, hasItems: boolean): boolean {
    this.skipSpaces();
    const code = this.text.charCodeAt(this.at);
    if (code === close) {
      this.at++;
      return true;
    }
    if (!hasItems) return false;
    if (code !== COMMA) throw NOT_SIMPLE;
    this.at++;
    this.skipSpaces();
    return false;
  }

  #flowValue(depth: number): PlainValue {
    const first = this.text.charCodeAt(this.at);
    if (first === QUOTE || first === APOSTROPHE) return this.#lonely(this.quoted());
    if (first === OPEN_LIST || first === OPEN_MAP) return this.#flow(depth + 1);
    const isNegative = first === DASH && isDigit(this.text.charCodeAt(this.at + 1));
    if (isNegative) this.at++;
    const scalar = this.#match(FLOW_SCALAR);
    return this.#lonely(readPlainScalar(isNegative ? `-${scalar}` : scalar));
  }

  /** A colon after a value would make it the key of a map of one. */
  #lonely(value: PlainValue): PlainValue {
    this.skipSpaces();
    const code = this.text.charCodeAt(this.at);
    if (code === COMMA || code === CLOSE_LIST || code === CLOSE_MAP) return value;
    throw NOT_SIMPLE;
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
