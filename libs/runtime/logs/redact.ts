// SPDX-License-Identifier: Apache-2.0
/**
 * Turns log fields into plain JSON values: secrets removed, errors written out, size bounded. It is
 * the last line of defence: callers must not pass secrets in the first place.
 * @module
 */

/** A value that JSON can hold. */
export type Plain = string | number | boolean | null | readonly Plain[] | {
  readonly [key: string]: Plain;
};

const MAX_DEPTH = 6;
const MAX_ITEMS = 100;
const MAX_TEXT = 16_384;
const REDACTED = "[redacted]";

// The last word of the key decides: `clientSecret` is one, `secretName` only names one.
const SECRET_KEY =
  /(^|[a-z_.-])(authorization|cookie|passwords?|passwd|passphrase|secrets?|tokens?|credentials?|api[_-]?keys?|private[_-]?keys?|privatekeypem|bearer)$|^(key_?pem|pkcs_?(8|12)|inline_?(string|bytes)|jwk)$/i;
const SECRET_TEXT: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[\s\S]*?(-----END \1-----|$)/g, "[redacted $1]"],
  [/\b(Bearer|Basic|Digest|Negotiate)\s+[A-Za-z0-9._~+/=-]{4,}/gi, `$1 ${REDACTED}`],
  [/\b([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/@]{1,512}@/gi, `$1${REDACTED}@`],
  // What the engine says of text that is no JSON quotes it.
  [/"[\s\S]{0,200}?"(?:\.\.\.)? is not valid JSON/g, `${REDACTED} is not valid JSON`],
];

/** Returns the value as plain JSON without secrets; never throws, whatever getters or proxies do. */
export function redact(value: unknown): Plain {
  return plainValue(value, [], "");
}

/**
 * Returns the text without private keys, authorization values, passwords in URLs, and what parsers of
 * JSON quote.
 */
export function redactText(text: string): string {
  let result = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  for (const [pattern, replacement] of SECRET_TEXT) result = result.replace(pattern, replacement);
  return result;
}

function plainValue(value: unknown, parents: readonly unknown[], key: string): Plain {
  if (SECRET_KEY.test(key) && typeof value !== "number" && typeof value !== "boolean") {
    return value === undefined || value === null ? null : REDACTED;
  }
  try {
    return typeof value === "object" && value !== null
      ? plainObject(value, parents)
      : plainScalar(value);
  } catch {
    return "[unreadable]";
  }
}

function plainScalar(value: unknown): Plain {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "boolean") return value;
  if (value === undefined || value === null) return null;
  return redactText(String(value));
}

function plainObject(value: object, parents: readonly unknown[]): Plain {
  if (parents.includes(value)) return "[circular]";
  if (parents.length >= MAX_DEPTH) return "[deep]";
  const inside = [...parents, value];
  if (value instanceof Error) return plainError(value, inside);
  if (value instanceof Date) return Number.isNaN(+value) ? "invalid date" : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Map) return plainEntries(value.entries(), inside);
  if (Array.isArray(value) || value instanceof Set) return plainList(value, inside);
  const toJson = (value as { readonly toJSON?: unknown }).toJSON;
  if (typeof toJson === "function") return plainValue(toJson.call(value), inside, "");
  return plainEntries(Object.entries(value), inside);
}

function plainError(error: Error, parents: readonly unknown[]): Plain {
  const code = (error as { readonly code?: unknown }).code;
  const parts: Record<string, Plain> = {
    name: error.name,
    message: redactText(error.message),
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    ...(typeof error.stack === "string" ? { stack: redactText(error.stack) } : {}),
  };
  if (error.cause !== undefined) parts.cause = plainValue(error.cause, parents, "");
  if (error instanceof AggregateError) parts.errors = plainList(error.errors, parents);
  return parts;
}

function plainList(items: Iterable<unknown>, parents: readonly unknown[]): Plain {
  const list: Plain[] = [];
  for (const item of items) {
    if (list.length === MAX_ITEMS) return [...list, "…"];
    list.push(plainValue(item, parents, ""));
  }
  return list;
}

function plainEntries(
  entries: Iterable<readonly [unknown, unknown]>,
  parents: readonly unknown[],
): Plain {
  const result: Record<string, Plain> = {};
  let left = MAX_ITEMS;
  for (const [key, value] of entries) {
    if (left-- === 0) return { ...result, "…": "more" };
    if (value !== undefined) result[String(key)] = plainValue(value, parents, String(key));
  }
  return result;
}
