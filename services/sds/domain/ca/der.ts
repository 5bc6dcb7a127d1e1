// SPDX-License-Identifier: Apache-2.0
/**
 * Writes DER (X.690): what certificates, revocation lists and OCSP requests are made of. A library
 * that goes through a schema takes four times as long for a certificate as its signature does.
 * @module
 */
import { joinBytes } from "@denvoy/base";

/** Tags that are used, as identifier octets. */
export const DerTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectId: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Returns an element with the tag and the contents, joined. */
export function derElement(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of contents) length += part.byteLength;
  const head = derHead(tag, length);
  return joinBytes([head, ...contents]);
}

/** Returns a SEQUENCE of the elements. */
export function derSequence(...elements: readonly Uint8Array[]): Uint8Array {
  return derElement(DerTag.sequence, ...elements);
}

/** Returns an element in a constructed context tag, e.g. `[3]` for extensions. */
export function derContext(number: number, ...elements: readonly Uint8Array[]): Uint8Array {
  return derElement(0xa0 | number, ...elements);
}

/** Returns contents in a primitive context tag, e.g. `[6]` for a URI SAN. */
export function derContextPrimitive(number: number, content: Uint8Array): Uint8Array {
  return derElement(0x80 | number, content);
}

/** Returns an INTEGER of unsigned big-endian bytes. */
export function derUnsigned(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const digits = bytes.subarray(start);
  const padding = (digits[0] ?? 0) & 0x80 || digits.length === 0 ? [0] : [];
  return derElement(DerTag.integer, Uint8Array.from(padding), digits);
}

/** Returns an INTEGER of a small number, 0 or more. */
export function derNumber(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return derUnsigned(Uint8Array.from(bytes));
}

/** Returns a BOOLEAN. */
export function derBoolean(value: boolean): Uint8Array {
  return Uint8Array.of(DerTag.boolean, 1, value ? 0xff : 0);
}

/** Returns an OCTET STRING. */
export function derOctets(bytes: Uint8Array): Uint8Array {
  return derElement(DerTag.octetString, bytes);
}

/** Returns a BIT STRING of whole bytes; `unusedBits` at the end are not part of it. */
export function derBits(bytes: Uint8Array, unusedBits: number = 0): Uint8Array {
  return derElement(DerTag.bitString, Uint8Array.of(unusedBits), bytes);
}

/** Returns an OBJECT IDENTIFIER of its dotted form. */
export function derObjectId(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap(base128);
  return derElement(DerTag.objectId, Uint8Array.from(bytes));
}

/** Returns a UTF8String. */
export function derText(text: string): Uint8Array {
  return derElement(DerTag.utf8String, new TextEncoder().encode(text));
}

/** Returns a Time (RFC 5280, 4.1.2.5): UTCTime through 2049, GeneralizedTime from 2050 on. */
export function derTime(atMs: number): Uint8Array {
  const digits = new Date(atMs).toISOString().replace(/\.\d+/, "").replace(/[-:T]/g, "");
  const late = new Date(atMs).getUTCFullYear() >= 2050;
  const text = new TextEncoder().encode(late ? digits : digits.slice(2));
  return derElement(late ? DerTag.generalizedTime : DerTag.utcTime, text);
}

function derHead(tag: number, length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(tag, length);
  const size: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) size.unshift(rest % 256);
  return Uint8Array.of(tag, 0x80 | size.length, ...size);
}

function base128(arc: number): number[] {
  const bytes = [arc % 128];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.unshift(rest % 128 | 0x80);
  }
  return bytes;
}
