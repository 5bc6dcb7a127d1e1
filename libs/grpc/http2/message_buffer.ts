// SPDX-License-Identifier: Apache-2.0
/**
 * Cuts a body into messages: a flag, a length of four octets, the message (gRPC over HTTP/2,
 * "Length-Prefixed-Message"). Messages are cut when they are asked for, so that what waits is the
 * octets themselves, however many messages they are.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import { readUint32 } from "./frame.ts";

/** Octets before each message. */
export const MESSAGE_PREFIX_BYTES = 5;

const SMALL_BYTES = 1_024;
const GATHER_BYTES = 4_096;

/** One message as it was sent. */
export interface FramedMessage {
  /** Whether it is compressed as `grpc-encoding` says. */
  readonly compressed: boolean;
  /** Its octets; may be a view of a received chunk. */
  readonly bytes: Uint8Array;
}

/** The unread part of one body. */
export class MessageBuffer {
  /** Octets that wait. */
  length = 0;
  readonly #maxBytes: number;
  #chunks: Uint8Array[] = [];
  #first = 0;
  #offset = 0;
  #gather: Uint8Array | undefined = undefined;
  #gathered = 0;

  /** Messages larger than `maxBytes` are refused as soon as their length is known. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Appends octets. A view that is much smaller than what it views is copied, not kept. */
  push(octets: Uint8Array): void {
    if (octets.byteLength === 0) return;
    this.length += octets.byteLength;
    if (octets.byteLength < SMALL_BYTES) return this.#gatherSmall(octets);
    this.#gather = undefined;
    const wasteful = octets.byteLength * 2 < octets.buffer.byteLength;
    this.#chunks.push(wasteful ? octets.slice() : octets);
  }

  /**
   * Returns the next whole message, or undefined when more octets are needed.
   * @throws StatusError RESOURCE_EXHAUSTED when it is too large, INTERNAL when its flag is unknown
   */
  next(): FramedMessage | undefined {
    if (this.length < MESSAGE_PREFIX_BYTES) return undefined;
    const prefix = this.#peek(MESSAGE_PREFIX_BYTES);
    const flag = prefix[0] ?? 0;
    const size = readUint32(prefix, 1);
    checkPrefix(flag, size, this.#maxBytes);
    if (this.length < MESSAGE_PREFIX_BYTES + size) return undefined;
    this.#skip(MESSAGE_PREFIX_BYTES);
    return { compressed: flag === 1, bytes: this.#take(size) };
  }

  /** Drops everything. */
  clear(): void {
    this.#chunks = [];
    this.#gather = undefined;
    this.#first = 0;
    this.#offset = 0;
    this.length = 0;
  }

  /** Small octets go together into larger arrays that belong to nobody else. */
  #gatherSmall(octets: Uint8Array): void {
    const gather = this.#gather;
    if (gather !== undefined && this.#gathered + octets.byteLength <= gather.byteLength) {
      gather.set(octets, this.#gathered);
      this.#gathered += octets.byteLength;
      this.#chunks[this.#chunks.length - 1] = gather.subarray(0, this.#gathered);
      return;
    }
    const alone = this.#chunks.length === this.#first;
    this.#gather = new Uint8Array(alone ? Math.max(octets.byteLength, 64) : GATHER_BYTES);
    this.#gather.set(octets);
    this.#gathered = octets.byteLength;
    this.#chunks.push(this.#gather.subarray(0, this.#gathered));
  }

  #peek(size: number): Uint8Array {
    const first = this.#chunks[this.#first];
    if (first !== undefined && first.byteLength - this.#offset >= size) {
      return first.subarray(this.#offset, this.#offset + size);
    }
    return this.#copy(size);
  }

  #copy(size: number): Uint8Array {
    const copied = new Uint8Array(size);
    let at = 0;
    let offset = this.#offset;
    for (let index = this.#first; at < size; index++) {
      const chunk = this.#chunks[index];
      if (chunk === undefined) break;
      const part = chunk.subarray(offset, offset + size - at);
      copied.set(part, at);
      at += part.byteLength;
      offset = 0;
    }
    return copied;
  }

  #take(size: number): Uint8Array {
    const taken = this.#peek(size);
    this.#skip(size);
    return taken;
  }

  #skip(size: number): void {
    this.length -= size;
    this.#offset += size;
    for (;;) {
      const chunk = this.#chunks[this.#first];
      if (chunk === undefined || this.#offset < chunk.byteLength) break;
      this.#offset -= chunk.byteLength;
      this.#first++;
    }
    // What was gathered may now belong to a message: later octets must not be written behind it
    // into an array that the message views, only into the free rest; that is what happens.
    if (this.#first === this.#chunks.length) this.clear();
    else if (this.#first > 64) {
      this.#chunks = this.#chunks.slice(this.#first);
      this.#first = 0;
    }
  }
}

/** Refuses a message by its prefix. @throws StatusError */
export function checkPrefix(flag: number, size: number, maxBytes: number): void {
  if (flag > 1) {
    throw new StatusError(StatusCode.INTERNAL, `message has unknown flags: ${flag}`);
  }
  if (size > maxBytes) {
    throw new StatusError(
      StatusCode.RESOURCE_EXHAUSTED,
      `request message is larger than ${maxBytes} bytes: ${size}`,
    );
  }
}

/** Returns the message when `octets` are exactly one that is not compressed; a view of them. */
export function wholeMessage(octets: Uint8Array, maxBytes: number): Uint8Array | undefined {
  const size = octets.byteLength - MESSAGE_PREFIX_BYTES;
  if (size < 0 || octets[0] !== 0 || size > maxBytes || readUint32(octets, 1) !== size) {
    return undefined;
  }
  return octets.subarray(MESSAGE_PREFIX_BYTES);
}
