// SPDX-License-Identifier: Apache-2.0
/**
 * The version of a resource: a 128-bit hash of what the client would receive, so that it is equal on
 * every replica and after every restart, and differs whenever the content differs. It guards against
 * accidents, not against forgery: whoever may write resources may write anything anyway.
 * @module
 */

const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93;
const BLOCK_BYTES = 16;

/** The four lanes of MurmurHash3 x86 128. */
interface Lanes {
  a: number;
  b: number;
  c: number;
  d: number;
}

/** What a version covers. */
export interface VersionedContent {
  /** Type URL of the resource. */
  readonly typeUrl: string;
  /** The message in proto wire form. */
  readonly value: Uint8Array;
  /** Time to live in milliseconds; absent for ever. */
  readonly ttlMs?: number;
}

/** Returns the version of a resource: 32 hex digits over type, TTL and value. */
export function contentVersion(content: VersionedContent): string {
  const header = new TextEncoder().encode(`${content.typeUrl}\0${content.ttlMs ?? ""}\0`);
  const all = new Uint8Array(header.byteLength + content.value.byteLength);
  all.set(header);
  all.set(content.value, header.byteLength);
  return contentHash(all);
}

/** Returns the MurmurHash3 x86 128 (seed 0) of `bytes` as 32 hex digits. */
export function contentHash(bytes: Uint8Array): string {
  const lanes: Lanes = { a: 0, b: 0, c: 0, d: 0 };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tail = bytes.byteLength - bytes.byteLength % BLOCK_BYTES;
  mixBlocks(lanes, view, tail);
  mixTail(lanes, bytes.subarray(tail));
  return finish(lanes, bytes.byteLength);
}

/** One loop without calls: this is where loading 10,000 resources spends its hashing time. */
function mixBlocks(lanes: Lanes, view: DataView, end: number): void {
  let { a, b, c, d } = lanes;
  for (let at = 0; at < end; at += BLOCK_BYTES) {
    a ^= Math.imul(rotate(Math.imul(view.getInt32(at, true), C1), 15), C2);
    a = Math.imul(rotate(a, 19) + b, 5) + 0x561ccd1b | 0;
    b ^= Math.imul(rotate(Math.imul(view.getInt32(at + 4, true), C2), 16), C3);
    b = Math.imul(rotate(b, 17) + c, 5) + 0x0bcaa747 | 0;
    c ^= Math.imul(rotate(Math.imul(view.getInt32(at + 8, true), C3), 17), C4);
    c = Math.imul(rotate(c, 15) + d, 5) + 0x96cd1c35 | 0;
    d ^= Math.imul(rotate(Math.imul(view.getInt32(at + 12, true), C4), 18), C1);
    d = Math.imul(rotate(d, 13) + a, 5) + 0x32ac3b17 | 0;
  }
  lanes.a = a, lanes.b = b, lanes.c = c, lanes.d = d;
}

function mixTail(lanes: Lanes, rest: Uint8Array): void {
  if (rest.byteLength === 0) return;
  const padded = new Uint8Array(BLOCK_BYTES);
  padded.set(rest);
  const view = new DataView(padded.buffer);
  // A lane that the tail does not reach reads 0 and mixes to 0, which changes nothing.
  lanes.d ^= Math.imul(rotate(Math.imul(view.getInt32(12, true), C4), 18), C1);
  lanes.c ^= Math.imul(rotate(Math.imul(view.getInt32(8, true), C3), 17), C4);
  lanes.b ^= Math.imul(rotate(Math.imul(view.getInt32(4, true), C2), 16), C3);
  lanes.a ^= Math.imul(rotate(Math.imul(view.getInt32(0, true), C1), 15), C2);
}

function finish(lanes: Lanes, length: number): string {
  addUp(lanes, length);
  lanes.a = avalanche(lanes.a);
  lanes.b = avalanche(lanes.b);
  lanes.c = avalanche(lanes.c);
  lanes.d = avalanche(lanes.d);
  addUp(lanes, 0);
  return hex(lanes.a) + hex(lanes.b) + hex(lanes.c) + hex(lanes.d);
}

function addUp(lanes: Lanes, length: number): void {
  const b = lanes.b ^ length;
  const c = lanes.c ^ length;
  const d = lanes.d ^ length;
  const a = (lanes.a ^ length) + b + c + d | 0;
  lanes.a = a, lanes.b = b + a | 0, lanes.c = c + a | 0, lanes.d = d + a | 0;
}

function avalanche(lane: number): number {
  let h = lane;
  h = Math.imul(h ^ h >>> 16, 0x85ebca6b);
  h = Math.imul(h ^ h >>> 13, 0xc2b2ae35);
  return h ^ h >>> 16;
}

function rotate(value: number, bits: number): number {
  return value << bits | value >>> 32 - bits;
}

function hex(lane: number): string {
  return (lane >>> 0).toString(16).padStart(8, "0");
}
