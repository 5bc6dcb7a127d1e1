// SPDX-License-Identifier: Apache-2.0
/**
 * Takes the list of extensions out of the node of a request before it is decoded: Envoy sends more
 * than 500 of them, 61 KB, and may do so with each request.
 * @module
 */

/** Field of `node` in a DiscoveryRequest and in a DeltaDiscoveryRequest. */
export const NODE_FIELD = { sotw: 2, delta: 1 } as const;

/** Field of `extensions` in envoy.config.core.v3.Node. */
const EXTENSIONS = 9;
/** Below this there is nothing to gain. */
const SMALL_BYTES = 2048;
const LENGTH_DELIMITED = 2;

interface Field {
  readonly number: number;
  /** Start of its content; only for those that have a length. */
  readonly content: number;
  readonly end: number;
}

/** Returns the request without the extensions of its node; what cannot be read is left as it is. */
export function withoutNodeExtensions(request: Uint8Array, nodeField: number): Uint8Array {
  if (request.byteLength < SMALL_BYTES) return request;
  const kept: Uint8Array[] = [];
  let at = 0;
  while (at < request.byteLength) {
    const field = fieldAt(request, at);
    if (field === undefined) return request;
    const whole = request.subarray(at, field.end);
    if (field.number !== nodeField) kept.push(whole);
    else {
      const node = withoutExtensions(request.subarray(field.content, field.end));
      if (node === undefined) return request;
      kept.push(varint(nodeField << 3 | LENGTH_DELIMITED), varint(node.byteLength), node);
    }
    at = field.end;
  }
  return joined(kept);
}

function withoutExtensions(node: Uint8Array): Uint8Array | undefined {
  const kept: Uint8Array[] = [];
  let at = 0;
  while (at < node.byteLength) {
    const field = fieldAt(node, at);
    if (field === undefined) return undefined;
    if (field.number !== EXTENSIONS) kept.push(node.subarray(at, field.end));
    at = field.end;
  }
  return joined(kept);
}

/** Returns the field that begins at `at`; undefined when the bytes are not a whole field. */
function fieldAt(bytes: Uint8Array, at: number): Field | undefined {
  const tag = varintAt(bytes, at);
  if (tag === undefined) return undefined;
  const number = tag.value >>> 3;
  const end = endOf(bytes, { kind: tag.value & 7, start: tag.end });
  if (end === undefined || end.end > bytes.byteLength) return undefined;
  return { number, ...end };
}

function endOf(
  bytes: Uint8Array,
  { kind, start }: { readonly kind: number; readonly start: number },
): Omit<Field, "number"> | undefined {
  if (kind === 1) return { content: start, end: start + 8 };
  if (kind === 5) return { content: start, end: start + 4 };
  const read = varintAt(bytes, start);
  if (read === undefined || kind !== 0 && kind !== LENGTH_DELIMITED) return undefined;
  return kind === 0
    ? { content: start, end: read.end }
    : { content: read.end, end: read.end + read.value };
}

/** Reads a varint of at most 32 bits; the upper bits of longer ones are left out. */
function varintAt(
  bytes: Uint8Array,
  start: number,
): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let index = 0; index < 10; index++) {
    const byte = bytes[start + index];
    if (byte === undefined) return undefined;
    if (index < 5) value |= (byte & 0x7f) << 7 * index;
    if (byte < 0x80) return { value: value >>> 0, end: start + index + 1 };
  }
  return undefined;
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value >= 0x80; value >>>= 7) bytes.push(value & 0x7f | 0x80);
  return Uint8Array.from([...bytes, value]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}
