// SPDX-License-Identifier: Apache-2.0
/**
 * One request and its response: the state of RFC 9113 section 5.1 that a server needs, and what the
 * layer above may do with it.
 * @module
 */
import { byteLength, type Bytes } from "@denvoy/base";
import { ErrorCode } from "./error_code.ts";
import type { HeaderPair } from "./hpack_encoder.ts";
import { ReceiveWindow } from "./receive_window.ts";
import type { StreamWriter } from "./stream_writer.ts";

/** What the layer above hears of a stream. Called while bytes are received; must not throw. */
export interface StreamConsumer {
  /** Octets of the body; a view of the received chunk. `last` ends the request. */
  data(bytes: Uint8Array, last: boolean): void;
  /** A trailer section ended the request. */
  trailers(): void;
  /** The stream is gone: reset by the peer or for its faults, or its connection was lost. */
  gone(code: number): void;
  /** What `sendData` did not take at once has now been taken. */
  drained(): void;
}

/** What a stream needs from its connection. */
export interface StreamHost {
  /** Writes what it sends. */
  readonly writer: StreamWriter;
  /** Resets and forgets the stream. */
  resetStream(stream: Stream, code: ErrorCode): void;
  /** Both sides have ended. */
  closeStream(stream: Stream): void;
}

/** A whole response. */
export interface Answer {
  /** Header block. */
  readonly headers: Uint8Array;
  /** Octets before the body; copied at once. */
  readonly lead: Uint8Array;
  /** The body; shared, never changed, copied only as it is written. */
  readonly body: Bytes;
  /** Trailer block. */
  readonly trailers: Uint8Array;
}

/** Octets that wait for a window: chunks in order, and how much of them is still to be sent. */
export interface PendingData {
  /** Chunks; the first may be partly sent. */
  readonly chunks: readonly Uint8Array[];
  /** Which chunk is next. */
  index: number;
  /** How much of that chunk is sent. */
  offset: number;
  /** Octets left in all chunks. */
  left: number;
}

/** See the module. Made by the connection only. */
export class Stream {
  /** Odd, rising within a connection. */
  readonly id: number;
  /** Who hears of this stream. */
  consumer: StreamConsumer | undefined = undefined;
  /** What may still be sent; negative after the peer lowered its initial window. */
  sendWindow: number;
  /** What the peer may still send. */
  readonly receiveWindow: ReceiveWindow;
  /** Octets of the body that content-length still promises. */
  contentLeft: number | undefined = undefined;
  /** Whether the request is complete. */
  remoteEnded = false;
  /** Whether the response is complete (its end may wait in `pending`). */
  localEnded = false;
  /** Whether the stream is closed, for whatever reason. */
  closed = false;
  /** What waits to be sent. */
  pending: PendingData | undefined = undefined;
  /** Trailers that wait behind `pending`; an empty block ends the stream with DATA instead. */
  pendingEnd: Uint8Array | undefined = undefined;
  /** Whether the rest of the request is of no use once the response is complete (section 8.1). */
  abandonsRequest = false;
  /** Whether the stream stands in the sender's queue. */
  queued = false;
  readonly #host: StreamHost;
  #awaitsDrain = false;

  /** `windows` are those that hold when the stream is opened. */
  constructor(host: StreamHost, id: number, windows: { send: number; receive: number }) {
    this.#host = host;
    this.id = id;
    this.sendWindow = windows.send;
    this.receiveWindow = new ReceiveWindow(windows.receive);
  }

  /** Sends a header block that uses no dynamic table. Does nothing on a closed stream. */
  sendHeaders(block: Uint8Array, endStream: boolean): void {
    if (this.closed || this.localEnded) return;
    this.#host.writer.writeHeaders(this, block, endStream);
    if (endStream) this.endLocal();
  }

  /** Sends header fields, using the dynamic table. */
  sendHeaderPairs(pairs: readonly HeaderPair[]): void {
    if (!this.closed && !this.localEnded) this.#host.writer.writePairs(this, pairs);
  }

  /**
   * Sends octets. Returns true when all are taken; false when some wait, and then `drained` follows
   * unless the stream ends first. Not to be called again before that.
   */
  sendData(lead: Uint8Array, body: Bytes): boolean {
    if (this.closed || this.localEnded) return true;
    const left = lead.byteLength + byteLength(body);
    if (this.#host.writer.tryData(this, { lead, body }, left)) return true;
    const chunks = body instanceof Uint8Array ? [lead.slice(), body] : [lead.slice(), ...body];
    this.pending = { chunks, index: 0, offset: 0, left };
    this.#host.writer.writeData(this);
    this.#awaitsDrain = this.pending !== undefined;
    return !this.#awaitsDrain;
  }

  /** Tells the consumer that everything has been taken, if it waits for that. */
  notifyDrained(): void {
    if (!this.#awaitsDrain) return;
    this.#awaitsDrain = false;
    this.consumer?.drained();
  }

  /** Ends the response with trailers, behind data that waits; an empty block means none. */
  sendEnd(trailers: Uint8Array): void {
    if (this.closed || this.localEnded) return;
    this.localEnded = true;
    this.pendingEnd = trailers;
    this.#host.writer.writeData(this);
  }

  /** Sends a whole response; the same as headers, data and end, but cheaper when all fits now. */
  answer(answer: Answer): void {
    if (this.closed || this.localEnded) return;
    const { body, lead } = answer;
    const length = lead.byteLength + byteLength(body);
    if (this.#host.writer.tryAnswer(this, answer, length)) return this.endLocal();
    this.sendHeaders(answer.headers, false);
    this.sendData(lead, body);
    this.sendEnd(answer.trailers);
  }

  /** Ends the stream at once, whatever waits. */
  reset(code: ErrorCode): void {
    if (!this.closed) this.#host.resetStream(this, code);
  }

  /** Allows the peer to send `octets` more; called as the body is used up. */
  credit(octets: number): void {
    if (!this.closed && !this.remoteEnded) this.#host.writer.credit(this, octets);
  }

  /** Notes that END_STREAM has been written. */
  endLocal(): void {
    this.localEnded = true;
    if (this.remoteEnded) this.#host.closeStream(this);
    else if (this.abandonsRequest) this.#host.resetStream(this, ErrorCode.NO_ERROR);
  }
}
