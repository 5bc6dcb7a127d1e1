// SPDX-License-Identifier: Apache-2.0
/**
 * Reads single fields of protobuf wire format: just what a client has to know of resources that it
 * does not otherwise understand.
 * @module
 */

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Returns a text field that is not empty; undefined where it is missing, empty or no text. */
export function textField(message: Uint8Array, field: number): string | undefined {
  const bytes = bytesField(message, field);
  if (bytes === undefined || bytes.byteLength === 0) return undefined;
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Returns a field of wire type 2, as a view; of several the last. Undefined where it is missing, or
 * the bytes are no message.
 */
export function bytesField(message: Uint8Array, field: number): Uint8Array | undefined {
  const cursor: Cursor = { bytes: message, at: 0 };
  let found: Uint8Array | undefined;
  while (cursor.at < message.byteLength) {
    const tag = varint(cursor);
    const length = tag === undefined ? undefined : lengthOf(cursor, tag % 8);
    if (tag === undefined || length === undefined) return undefined;
    const end = cursor.at + length;
    if (end > message.byteLength) return undefined;
    if (tag === field * 8 + 2) found = message.subarray(cursor.at, end);
    cursor.at = end;
  }
  return found;
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

/** Returns how many bytes of a value are left; groups do not occur in resources. */
function lengthOf(cursor: Cursor, wireType: number): number | undefined {
  switch (wireType) {
    case 0:
      return varint(cursor) === undefined ? undefined : 0;
    case 1:
      return 8;
    case 2:
      return varint(cursor);
    case 5:
      return 4;
    default:
      return undefined;
  }
}

function varint(cursor: Cursor): number | undefined {
  let value = 0;
  for (let scale = 1, count = 0; count < 10; count++, scale *= 128) {
    const byte = cursor.bytes[cursor.at++];
    if (byte === undefined) return undefined;
    value += (byte & 127) * scale;
    if (byte < 128) return value;
  }
  return undefined;
}
