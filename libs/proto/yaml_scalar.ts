// SPDX-License-Identifier: Apache-2.0
/**
 * What a plain YAML scalar means. The rules are those of Envoy's own loader, so that a file means
 * the same here and there: booleans of YAML 1.1 (`yes`, `on`), integers in decimal, hexadecimal and
 * octal; whatever else, floats and integers beyond 32 bits included, stays the text that it is, and
 * becomes a number where a field asks for one.
 * @module
 */
import type { PlainValue } from "./plain.ts";

const BOOLEANS: ReadonlyMap<string, boolean> = new Map(
  [["y", "n"], ["yes", "no"], ["true", "false"], ["on", "off"]].flatMap(([yes = "", no = ""]) => [
    ...spellings(yes).map((word) => [word, true] as const),
    ...spellings(no).map((word) => [word, false] as const),
  ]),
);

const NULLS: ReadonlySet<string> = new Set(["", "~", "null", "Null", "NULL"]);

const INTEGER = /^[-+]?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/;

function spellings(word: string): string[] {
  return [word, word.toUpperCase(), word.charAt(0).toUpperCase() + word.slice(1)];
}

/** Returns the value of a plain (unquoted) scalar. */
export function readPlainScalar(text: string): PlainValue {
  const first = text.charCodeAt(0);
  const numeric = (first >= 0x30 && first <= 0x39) || first === 0x2d || first === 0x2b;
  if (numeric) return INTEGER.test(text) ? readInteger(text) : text;
  if (text.length > 5) return text;
  if (NULLS.has(text)) return null;
  return BOOLEANS.get(text) ?? text;
}

function readInteger(text: string): PlainValue {
  const negative = text.startsWith("-");
  const digits = text.replace(/^[-+]/, "");
  const octal = /^0[0-7]+$/.test(digits);
  const magnitude = BigInt(octal ? `0o${digits}` : digits);
  const value = negative ? -magnitude : magnitude;
  if (value !== BigInt.asIntN(64, value)) return text;
  return value === BigInt.asIntN(32, value) ? Number(value) : String(value);
}
