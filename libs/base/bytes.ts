// SPDX-License-Identifier: Apache-2.0
/**
 * Bytes that are written together but need not lie together: a response is a list of chunks that
 * many streams share, and is joined, if at all, at the last moment.
 * @module
 */

/** A message as one array or as chunks in order. Chunks are shared: nobody may change them. */
export type Bytes = Uint8Array | readonly Uint8Array[];

/** Returns the number of bytes in all chunks. */
export function byteLength(bytes: Bytes): number {
  if (bytes instanceof Uint8Array) return bytes.byteLength;
  let total = 0;
  for (const chunk of bytes) total += chunk.byteLength;
  return total;
}

/** Returns the bytes as one array; copies only when there is more than one chunk. */
export function joinBytes(bytes: Bytes): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  const [only] = bytes;
  if (only !== undefined && bytes.length === 1) return only;
  const joined = new Uint8Array(byteLength(bytes));
  let offset = 0;
  for (const chunk of bytes) {
    joined.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return joined;
}
