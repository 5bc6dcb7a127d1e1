// SPDX-License-Identifier: Apache-2.0
/**
 * Reads and writes single fields of encoded messages, so that load assignments can be joined without
 * decoding the endpoints in them. Protobuf allows it: a message is the concatenation of its fields.
 * @module
 */

/** One field of an encoded message. */
export interface WireField {
  /** Field number. */
  readonly number: number;
  /** Value of a varint field (exact up to 2^53); 0 for other wire types. */
  readonly varint: number;
  /** Content of a length-delimited field, as a view; empty for other wire types. */
  readonly bytes: Uint8Array;
  /** The whole field with its tag, as a view. */
  readonly raw: Uint8Array;
}

const NO_BYTES = new Uint8Array(0);
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/**
 * Yields the fields of an encoded message in order.
 * @throws RangeError when the bytes are not a message.
 */
export function* wireFields(message: Uint8Array): Generator<WireField> {
  let at = 0;
  while (at < message.byteLength) {
    const start = at;
    const tag = readVarint(message, at);
    const value = readValue(message, { at: tag.end, wireType: tag.value % 8 });
    at = value.end;
    yield {
      number: Math.floor(tag.value / 8),
      varint: value.varint,
      bytes: value.bytes,
      raw: message.subarray(start, at),
    };
  }
}

/** Returns the last length-delimited field `number`; undefined when there is none. */
export function bytesField(message: Uint8Array, number: number): Uint8Array | undefined {
  let found: Uint8Array | undefined;
  for (const field of wireFields(message)) if (field.number === number) found = field.bytes;
  return found;
}

/** Returns the last varint field `number`; 0 when there is none, as proto3 has it. */
export function varintField(message: Uint8Array, number: number): number {
  let found = 0;
  for (const field of wireFields(message)) if (field.number === number) found = field.varint;
  return found;
}

/** Returns a length-delimited field with its tag; `number` is below 16. */
export function lengthDelimited(number: number, content: Uint8Array): Uint8Array {
  const header = lengthHeader(number, content.byteLength);
  const field = new Uint8Array(header.byteLength + content.byteLength);
  field.set(header);
  field.set(content, header.byteLength);
  return field;
}

/** Returns tag and length of a length-delimited field; `number` is below 16. */
export function lengthHeader(number: number, length: number): Uint8Array {
  return Uint8Array.from([number * 8 + LENGTH_DELIMITED, ...varintBytes(length)]);
}

/** Returns a varint field with its tag; `number` is below 16. */
export function varintOf(number: number, value: number): Uint8Array {
  return Uint8Array.from([number * 8 + VARINT, ...varintBytes(value)]);
}

function varintBytes(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push(rest % 128 + 128);
  bytes.push(rest);
  return bytes;
}

function readVarint(bytes: Uint8Array, from: number): { value: number; end: number } {
  let value = 0;
  let factor = 1;
  for (let at = from; at < from + 10; at++, factor *= 128) {
    const byte = bytes[at];
    if (byte === undefined) throw new RangeError("a message ends within a varint");
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return { value, end: at + 1 };
  }
  throw new RangeError("a varint is longer than 10 bytes");
}

function readValue(
  bytes: Uint8Array,
  { at, wireType }: { at: number; wireType: number },
): { varint: number; bytes: Uint8Array; end: number } {
  if (wireType === VARINT) {
    const { value, end } = readVarint(bytes, at);
    return { varint: value, bytes: NO_BYTES, end };
  }
  if (wireType === LENGTH_DELIMITED) {
    const { value, end } = readVarint(bytes, at);
    checkEnd(bytes, end + value);
    return { varint: 0, bytes: bytes.subarray(end, end + value), end: end + value };
  }
  if (wireType !== FIXED32 && wireType !== FIXED64) {
    throw new RangeError(`wire type ${wireType} is not supported`);
  }
  const end = at + (wireType === FIXED32 ? 4 : 8);
  checkEnd(bytes, end);
  return { varint: 0, bytes: NO_BYTES, end };
}

function checkEnd(bytes: Uint8Array, end: number): void {
  if (end > bytes.byteLength) throw new RangeError("a field leaves its message");
}
