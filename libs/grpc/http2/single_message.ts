// SPDX-License-Identifier: Apache-2.0
/**
 * The request of a method that takes exactly one message, put together from DATA frames.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import { type FramedMessage, MessageBuffer } from "./message_buffer.ts";
import type { CallSurroundings } from "./server_call.ts";
import type { Stream } from "./stream.ts";

/** See the module. What arrives is credited at once: nothing can be done before all is there. */
export class SingleMessage {
  readonly #stream: Stream;
  readonly #surroundings: CallSurroundings;
  readonly #buffer: MessageBuffer;
  #message: FramedMessage | undefined = undefined;
  #held = 0;

  /** The octets count against the connection's bound until `release`. */
  constructor(stream: Stream, surroundings: CallSurroundings) {
    this.#stream = stream;
    this.#surroundings = surroundings;
    this.#buffer = new MessageBuffer(surroundings.maxMessageBytes);
  }

  /** Takes octets. @throws StatusError when they are too many, or no message */
  push(octets: Uint8Array): void {
    this.#held += octets.byteLength;
    hold(this.#surroundings, octets.byteLength);
    this.#buffer.push(octets);
    this.#message ??= this.#buffer.next();
    if (this.#message !== undefined && this.#buffer.length > 0) {
      throw notOneMessage("more than one");
    }
    this.#stream.credit(octets.byteLength);
  }

  /** Returns the message, now that the request is complete. @throws StatusError */
  only(): FramedMessage {
    if (this.#message !== undefined) return this.#message;
    if (this.#buffer.length === 0) throw notOneMessage("none");
    throw new StatusError(StatusCode.INTERNAL, "request ended within a message");
  }

  /** Gives up what is held. */
  release(): void {
    this.#surroundings.bufferedBytes -= this.#held;
    this.#held = 0;
    this.#buffer.clear();
  }
}

/** Counts octets that wait on a connection. @throws StatusError RESOURCE_EXHAUSTED beyond the bound */
export function hold(surroundings: CallSurroundings, octets: number): void {
  surroundings.bufferedBytes += octets;
  if (surroundings.bufferedBytes <= surroundings.maxBufferedBytes) return;
  throw new StatusError(
    StatusCode.RESOURCE_EXHAUSTED,
    "too many bytes of requests wait on this connection",
  );
}

/** Returns the error for a request that is not exactly one message, as gRPC's status codes say. */
function notOneMessage(count: string): StatusError {
  return new StatusError(
    StatusCode.UNIMPLEMENTED,
    `cannot answer as this method takes exactly one request message: got ${count}`,
  );
}
