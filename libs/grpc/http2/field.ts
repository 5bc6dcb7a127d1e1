// SPDX-License-Identifier: Apache-2.0
/**
 * One header field, and what RFC 9113 section 8.2.1 allows in its name and value. A field is checked
 * once, when it is made: one that HPACK's tables repeat costs nothing more.
 * @module
 */

/** A name and value as HPACK carries them: strings with one character per octet. Never changed. */
export interface Field {
  /** Name; lower-case if valid. Pseudo-header names start with a colon. */
  readonly name: string;
  /** Value. */
  readonly value: string;
  /** Octets that it counts for in tables and list limits (RFC 7541 section 4.1). */
  readonly size: number;
  /** Why a message that holds it is malformed; undefined for a valid field. */
  readonly problem: string | undefined;
}

/** Overhead of a field in tables and list limits. */
export const FIELD_OVERHEAD_BYTES = 32;

/** Makes a field and checks its name and value. */
export function newField(name: string, value: string): Field {
  return {
    name,
    value,
    size: name.length + value.length + FIELD_OVERHEAD_BYTES,
    problem: nameProblem(name) ?? valueProblem(value),
  };
}

/** Fields that only make sense on one connection and so must not appear (section 8.2.2). */
const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

function nameProblem(name: string): string | undefined {
  if (name.length === 0) return "empty field name";
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at);
    if (code >= 0x41 && code <= 0x5a) return "upper-case letter in a field name";
    if (code <= 0x20 || code >= 0x7f) return "forbidden character in a field name";
    if (code === 0x3a && at > 0) return "colon in a field name";
  }
  if (CONNECTION_SPECIFIC.has(name)) return "connection-specific field";
  return undefined;
}

function valueProblem(value: string): string | undefined {
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code === 0 || code === 0x0a || code === 0x0d) return "forbidden character in a field value";
  }
  if (isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(value.length - 1))) {
    return "field value starts or ends with white space";
  }
  return undefined;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
