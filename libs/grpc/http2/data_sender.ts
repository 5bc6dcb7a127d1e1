// SPDX-License-Identifier: Apache-2.0
/**
 * Sends the bodies of all streams of a connection: within both windows (RFC 9113 section 5.2), one
 * frame of each stream in turn, and no more at a time than the socket takes.
 * @module
 */
import type { Bytes } from "@denvoy/base";
import { DEFAULT_WINDOW_BYTES, FRAME_HEADER_BYTES, FrameFlag, FrameType } from "./frame.ts";
import { type OutputBuffer, putFrameHeader } from "./output_buffer.ts";
import type { PeerSettings } from "./settings.ts";
import type { Answer, Stream } from "./stream.ts";

/**
 * Bodies that wait are sliced into the output only while it holds less than this: enough that a
 * write carries two frames, little enough that thousands of peers that do not read cost little.
 */
const BULK_BYTES = 20_000;

/** A response that fits one frame goes into the output while that holds less than this. */
const ANSWERS_BYTES = 262_144;

/** A body up to this size goes into the output even while a write is under way. */
const SMALL_BYTES = 4_096;

/** A queue up to this length is not searched for closed streams. */
const SMALL_QUEUE = 1_024;

/** What the sender tells its connection. */
export interface DataSenderHost {
  /** Appends the trailers that waited behind the last data, or nothing for an empty block. */
  writeHeaders(stream: Stream, block: Uint8Array, endStream: boolean): void;
}

/** The sending half of a connection's flow control. */
export class DataSender {
  /** What all streams together may still send. */
  window = DEFAULT_WINDOW_BYTES;
  /** Whether a write is under way; then bodies wait in their streams, not in the output. */
  writing = false;
  readonly #host: DataSenderHost;
  readonly #output: OutputBuffer;
  readonly #settings: PeerSettings;
  #queue: Stream[] = [];
  #head = 0;
  #compactAt = SMALL_QUEUE;

  /** `output` and `settings` are those of the connection, as they change. */
  constructor(host: DataSenderHost, output: OutputBuffer, settings: PeerSettings) {
    this.#host = host;
    this.#output = output;
    this.#settings = settings;
  }

  /** Whether some body could go on when there is room. */
  get waiting(): boolean {
    return this.#queue.length > this.#head && this.window > 0;
  }

  /** Queues a stream whose body may go on; an end that waits for no body is written at once. */
  offer(stream: Stream): void {
    if (stream.queued || stream.closed) return;
    if (stream.pending === undefined) return this.#finish(stream);
    if (stream.sendWindow <= 0) return;
    stream.queued = true;
    if (this.#queue.length >= this.#compactAt) this.#dropClosed();
    this.#queue.push(stream);
  }

  /** Writes what may be written now, in turns. */
  pump(): void {
    while (this.#head < this.#queue.length && this.#mayWrite()) {
      const stream = this.#queue[this.#head++];
      if (stream !== undefined) this.#turn(stream);
    }
    if (this.#head < this.#queue.length) return;
    this.#queue.length = 0;
    this.#head = 0;
  }

  /**
   * Appends a whole response as three frames if windows, frame size and output permit it.
   * `prefix` are HPACK octets that must stand before the header block.
   */
  tryAnswer(stream: Stream, answer: Answer, length: number): boolean {
    if (
      length > stream.sendWindow || length > this.window || stream.pending !== undefined ||
      length > this.#settings.maxFrameBytes || this.#output.length >= ANSWERS_BYTES
    ) return false;
    this.#appendAnswer(stream.id, answer, length);
    stream.sendWindow -= length;
    this.window -= length;
    return true;
  }

  /** Appends a body as one frame, if nothing speaks against it and it would not wait anyway. */
  tryData(stream: Stream, body: Body, length: number): boolean {
    if (
      length > stream.sendWindow || length > this.window || stream.pending !== undefined ||
      length > this.#settings.maxFrameBytes || this.#output.length >= BULK_BYTES ||
      this.#head < this.#queue.length || (this.writing && length > SMALL_BYTES)
    ) return false;
    const at = this.#output.length;
    const out = this.#output.reserve(FRAME_HEADER_BYTES + length);
    putData(out, at, { streamId: stream.id, body, length });
    stream.sendWindow -= length;
    this.window -= length;
    return true;
  }

  #appendAnswer(streamId: number, answer: Answer, length: number): void {
    const { headers, trailers } = answer;
    const total = 3 * FRAME_HEADER_BYTES + headers.byteLength + length + trailers.byteLength;
    let at = this.#output.length;
    const out = this.#output.reserve(total);
    const ended = FrameFlag.END_HEADERS;
    at = putFrame(out, at, { type: FrameType.HEADERS, flags: ended, streamId, block: headers });
    at = putData(out, at, { streamId, body: answer, length });
    const last = FrameFlag.END_HEADERS | FrameFlag.END_STREAM;
    putFrame(out, at, { type: FrameType.HEADERS, flags: last, streamId, block: trailers });
  }

  #mayWrite(): boolean {
    return this.window > 0 && !this.writing && this.#output.length < BULK_BYTES;
  }

  #turn(stream: Stream): void {
    stream.queued = false;
    if (stream.closed) return;
    this.#writeFrame(stream);
    this.offer(stream);
  }

  #finish(stream: Stream): void {
    const end = stream.pendingEnd;
    if (end === undefined) return stream.notifyDrained();
    stream.pendingEnd = undefined;
    if (end.byteLength > 0) this.#host.writeHeaders(stream, end, true);
    else this.#writeEmptyEnd(stream);
    stream.endLocal();
  }

  #writeEmptyEnd(stream: Stream): void {
    const flags = FrameFlag.END_STREAM;
    this.#output.frameHeader({ length: 0, type: FrameType.DATA, flags, streamId: stream.id });
  }

  #writeFrame(stream: Stream): void {
    const pending = stream.pending;
    if (pending === undefined) return;
    const length = Math.min(
      pending.left,
      stream.sendWindow,
      this.window,
      this.#settings.maxFrameBytes,
    );
    if (length <= 0) {
      if (pending.left === 0) stream.pending = undefined;
      return;
    }
    this.#output.frameHeader({ length, type: FrameType.DATA, flags: 0, streamId: stream.id });
    this.#copy(stream, length);
    stream.sendWindow -= length;
    this.window -= length;
  }

  #copy(stream: Stream, length: number): void {
    const pending = stream.pending;
    if (pending === undefined) return;
    let at = this.#output.length;
    const out = this.#output.reserve(length);
    pending.left -= length;
    for (let left = length; left > 0;) {
      const chunk = pending.chunks[pending.index];
      if (chunk === undefined) break;
      const size = Math.min(left, chunk.byteLength - pending.offset);
      out.set(chunk.subarray(pending.offset, pending.offset + size), at);
      at += size;
      left -= size;
      pending.offset += size;
      if (pending.offset < chunk.byteLength) continue;
      pending.index++;
      pending.offset = 0;
    }
    if (pending.left === 0) stream.pending = undefined;
  }

  /** Streams that were reset while they waited must not pile up behind a closed window. */
  #dropClosed(): void {
    this.#queue = this.#queue.slice(this.#head).filter((stream) => !stream.closed);
    this.#head = 0;
    this.#compactAt = Math.max(SMALL_QUEUE, this.#queue.length * 2);
  }
}

/** A body and the octets before it. */
export interface Body {
  /** Octets before the body; copied at once. */
  readonly lead: Uint8Array;
  /** The body; shared, never changed. */
  readonly body: Bytes;
}

interface DataFrame {
  readonly streamId: number;
  readonly body: Body;
  readonly length: number;
}

function putData(out: Uint8Array, start: number, { streamId, body, length }: DataFrame): number {
  putFrameHeader(out, start, { length, type: FrameType.DATA, flags: 0, streamId });
  let at = putOctets(out, start + FRAME_HEADER_BYTES, body.lead);
  if (body.body instanceof Uint8Array) return putOctets(out, at, body.body);
  for (const chunk of body.body) at = putOctets(out, at, chunk);
  return at;
}

interface BlockFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly block: Uint8Array;
}

function putFrame(out: Uint8Array, at: number, frame: BlockFrame): number {
  const { type, flags, streamId, block } = frame;
  putFrameHeader(out, at, { length: block.byteLength, type, flags, streamId });
  return putOctets(out, at + FRAME_HEADER_BYTES, block);
}

/** Short runs are copied octet by octet: cheaper than a call of `set` up to about 50 octets. */
function putOctets(out: Uint8Array, at: number, octets: Uint8Array): number {
  const length = octets.byteLength;
  if (length > 48) {
    out.set(octets, at);
    return at + length;
  }
  for (let from = 0; from < length; from++) out[at + from] = octets[from] ?? 0;
  return at + length;
}
