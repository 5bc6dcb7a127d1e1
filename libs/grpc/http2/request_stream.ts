// SPDX-License-Identifier: Apache-2.0
/**
 * The messages of a request as a handler reads them. What the handler does not read stays as octets
 * within the stream's window, which slows the peer.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import { type FramedMessage, MessageBuffer, wholeMessage } from "./message_buffer.ts";
import type { CallSurroundings } from "./server_call.ts";
import { hold } from "./single_message.ts";
import type { Stream } from "./stream.ts";

/** What a request stream is made of. */
export interface RequestStreamOptions {
  /** Credited as messages are read. */
  readonly stream: Stream;
  /** Bounds. */
  readonly surroundings: CallSurroundings;
  /** Returns a message as the handler wants it; throws a StatusError. */
  decode(message: FramedMessage): unknown;
  /** Called when the request turns out to be wrong: ends the call, which ends this stream. */
  onFault(status: StatusError): void;
}

type Waiting = PromiseWithResolvers<IteratorResult<unknown>>;

const DONE: IteratorResult<unknown> = { done: true, value: undefined };

/** See the module. */
export class RequestStream implements AsyncIterableIterator<unknown> {
  readonly #options: RequestStreamOptions;
  readonly #buffer: MessageBuffer;
  readonly #waiting: Waiting[] = [];
  #uncredited = 0;
  #complete = false;
  #over = false;

  /** Its octets count against the connection's bound until they are read, or `end`. */
  constructor(options: RequestStreamOptions) {
    this.#options = options;
    this.#buffer = new MessageBuffer(options.surroundings.maxMessageBytes);
  }

  /** An iterator may be iterated. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Returns the next message as soon as it is there; ends when the request or the call does. */
  next(): Promise<IteratorResult<unknown>> {
    const result = this.#waiting.length > 0 ? undefined : this.#take();
    if (result !== undefined) return Promise.resolve(result);
    const waiting: Waiting = Promise.withResolvers();
    this.#waiting.push(waiting);
    this.#starve();
    return waiting.promise;
  }

  /** The handler reads no more; what still comes is dropped. */
  return(): Promise<IteratorResult<unknown>> {
    this.end();
    return Promise.resolve(DONE);
  }

  /** Takes octets of the body; `last` completes it. */
  push(octets: Uint8Array, last: boolean): void {
    if (this.#over) return this.#options.stream.credit(octets.byteLength);
    this.#complete ||= last;
    if (this.#waiting.length === 1 && this.#buffer.length === 0 && this.#pass(octets)) return;
    this.#uncredited += octets.byteLength;
    try {
      hold(this.#options.surroundings, octets.byteLength);
    } catch (error) {
      this.#options.surroundings.bufferedBytes -= octets.byteLength;
      return this.#options.onFault(StatusError.from(error));
    }
    this.#buffer.push(octets);
    this.#deliver();
  }

  /** The call is over, or the handler reads no more: whoever waits is told that this is all. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#drop();
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(DONE);
  }

  /** A handler that waits gets a message that came whole without it being kept first. */
  #pass(octets: Uint8Array): boolean {
    const { stream, surroundings, decode } = this.#options;
    const bytes = wholeMessage(octets, surroundings.maxMessageBytes);
    if (bytes === undefined) return false;
    stream.credit(octets.byteLength);
    try {
      const value = decode({ compressed: false, bytes });
      this.#waiting.pop()?.resolve({ done: false, value });
    } catch (error) {
      this.#options.onFault(StatusError.from(error));
    }
    return true;
  }

  #deliver(): void {
    while (this.#waiting.length > 0) {
      const result = this.#take();
      if (result === undefined) return this.#starve();
      this.#waiting.shift()?.resolve(result);
    }
  }

  /** Returns the next result, or undefined when it is not there yet. */
  #take(): IteratorResult<unknown> | undefined {
    if (this.#over) return DONE;
    try {
      const before = this.#buffer.length;
      const framed = this.#buffer.next();
      if (framed === undefined) return this.#atEnd();
      this.#read(before - this.#buffer.length);
      return { done: false, value: this.#options.decode(framed) };
    } catch (error) {
      this.#options.onFault(StatusError.from(error));
      return DONE;
    }
  }

  #atEnd(): IteratorResult<unknown> | undefined {
    if (!this.#complete) return undefined;
    if (this.#buffer.length === 0) return DONE;
    throw new StatusError(StatusCode.INTERNAL, "request ended within a message");
  }

  /** Octets have been read: the peer may send as many, unless they were credited before. */
  #read(octets: number): void {
    this.#options.surroundings.bufferedBytes -= octets;
    const left = Math.min(this.#uncredited, this.#buffer.length);
    const credit = this.#uncredited - left;
    this.#uncredited = left;
    if (credit > 0) this.#options.stream.credit(credit);
  }

  /** The handler waits for a message that is not whole: its octets must not use up the window. */
  #starve(): void {
    const credit = this.#uncredited;
    this.#uncredited = 0;
    if (credit > 0) this.#options.stream.credit(credit);
  }

  #drop(): void {
    this.#options.surroundings.bufferedBytes -= this.#buffer.length;
    this.#buffer.clear();
  }
}
