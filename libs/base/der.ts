// SPDX-License-Identifier: Apache-2.0
/**
 * Reads DER (X.690) one level at a time, bounded by the bytes that are there.
 * @module
 */

/** One element; its bytes are views of the input. */
export interface DerElement {
  /** The identifier octet; tags above 30 do not occur in certificates and are not understood. */
  readonly tag: number;
  /** The contents octets. */
  readonly content: Uint8Array;
  /** The whole element, with tag and length. */
  readonly raw: Uint8Array;
}

/**
 * Returns the elements that follow each other in `bytes`, down one level only.
 *
 * @throws RangeError when an element ends after the bytes do.
 */
export function readDer(bytes: Uint8Array): DerElement[] {
  const elements: DerElement[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const { start, length } = readLength(bytes, offset + 1);
    const end = start + length;
    if (end > bytes.length) throw new RangeError(`cannot read DER as it ends within an element`);
    const content = bytes.subarray(start, end);
    elements.push({ tag: bytes[offset] ?? 0, content, raw: bytes.subarray(offset, end) });
    offset = end;
  }
  return elements;
}

/** Returns the contents of an element. @throws RangeError when it is absent or has another tag. */
export function expectDerTag(element: DerElement | undefined, tag: number): Uint8Array {
  if (element?.tag === tag) return element.content;
  const found = element === undefined ? "nothing" : `0x${element.tag.toString(16)}`;
  throw new RangeError(`cannot read DER as tag must be 0x${tag.toString(16)}: is ${found}`);
}

/** Returns the dotted form of the contents of an OBJECT IDENTIFIER. */
export function readDerObjectId(content: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    arcs.push(arc);
    arc = 0;
  }
  const first = arcs[0] ?? 0;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...arcs.slice(1)].join(".");
}

/**
 * Returns a Time (RFC 5280, 4.1.2.5) in milliseconds since the epoch: UTCTime or GeneralizedTime.
 *
 * @throws RangeError when the element is absent, of another kind, or not in UTC.
 */
export function readDerTime(element: DerElement | undefined): number {
  const text = latin1Of(element?.content ?? new Uint8Array());
  const parts = /^(\d{2,4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$/.exec(text);
  const yearDigits = element?.tag === 0x17 ? 2 : element?.tag === 0x18 ? 4 : 0;
  if (parts === null || parts[1]?.length !== yearDigits) {
    throw new RangeError("cannot read DER as time must be UTCTime or GeneralizedTime: is neither");
  }
  const [, short = 0, month = 1, day, hour, minute, second] = parts.map(Number);
  const year = yearDigits === 4 ? short : short + (short < 50 ? 2000 : 1900);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function latin1Of(bytes: Uint8Array): string {
  return bytes.length > 64 ? "" : String.fromCharCode(...bytes);
}

function readLength(bytes: Uint8Array, offset: number): { start: number; length: number } {
  const first = bytes[offset];
  if (first === undefined) throw new RangeError(`cannot read DER as it ends before a length`);
  if (first < 0x80) return { start: offset + 1, length: first };
  const size = first & 0x7f;
  if (size === 0 || size > 4) {
    throw new RangeError(`cannot read DER as a length must have 1 to 4 bytes: has ${size}`);
  }
  let length = 0;
  for (let i = 1; i <= size; i++) length = length * 256 + (bytes[offset + i] ?? 0);
  return { start: offset + 1 + size, length };
}
