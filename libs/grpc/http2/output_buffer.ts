// SPDX-License-Identifier: Apache-2.0
/**
 * Everything that a connection has to say next, as one run of bytes that leaves in one write.
 * @module
 */
import { FRAME_HEADER_BYTES, FrameFlag, FrameType } from "./frame.ts";

const STEP_BYTES = 4_096;
const LARGEST_KEPT_BYTES = 131_072;

/**
 * A growing buffer of frames. `take` hands over what was written; the taken array stays untouched
 * until `giveBack`, so it can be written to a socket while the next bytes gather here.
 */
export class OutputBuffer {
  /** Octets that wait to be taken. */
  length = 0;
  #bytes: Uint8Array | undefined = undefined;
  #spare: Uint8Array | undefined = undefined;

  /** Returns all that waits and starts anew. */
  take(): Uint8Array {
    const taken = (this.#bytes ?? new Uint8Array(0)).subarray(0, this.length);
    this.#bytes = this.#spare;
    this.#spare = undefined;
    this.length = 0;
    return taken;
  }

  /** Allows a taken array to be used again. */
  giveBack(taken: Uint8Array): void {
    const whole = new Uint8Array(taken.buffer as ArrayBuffer);
    if (whole.byteLength > LARGEST_KEPT_BYTES) return;
    if (this.#bytes === undefined) this.#bytes = whole;
    else this.#spare ??= whole;
  }

  /** Frees what is kept for later writes; for a connection that falls idle. */
  release(): void {
    this.#spare = undefined;
    if (this.length === 0) this.#bytes = undefined;
  }

  /** Makes room for `size` octets more and returns the array; they start at the old `length`. */
  reserve(size: number): Uint8Array {
    const needed = this.length + size;
    let bytes = this.#bytes;
    if (bytes === undefined || bytes.byteLength < needed) bytes = this.#grow(needed);
    this.length = needed;
    return bytes;
  }

  /** Appends raw octets. */
  append(octets: Uint8Array): void {
    const at = this.length;
    this.reserve(octets.byteLength).set(octets, at);
  }

  /** Appends a frame's header. */
  frameHeader(frame: FrameHead): void {
    const at = this.length;
    putFrameHeader(this.reserve(FRAME_HEADER_BYTES), at, frame);
  }

  /** Appends a header block as HEADERS and, where it is too long for one frame, CONTINUATION. */
  headers(streamId: number, block: Uint8Array, options: HeadersOptions): void {
    const { endStream, maxFrameBytes } = options;
    const flag = endStream ? FrameFlag.END_STREAM : 0;
    let from = 0;
    do {
      const length = Math.min(maxFrameBytes, block.byteLength - from);
      const last = from + length === block.byteLength;
      const type = from === 0 ? FrameType.HEADERS : FrameType.CONTINUATION;
      const flags = (from === 0 ? flag : 0) | (last ? FrameFlag.END_HEADERS : 0);
      this.frameHeader({ length, type, flags, streamId });
      this.append(from === 0 && last ? block : block.subarray(from, from + length));
      from += length;
    } while (from < block.byteLength);
  }

  /** Appends a frame whose payload is one 32-bit number: RST_STREAM or WINDOW_UPDATE. */
  number(type: number, streamId: number, value: number): void {
    const at = this.length;
    const bytes = this.reserve(FRAME_HEADER_BYTES + 4);
    putFrameHeader(bytes, at, { length: 4, type, flags: 0, streamId });
    putUint32(bytes, at + FRAME_HEADER_BYTES, value);
  }

  #grow(needed: number): Uint8Array {
    const half = (this.#bytes?.byteLength ?? 0) * 1.5;
    const steps = Math.ceil(Math.max(needed, half) / STEP_BYTES);
    const grown = new Uint8Array(steps * STEP_BYTES);
    if (this.#bytes !== undefined) grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
    return grown;
  }
}

/** How a header block is sent. */
export interface HeadersOptions {
  /** Whether nothing follows on the stream. */
  readonly endStream: boolean;
  /** Largest payload that the peer takes. */
  readonly maxFrameBytes: number;
}

/** What a frame's header says. */
export interface FrameHead {
  /** Octets of the payload. */
  readonly length: number;
  /** See `FrameType`. */
  readonly type: number;
  /** See `FrameFlag`. */
  readonly flags: number;
  /** 0 for the connection. */
  readonly streamId: number;
}

/** Writes a frame's header at `at`. */
export function putFrameHeader(bytes: Uint8Array, at: number, frame: FrameHead): void {
  const { length } = frame;
  bytes[at] = length >>> 16;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length;
  bytes[at + 3] = frame.type;
  bytes[at + 4] = frame.flags;
  putUint32(bytes, at + 5, frame.streamId);
}

/** Writes a 32-bit number at `at` in network order. */
export function putUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
