// SPDX-License-Identifier: Apache-2.0
/**
 * Cuts a byte stream into frames, wherever the reads cut it. A frame that lies whole in one chunk is
 * never copied; of one that does not, at most one frame is held.
 * @module
 */
import { ConnectionError, ErrorCode } from "./error_code.ts";
import { FRAME_HEADER_BYTES, readUint31 } from "./frame.ts";

const NOTHING = new Uint8Array(0);

/**
 * Usage: `push` a chunk, then call `next` until it returns false; the public fields describe the
 * frame that `next` found and hold until the next call. Chunks are read, never written, and a
 * payload may be kept as a view of its chunk.
 */
export class FrameReader {
  /** Type of the current frame; may be one that RFC 9113 does not define. */
  type = 0;
  /** Flags of the current frame. */
  flags = 0;
  /** Stream id of the current frame. */
  streamId = 0;
  /** Holds the payload of the current frame between `start` and `end`. */
  bytes: Uint8Array = NOTHING;
  /** Where the payload starts in `bytes`. */
  start = 0;
  /** Where the payload ends in `bytes`. */
  end = 0;

  readonly #maxFrameBytes: number;
  #chunk: Uint8Array = NOTHING;
  #offset = 0;
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  #headerLength = 0;
  #payload: Uint8Array | undefined = undefined;
  #payloadLength = 0;

  /** Frames with a longer payload than `maxFrameBytes` end the connection. */
  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Gives the next chunk; the one before has been used up by `next`. */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#offset = 0;
  }

  /** Moves to the next whole frame; false when more bytes are needed. @throws ConnectionError */
  next(): boolean {
    if (this.#headerLength > 0 || this.#payload !== undefined) return this.#nextFromParts();
    const chunk = this.#chunk;
    const offset = this.#offset;
    const left = chunk.byteLength - offset;
    if (left < FRAME_HEADER_BYTES) return this.#keepRest();
    const length = this.#readHeader(chunk, offset);
    if (left < FRAME_HEADER_BYTES + length) return this.#keepRest();
    this.bytes = chunk;
    this.start = offset + FRAME_HEADER_BYTES;
    this.end = this.start + length;
    this.#offset = this.end;
    return true;
  }

  #readHeader(bytes: Uint8Array, offset: number): number {
    const length = ((bytes[offset] ?? 0) << 16) | ((bytes[offset + 1] ?? 0) << 8) |
      (bytes[offset + 2] ?? 0);
    if (length > this.#maxFrameBytes) {
      throw new ConnectionError(
        ErrorCode.FRAME_SIZE_ERROR,
        `frame longer than ${this.#maxFrameBytes} octets: ${length}`,
      );
    }
    this.type = bytes[offset + 3] ?? 0;
    this.flags = bytes[offset + 4] ?? 0;
    this.streamId = readUint31(bytes, offset + 5);
    return length;
  }

  /** The rest of the chunk is the start of a frame: goes on with it as parts. */
  #keepRest(): boolean {
    if (this.#offset >= this.#chunk.byteLength) return false;
    return this.#nextFromParts();
  }

  #nextFromParts(): boolean {
    if (this.#payload === undefined && !this.#fillHeader()) return false;
    const payload = this.#payload ?? NOTHING;
    const taken = Math.min(
      payload.byteLength - this.#payloadLength,
      this.#chunk.byteLength - this.#offset,
    );
    payload.set(this.#chunk.subarray(this.#offset, this.#offset + taken), this.#payloadLength);
    this.#offset += taken;
    this.#payloadLength += taken;
    if (this.#payloadLength < payload.byteLength) return false;
    this.bytes = payload;
    this.start = 0;
    this.end = payload.byteLength;
    this.#payload = undefined;
    return true;
  }

  #fillHeader(): boolean {
    while (this.#headerLength < FRAME_HEADER_BYTES) {
      if (this.#offset >= this.#chunk.byteLength) return false;
      this.#header[this.#headerLength++] = this.#chunk[this.#offset++] ?? 0;
    }
    this.#payload = new Uint8Array(this.#readHeader(this.#header, 0));
    this.#payloadLength = 0;
    this.#headerLength = 0;
    return true;
  }
}
