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
