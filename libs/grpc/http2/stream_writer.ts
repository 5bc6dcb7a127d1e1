// SPDX-License-Identifier: Apache-2.0
/**
 * Writes what streams send: header blocks at once, bodies as windows permit.
 * @module
 */
import type { ConnectionState } from "./connection_state.ts";
import { type Body, DataSender } from "./data_sender.ts";
import { FrameType } from "./frame.ts";
import { type HeaderPair, HpackEncoder } from "./hpack_encoder.ts";
import type { Answer, Stream } from "./stream.ts";

/** See the module. */
export class StreamWriter {
  /** Bodies that wait, and the connection's send window. */
  readonly sender: DataSender;
  readonly #state: ConnectionState;
  readonly #encoder = new HpackEncoder();

  /** Writes to the output of `state`. */
  constructor(state: ConnectionState) {
    this.#state = state;
    this.sender = new DataSender(this, state.output, state.peer);
  }

  /** Takes over a changed SETTINGS_HEADER_TABLE_SIZE. */
  takePeerTable(): void {
    this.#encoder.setPeerTableBytes(this.#state.peer.headerTableBytes);
  }

  /** Appends a header block. */
  writeHeaders(stream: Stream, block: Uint8Array, endStream: boolean): void {
    this.#state.workedSincePing = true;
    const whole = this.#encoder.updatePending ? concat(this.#encoder.takeUpdate(), block) : block;
    const { maxFrameBytes } = this.#state.peer;
    this.#state.output.headers(stream.id, whole, { endStream, maxFrameBytes });
    this.#state.touch();
  }

  /** Encodes a block with the connection's dynamic table and appends it. */
  writePairs(stream: Stream, pairs: readonly HeaderPair[]): void {
    this.writeHeaders(stream, this.#encoder.encode(pairs), false);
  }

  /** Appends a body as one frame; false when it must wait or take turns. */
  tryData(stream: Stream, body: Body, length: number): boolean {
    if (!this.sender.tryData(stream, body, length)) return false;
    this.#state.workedSincePing = true;
    this.#state.touch();
    return true;
  }

  /** Appends DATA as far as windows and buffer permit; whatever is left stays with the stream. */
  writeData(stream: Stream): void {
    this.#state.workedSincePing = true;
    this.sender.offer(stream);
    this.sender.pump();
    this.#state.touch();
  }

  /** Appends headers, one DATA frame and trailers when all fit now; false when not. */
  tryAnswer(stream: Stream, answer: Answer, length: number): boolean {
    if (this.#encoder.updatePending) return false;
    if (!this.sender.tryAnswer(stream, answer, length)) return false;
    this.#state.workedSincePing = true;
    this.#state.touch();
    return true;
  }

  /** Tells the peer that it may send that much more. */
  credit(stream: Stream, octets: number): void {
    const increment = stream.receiveWindow.credit(octets);
    if (increment === 0) return;
    this.#state.output.number(FrameType.WINDOW_UPDATE, stream.id, increment);
    this.#state.touch();
  }
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.byteLength + second.byteLength);
  joined.set(first);
  joined.set(second, first.byteLength);
  return joined;
}
