// SPDX-License-Identifier: Apache-2.0
/**
 * Puts a header block together from HEADERS and CONTINUATION frames (RFC 9113 sections 6.2, 6.10).
 * @module
 */
import { ConnectionError, ErrorCode } from "./error_code.ts";
import { FrameFlag, readUint31 } from "./frame.ts";
import type { FrameReader } from "./frame_reader.ts";

/** A whole block as it lies in `bytes`. Reused: holds until the next frame. */
export interface HeaderBlock {
  /** Whose block it is. */
  streamId: number;
  /** Whether HEADERS had END_STREAM. */
  endStream: boolean;
  /** Whether the stream was made to depend on itself (RFC 7540 section 5.3.1). */
  dependsOnItself: boolean;
  /** Holds the block between `start` and `end`. */
  bytes: Uint8Array;
  /** Where the block starts. */
  start: number;
  /** Where the block ends. */
  end: number;
}

/** Bounds on one block. */
export interface AssemblerLimits {
  /** Octets of the compressed block. */
  readonly maxBlockBytes: number;
  /** Frames after the first. */
  readonly maxContinuationFrames: number;
}

const PRIORITY_BYTES = 5;

/** See the module. */
export class HeaderAssembler {
  readonly #limits: AssemblerLimits;
  readonly #block: HeaderBlock = {
    streamId: 0,
    endStream: false,
    dependsOnItself: false,
    bytes: new Uint8Array(0),
    start: 0,
    end: 0,
  };
  #open = false;
  #fragments: Uint8Array[] = [];
  #fragmentBytes = 0;

  /** Keeps to `limits`. */
  constructor(limits: AssemblerLimits) {
    this.#limits = limits;
  }

  /** The stream whose block is not complete; then only its CONTINUATION may follow. */
  get openStreamId(): number | undefined {
    return this.#open ? this.#block.streamId : undefined;
  }

  /** Takes a HEADERS frame; returns the block if that is all. @throws ConnectionError */
  headers(frame: FrameReader): HeaderBlock | undefined {
    const block = this.#block;
    block.streamId = frame.streamId;
    block.endStream = (frame.flags & FrameFlag.END_STREAM) !== 0;
    block.dependsOnItself = false;
    let { start } = frame;
    const end = paddedEnd(frame);
    if ((frame.flags & FrameFlag.PADDED) !== 0) start++;
    if ((frame.flags & FrameFlag.PRIORITY) !== 0) {
      if (end - start < PRIORITY_BYTES) {
        throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "HEADERS too short for its priority");
      }
      block.dependsOnItself = readUint31(frame.bytes, start) === frame.streamId;
      start += PRIORITY_BYTES;
    }
    if ((frame.flags & FrameFlag.END_HEADERS) !== 0) return this.#whole(frame.bytes, start, end);
    this.#open = true;
    this.#keep(frame.bytes.subarray(start, end));
    return undefined;
  }

  /** Takes a CONTINUATION frame of the open block. @throws ConnectionError */
  continuation(frame: FrameReader): HeaderBlock | undefined {
    this.#keep(frame.bytes.subarray(frame.start, frame.end));
    if (this.#fragments.length > this.#limits.maxContinuationFrames + 1) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "too many CONTINUATION frames");
    }
    if ((frame.flags & FrameFlag.END_HEADERS) === 0) return undefined;
    const joined = new Uint8Array(this.#fragmentBytes);
    let at = 0;
    for (const fragment of this.#fragments) {
      joined.set(fragment, at);
      at += fragment.byteLength;
    }
    this.#open = false;
    this.#fragments = [];
    this.#fragmentBytes = 0;
    return this.#whole(joined, 0, joined.byteLength);
  }

  #whole(bytes: Uint8Array, start: number, end: number): HeaderBlock {
    this.#block.bytes = bytes;
    this.#block.start = start;
    this.#block.end = end;
    return this.#block;
  }

  /** Copies: a fragment must not keep the chunk that it was read with. */
  #keep(fragment: Uint8Array): void {
    this.#fragments.push(fragment.slice());
    this.#fragmentBytes += fragment.byteLength;
    if (this.#fragmentBytes > this.#limits.maxBlockBytes) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "header block too large");
    }
  }
}

/**
 * Returns where the payload of a DATA or HEADERS frame ends without its padding.
 * @throws ConnectionError when the padding is as long as the payload (section 6.1)
 */
export function paddedEnd(frame: FrameReader): number {
  if ((frame.flags & FrameFlag.PADDED) === 0) return frame.end;
  if (frame.end === frame.start) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "padded frame without a length");
  }
  const end = frame.end - (frame.bytes[frame.start] ?? 0);
  if (end <= frame.start) {
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "padding longer than the payload");
  }
  return end;
}
