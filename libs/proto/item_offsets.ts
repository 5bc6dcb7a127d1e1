// SPDX-License-Identifier: Apache-2.0
/**
 * Finds where the items of a top-level list begin without a syntax tree, which for a large document
 * takes a hundred times as long and as much memory. For the list of resources, whose lines are shown
 * even when nothing is wrong.
 * @module
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const DASH = 0x2d;
const HASH = 0x23;
const COMMA = 0x2c;

/** Returns the offset of each item of the list under `key` in a valid JSON object; undefined if none. */
export function jsonItemOffsets(text: string, key: string): readonly number[] | undefined {
  const list = jsonListStart(text, key);
  if (list === undefined) return undefined;
  const offsets: number[] = [];
  let depth = 0;
  let isNext = true;
  for (let at = list + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code <= SPACE) continue;
    if (depth === 0 && code === COMMA) {
      isNext = true;
      continue;
    }
    const isClosing = code === 0x5d || code === 0x7d;
    if (isClosing && depth === 0) return offsets;
    if (isNext) offsets.push(at);
    isNext = false;
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === 0x5b || code === 0x7b) depth++;
    else if (isClosing) depth--;
  }
  return undefined;
}

/** Returns the offset of the bracket that opens the list under a key of the outermost object. */
function jsonListStart(text: string, key: string): number | undefined {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5b || code === 0x7b) depth++;
    else if (code === 0x5d || code === 0x7d) depth--;
    else if (code === QUOTE) {
      const end = endOfString(text, at);
      if (depth === 1 && text.slice(at + 1, end) === key) {
        const opening = /\s*:\s*\[/y;
        opening.lastIndex = end + 1;
        if (opening.test(text)) return opening.lastIndex - 1;
      }
      at = end;
    }
  }
  return undefined;
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
  return slashes % 2 === 1;
}

/**
 * Returns the offset of each item of the block list under `key` in a document of plain block style
 * (yaml_blocks.ts); undefined when the list is written otherwise.
 */
export function blockItemOffsets(text: string, key: string): readonly number[] | undefined {
  const heading = new RegExp(`^${RegExp.escape(key)}:[ \\t]*(?:#.*)?$`, "m").exec(text);
  if (heading === null) return undefined;
  const offsets: number[] = [];
  let indent: number | undefined;
  for (let line = nextLine(text, heading.index); line < text.length; line = nextLine(text, line)) {
    let at = line;
    while (text.charCodeAt(at) === SPACE) at++;
    const code = text.charCodeAt(at);
    if (code === HASH || code === 0x0a || at >= text.length) continue;
    if (code === DASH && (indent ?? at - line) === at - line) {
      indent = at - line;
      do at++; while (text.charCodeAt(at) === SPACE);
      // A dash alone: the item begins on a later line.
      if (at >= text.length || text.charCodeAt(at) === 0x0a || text.charCodeAt(at) === HASH) return;
      offsets.push(at);
    } else if (at - line <= (indent ?? -1)) break;
    else if (indent === undefined) return undefined;
  }
  return offsets;
}

function nextLine(text: string, at: number): number {
  const newline = text.indexOf("\n", at);
  return newline < 0 ? text.length : newline + 1;
}
