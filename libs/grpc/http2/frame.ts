// SPDX-License-Identifier: Apache-2.0
/**
 * Layout of HTTP/2 frames (RFC 9113 sections 4.1 and 6): type numbers, flags and sizes.
 * @module
 */

/** Octets of a frame's header. */
export const FRAME_HEADER_BYTES = 9;

/** Largest payload that every peer must take, and that this server takes (section 4.2). */
export const DEFAULT_MAX_FRAME_BYTES = 16_384;

/** Flow-control window of a new stream or connection before SETTINGS (section 6.9.2). */
export const DEFAULT_WINDOW_BYTES = 65_535;

/** Largest window, and largest stream id. */
export const MAX_31_BIT = 0x7fff_ffff;

/** What a client sends first (section 3.4). */
export const CLIENT_PREFACE: Uint8Array = new TextEncoder().encode(
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
);

/** Frame types (section 6). Others are ignored. */
export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

/** Frame flags; ACK and END_STREAM share a bit on different types. */
export const FrameFlag = {
  END_STREAM: 0x1,
  ACK: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const;

/** Reads an unsigned 32-bit number in network order. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  return (((bytes[offset] ?? 0) << 24) | ((bytes[offset + 1] ?? 0) << 16) |
    ((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0)) >>> 0;
}

/** Reads a stream id or window increment: 31 bits, the reserved one ignored. */
export function readUint31(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset) & MAX_31_BIT;
}
