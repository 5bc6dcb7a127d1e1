// SPDX-License-Identifier: Apache-2.0
/**
 * Hashes for rendezvous hashing: equal on every replica and after every restart.
 * @module
 */

/** Returns 32 bits of a text (FNV-1a), mixed so that similar texts differ in all bits. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mix(hash);
}

/** Returns how much two hashes are drawn to each other: 32 bits (the finalizer of MurmurHash3). */
export function attraction(a: number, b: number): number {
  return mix(a ^ Math.imul(b, 0x9e3779b1));
}

function mix(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
