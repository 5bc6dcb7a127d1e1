// SPDX-License-Identifier: Apache-2.0
/**
 * The fast way to read JSON: the engine's own parser, plus what it does not do: exact large
 * integers, and noticing duplicate keys.
 * @module
 */
import { err, ok, type Result } from "@denvoy/base";
import type { PlainValue } from "./plain.ts";

/** Why a text is not JSON, and where when that is known. */
export interface JsonFault {
  /** Lower-case, no full stop. */
  readonly message: string;
  /** 1-based place in the text. */
  readonly place?: { readonly line: number; readonly column: number };
}

/** Parses JSON; integers beyond 2^53 become bigints. */
export function parseJson(text: string): Result<PlainValue, JsonFault> {
  try {
    return ok(hasLargeNumber(text) ? JSON.parse(text, reviveExactly) : JSON.parse(text));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const at = /line (\d+) column (\d+)/.exec(reason);
    const place = at ? { place: { line: Number(at[1]), column: Number(at[2]) } } : {};
    // The engine quotes the text around the fault, which may be a secret.
    return err({ message: "is not valid JSON", ...place });
  }
}

function hasLargeNumber(text: string): boolean {
  return /[:[,]\s*-?\d{16}/.test(text);
}

function reviveExactly(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? "";
  return /^-?\d+$/.test(source) ? BigInt(source) : value;
}

/**
 * Tells whether a map in `text` has a key twice, by counting: a key that is there twice is written
 * once more than it was read.
 */
export function hasDuplicateKey(text: string, value: PlainValue): boolean {
  let written = 0;
  for (const [string] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?/g)) {
    if (string.endsWith(":")) written++;
  }
  return written !== countKeys(value);
}

function countKeys(value: PlainValue): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) { for (const item of value) count += countKeys(item); }
  else for (const key in value) count += 1 + countKeys(value[key] ?? null);
  return count;
}

/** Tells whether lists and maps are nested deeper than `limit`. */
export function isDeeperThan(value: PlainValue, limit: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (limit === 0) return true;
  const children = Array.isArray(value) ? value : Object.values(value);
  return children.some((child) => isDeeperThan(child, limit - 1));
}
