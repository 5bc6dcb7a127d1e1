// SPDX-License-Identifier: Apache-2.0
/**
 * The fast path for YAML: one document of block maps and lists, values on one line, and literal
 * blocks, which is how nearly all configurations are written. About ten times as fast as the full
 * parser, whose result it must equal (yaml_blocks_test.ts); anchors, tags, values over several lines
 * and whatever else is unusual or wrong is left to that one.
 * @module
 */
import { type PlainMap, type PlainValue, setOwn } from "./plain.ts";
import { InlineReader, NOT_SIMPLE, NotSimple } from "./yaml_inline.ts";

const NEWLINE = 0x0a;
const SPACE = 0x20;
const HASH = 0x23;
const DASH = 0x2d;
const PIPE = 0x7c;

/** Documents nested deeper than this are left to the full parser. */
const MAX_DEPTH = 100;

/** Where there is no line any more. */
const END = -1;

/** Returns the value of a simple document; undefined when the text needs the full parser. */
export function readSimpleYaml(text: string): { readonly value: PlainValue } | undefined {
  if (text.includes("\r")) return undefined;
  try {
    return { value: new BlockReader(text).document() };
  } catch (error) {
    if (error instanceof NotSimple) return undefined;
    throw error;
  }
}

class BlockReader {
  readonly #text: string;
  readonly #inline: InlineReader;
  /** Column of the next value: the indentation of its line, or where it stands after a dash. */
  #indent = END;
  /** Where the line of the next value ends. */
  #end = END;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#inline = new InlineReader(text);
  }

  document(): PlainValue {
    this.#toLine(this.#text.startsWith("---\n") ? 4 : 0);
    if (this.#indent === END) throw NOT_SIMPLE;
    const value = this.#block(this.#indent);
    if (this.#indent !== END) throw NOT_SIMPLE;
    return value;
  }

  /** Goes to the next line that has more than a comment, from the start of a line on. */
  #toLine(start: number): void {
    const text = this.#text;
    for (let line = start; line < text.length;) {
      let at = line;
      while (text.charCodeAt(at) === SPACE) at++;
      const newline = text.indexOf("\n", at);
      const end = newline < 0 ? text.length : newline;
      const code = text.charCodeAt(at);
      if (at < end && code !== HASH) {
        if (at === line && (text.startsWith("---", at) || text.startsWith("...", at))) {
          throw NOT_SIMPLE;
        }
        this.#indent = at - line;
        this.#end = end;
        this.#inline.at = at;
        return;
      }
      line = end + 1;
    }
    this.#indent = END;
    this.#end = text.length;
    this.#inline.at = text.length;
  }

  /** After a value: only a comment may stand before the end of its line. */
  #endLine(): void {
    const inline = this.#inline;
    const start = inline.at;
    inline.skipSpaces();
    const isComment = this.#text.charCodeAt(inline.at) === HASH && inline.at > start;
    if (inline.at < this.#end && !isComment) throw NOT_SIMPLE;
    this.#toLine(this.#end + 1);
  }

  #isDash(): boolean {
    const { at } = this.#inline;
    if (this.#text.charCodeAt(at) !== DASH) return false;
    const next = this.#text.charCodeAt(at + 1);
    return next === SPACE || next === NEWLINE || at + 1 === this.#text.length;
  }

  #block(indent: number): PlainValue {
    if (this.#depth === MAX_DEPTH) throw NOT_SIMPLE;
    this.#depth++;
    const value = this.#isDash() ? this.#list(indent) : this.#map(indent);
    this.#depth--;
    return value;
  }

  #list(indent: number): PlainValue[] {
    const list: PlainValue[] = [];
    while (this.#indent === indent && this.#isDash()) {
      this.#inline.at++;
      list.push(this.#item(indent));
      if (this.#indent > indent) throw NOT_SIMPLE;
    }
    return list;
  }

  #item(indent: number): PlainValue {
    const inline = this.#inline;
    const afterDash = inline.at;
    inline.skipSpaces();
    if (this.#isLineDone(afterDash)) {
      this.#endLine();
      return this.#indent > indent ? this.#block(this.#indent) : null;
    }
    const column = indent + 1 + inline.at - afterDash;
    if (!this.#isDash() && !this.#startsMap()) return this.#inlineValue(indent);
    this.#indent = column;
    return this.#block(column);
  }

  #isLineDone(from: number): boolean {
    const { at } = this.#inline;
    return at === this.#end || (this.#text.charCodeAt(at) === HASH && at > from);
  }

  /** Tells whether a key stands here. */
  #startsMap(): boolean {
    const inline = this.#inline;
    const { at } = inline;
    try {
      inline.key();
      return this.#isAfterColon();
    } catch (error) {
      if (error instanceof NotSimple) return false;
      throw error;
    } finally {
      inline.at = at;
    }
  }

  /** A colon makes a key only before a space or the end of the line. */
  #isAfterColon(): boolean {
    const { at } = this.#inline;
    return at === this.#end || this.#text.charCodeAt(at) === SPACE;
  }

  #map(indent: number): PlainMap {
    const map: PlainMap = {};
    do {
      const key = this.#inline.key();
      if (!this.#isAfterColon() || Object.hasOwn(map, key)) throw NOT_SIMPLE;
      setOwn(map, key, this.#mapValue(indent));
      if (this.#indent > indent) throw NOT_SIMPLE;
    } while (this.#indent === indent && !this.#isDash());
    return map;
  }

  #mapValue(indent: number): PlainValue {
    const inline = this.#inline;
    const afterColon = inline.at;
    inline.skipSpaces();
    if (!this.#isLineDone(afterColon)) return this.#inlineValue(indent);
    this.#endLine();
    if (this.#indent > indent) return this.#block(this.#indent);
    // A list may stand at the column of its key.
    return this.#indent === indent && this.#isDash() ? this.#block(indent) : null;
  }

  #inlineValue(indent: number): PlainValue {
    if (this.#text.charCodeAt(this.#inline.at) === PIPE) return this.#literal(indent);
    const value = this.#inline.value(this.#end);
    this.#endLine();
    return value;
  }

  /** Reads a literal block: `|` or `|-`, deeper than `parent`. */
  #literal(parent: number): string {
    const header = this.#text.slice(this.#inline.at, this.#end);
    if (header !== "|" && header !== "|-") throw NOT_SIMPLE;
    const lines: string[] = [];
    let indent = END;
    let next = this.#end + 1;
    for (let start = next; start < this.#text.length; start = next) {
      const newline = this.#text.indexOf("\n", start);
      const end = newline < 0 ? this.#text.length : newline;
      const column = this.#columnOf(start, end);
      const isBlank = start + column === end;
      if (indent === END && !isBlank) indent = column;
      if (!isBlank && (column < indent || column <= parent)) break;
      // Spaces that might be content or indentation, and lines without an end.
      if ((isBlank && column > 0) || newline < 0) throw NOT_SIMPLE;
      lines.push(isBlank ? "" : this.#text.slice(start + indent, end));
      next = end + 1;
    }
    if (indent <= parent || lines[0] === "") throw NOT_SIMPLE;
    this.#toLine(next);
    while (lines.at(-1) === "") lines.pop();
    return lines.join("\n") + (header === "|" ? "\n" : "");
  }

  #columnOf(start: number, end: number): number {
    let at = start;
    while (at < end && this.#text.charCodeAt(at) === SPACE) at++;
    return at - start;
  }
}
