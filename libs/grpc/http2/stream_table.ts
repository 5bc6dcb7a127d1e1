// SPDX-License-Identifier: Apache-2.0
/**
 * The streams of one connection: which frames they take in which state (RFC 9113 section 5.1), what
 * makes a request malformed, and what still comes for streams that are closed.
 * @module
 */
import { ClosedStreams } from "./closed_streams.ts";
import type { ConnectionState } from "./connection_state.ts";
import { ConnectionError, ErrorCode } from "./error_code.ts";
import {
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  FrameFlag,
  FrameType,
  MAX_31_BIT,
  readUint31,
  readUint32,
} from "./frame.ts";
import type { FrameReader } from "./frame_reader.ts";
import { requireLength, requireNotIdle, requireStream } from "./frame_rules.ts";
import { HeaderAssembler, type HeaderBlock, paddedEnd } from "./header_assembler.ts";
import { ReceiveWindow } from "./receive_window.ts";
import { type RequestHead, trailersProblem } from "./request_head.ts";
import { type ReadHead, RequestHeadReader } from "./request_head_reader.ts";
import { StreamIndex } from "./stream_index.ts";
import { Stream, type StreamConsumer, type StreamHost } from "./stream.ts";
import { StreamWriter } from "./stream_writer.ts";

/** What answers requests. */
export interface RequestAcceptor {
  /** A well-formed request; `last` when it has no body. Returns who hears of the rest. */
  request(stream: Stream, head: RequestHead, last: boolean): StreamConsumer;
  /** A request whose header list exceeds the limit; the stream waits for its answer. */
  headTooLarge(stream: Stream): StreamConsumer;
}

/** What the table needs beside the state. */
export interface StreamTableOptions {
  /** Who answers. */
  readonly acceptor: RequestAcceptor;
  /** Called whenever a stream has closed. */
  readonly onClosed: () => void;
}

/** See the module. */
export class StreamTable implements StreamHost {
  /** See {@linkcode StreamHost}. */
  readonly writer: StreamWriter;
  readonly #state: ConnectionState;
  readonly #options: StreamTableOptions;
  readonly #assembler: HeaderAssembler;
  readonly #heads: RequestHeadReader;
  readonly #window: ReceiveWindow;
  readonly #streams = new StreamIndex<Stream>();
  readonly #closed = new ClosedStreams();
  #lastStreamId = 0;
  #shut = false;

  /** Starts without streams. */
  constructor(state: ConnectionState, options: StreamTableOptions) {
    const { limits } = state;
    this.#state = state;
    this.#options = options;
    this.writer = new StreamWriter(state);
    this.#heads = new RequestHeadReader(limits.maxHeaderListBytes);
    this.#window = new ReceiveWindow(Math.max(limits.connectionWindowBytes, DEFAULT_WINDOW_BYTES));
    this.#assembler = new HeaderAssembler({
      maxBlockBytes: Math.max(limits.maxHeaderListBytes * 2, DEFAULT_MAX_FRAME_BYTES),
      maxContinuationFrames: limits.maxContinuationFrames,
    });
  }

  /** Number of streams that are not closed. */
  get size(): number {
    return this.#streams.size;
  }

  /** The highest stream that the peer has opened. */
  get lastStreamId(): number {
    return this.#lastStreamId;
  }

  /** The stream whose header block is not complete; then only its CONTINUATION may follow. */
  get openBlock(): number | undefined {
    return this.#assembler.openStreamId;
  }

  /** The streams that are not closed. */
  streams(): readonly Stream[] {
    return this.#streams.values();
  }

  /** Serves no stream that is not open by now; later ones are ignored. */
  shut(): void {
    this.#shut = true;
  }

  /** The connection is over: so are all streams. */
  abandonAll(): void {
    for (const stream of this.#streams.values()) {
      markClosed(stream);
      stream.consumer?.gone(ErrorCode.CANCEL);
    }
    this.#streams.clear();
  }

  // ---- DATA ----

  /** Takes a DATA frame (section 6.1). */
  data(frame: FrameReader): void {
    const { streamId } = frame;
    requireStream(streamId, "DATA");
    const length = frame.end - frame.start;
    this.#receiveOnConnection(length);
    const end = paddedEnd(frame);
    const start = frame.start + ((frame.flags & FrameFlag.PADDED) === 0 ? 0 : 1);
    const last = (frame.flags & FrameFlag.END_STREAM) !== 0;
    if (end > start) this.#state.workedSincePing = true;
    else if (!last) this.#state.count("empty-frame");
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return this.#frameOnClosed(streamId, "DATA");
    const fault = dataFault(stream, { frame: length, content: end - start, last });
    if (fault !== undefined) return this.#streamFault(stream, fault);
    if (length > end - start) stream.credit(length - (end - start));
    if (last) stream.remoteEnded = true;
    stream.consumer?.data(frame.bytes.subarray(start, end), last);
    if (last) this.#closeIfEnded(stream);
  }

  /** The connection's window is credited as octets arrive: streams hold each other up nowhere. */
  #receiveOnConnection(length: number): void {
    if (!this.#window.take(length)) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "connection window exceeded");
    }
    const increment = this.#window.credit(length);
    if (increment > 0) this.#state.output.number(FrameType.WINDOW_UPDATE, 0, increment);
  }

  // ---- HEADERS ----

  /** Takes a HEADERS frame (section 6.2). */
  headers(frame: FrameReader): void {
    requireStream(frame.streamId, "HEADERS");
    if (frame.streamId % 2 === 0) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "even stream id from a client");
    }
    const block = this.#assembler.headers(frame);
    if (block !== undefined) this.#block(block);
  }

  /** Takes a CONTINUATION frame (section 6.10). */
  continuation(frame: FrameReader): void {
    if (this.openBlock === undefined) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without HEADERS");
    }
    const block = this.#assembler.continuation(frame);
    if (block !== undefined) this.#block(block);
  }

  #block(block: HeaderBlock): void {
    const stream = this.#streams.get(block.streamId);
    if (stream !== undefined) return this.#trailers(stream, block);
    if (block.streamId <= this.#lastStreamId) {
      this.#heads.trailers(block);
      return this.#frameOnClosed(block.streamId, "HEADERS");
    }
    const result = this.#heads.read(block);
    this.#lastStreamId = block.streamId;
    if (this.#shut) return this.#closed.add(block.streamId, "reset-by-us");
    if (this.#streams.size >= this.#state.limits.maxConcurrentStreams) {
      return this.#refuse(block.streamId, ErrorCode.REFUSED_STREAM);
    }
    if (block.dependsOnItself || result.kind === "malformed") {
      return this.#refuse(block.streamId, ErrorCode.PROTOCOL_ERROR);
    }
    this.#open(block, result);
  }

  #open(block: HeaderBlock, result: Exclude<ReadHead, { kind: "malformed" }>): void {
    const stream = new Stream(this, block.streamId, {
      send: this.#state.peer.initialWindowBytes,
      receive: this.#state.limits.streamWindowBytes,
    });
    stream.remoteEnded = block.endStream;
    this.#streams.add(stream);
    if (result.kind === "too-large") {
      stream.consumer = this.#options.acceptor.headTooLarge(stream);
    } else {
      const { head } = result;
      stream.contentLeft = head.contentLength;
      if (block.endStream && (head.contentLength ?? 0) !== 0) {
        return this.#streamFault(stream, ErrorCode.PROTOCOL_ERROR);
      }
      stream.consumer = this.#options.acceptor.request(stream, head, block.endStream);
    }
    if (block.endStream) this.#closeIfEnded(stream);
  }

  #trailers(stream: Stream, block: HeaderBlock): void {
    const fields = this.#heads.trailers(block);
    if (stream.remoteEnded) return this.#streamFault(stream, ErrorCode.STREAM_CLOSED);
    const short = (stream.contentLeft ?? 0) > 0;
    if (short || block.dependsOnItself || !block.endStream || trailersProblem(fields)) {
      return this.#streamFault(stream, ErrorCode.PROTOCOL_ERROR);
    }
    stream.remoteEnded = true;
    stream.consumer?.trailers();
    this.#closeIfEnded(stream);
  }

  // ---- other frames of streams ----

  /** Takes a WINDOW_UPDATE frame of a stream (section 6.9). */
  windowUpdate(frame: FrameReader): void {
    const increment = readUint31(frame.bytes, frame.start);
    const stream = this.#streams.get(frame.streamId);
    if (stream === undefined) {
      requireNotIdle(frame.streamId, this.#lastStreamId, "WINDOW_UPDATE");
      return this.#state.count("empty-frame");
    }
    if (increment === 0) return this.#streamFault(stream, ErrorCode.PROTOCOL_ERROR);
    stream.sendWindow += increment;
    if (stream.sendWindow > MAX_31_BIT) {
      return this.#streamFault(stream, ErrorCode.FLOW_CONTROL_ERROR);
    }
    if (stream.pending !== undefined) this.writer.sender.offer(stream);
  }

  /** A changed initial window changes all open ones, below zero if need be (section 6.9.2). */
  shiftWindows(by: number): void {
    if (by === 0) return;
    for (const stream of this.#streams.values()) {
      stream.sendWindow += by;
      if (stream.sendWindow > MAX_31_BIT) {
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "SETTINGS overflow a window");
      }
      if (stream.pending !== undefined) this.writer.sender.offer(stream);
    }
  }

  /** Takes a PRIORITY frame: not used (section 5.3.2), but a wrong one is still wrong. */
  priority(frame: FrameReader): void {
    requireStream(frame.streamId, "PRIORITY");
    this.#state.count("empty-frame");
    const wrongSize = frame.end - frame.start !== 5;
    if (!wrongSize && readUint31(frame.bytes, frame.start) !== frame.streamId) return;
    const code = wrongSize ? ErrorCode.FRAME_SIZE_ERROR : ErrorCode.PROTOCOL_ERROR;
    const stream = this.#streams.get(frame.streamId);
    if (stream !== undefined) return this.#streamFault(stream, code);
    // A stream that never was cannot be reset (section 6.4), so an idle one counts as opened.
    this.#lastStreamId = Math.max(this.#lastStreamId, frame.streamId);
    this.#refuse(frame.streamId, code);
  }

  /** Takes a RST_STREAM frame (section 6.4). */
  rstStream(frame: FrameReader): void {
    requireStream(frame.streamId, "RST_STREAM");
    requireLength(frame, 4, "RST_STREAM");
    requireNotIdle(frame.streamId, this.#lastStreamId, "RST_STREAM");
    this.#state.count("reset");
    const stream = this.#streams.get(frame.streamId);
    if (stream === undefined) return;
    this.#closed.add(stream.id, "reset-by-peer");
    this.#forget(stream);
    stream.consumer?.gone(readUint32(frame.bytes, frame.start));
  }

  // ---- closed streams and faults ----

  #frameOnClosed(streamId: number, frameName: string): void {
    requireNotIdle(streamId, this.#lastStreamId, frameName);
    this.#state.count("empty-frame");
    switch (this.#closed.closing(streamId)) {
      case "reset-by-us":
        return;
      case "reset-by-peer":
        return this.#refuse(streamId, ErrorCode.STREAM_CLOSED);
      case "ended":
        throw new ConnectionError(ErrorCode.STREAM_CLOSED, `${frameName} on a closed stream`);
    }
  }

  #refuse(streamId: number, code: ErrorCode): void {
    this.#state.count("reset");
    this.#closed.add(streamId, "reset-by-us");
    this.#state.output.number(FrameType.RST_STREAM, streamId, code);
    this.#state.boundOutput();
  }

  #streamFault(stream: Stream, code: ErrorCode): void {
    this.#state.count("reset");
    this.resetStream(stream, code);
    stream.consumer?.gone(code);
  }

  #closeIfEnded(stream: Stream): void {
    if (stream.localEnded && stream.pendingEnd === undefined) this.closeStream(stream);
  }

  /** See {@linkcode StreamHost}. */
  closeStream(stream: Stream): void {
    if (!stream.closed) this.#forget(stream);
  }

  /** See {@linkcode StreamHost}. */
  resetStream(stream: Stream, code: ErrorCode): void {
    if (stream.closed) return;
    this.#closed.add(stream.id, "reset-by-us");
    this.#state.output.number(FrameType.RST_STREAM, stream.id, code);
    this.#forget(stream);
    this.#state.touch();
  }

  #forget(stream: Stream): void {
    markClosed(stream);
    this.#streams.delete(stream.id);
    this.#options.onClosed();
  }
}

function markClosed(stream: Stream): void {
  stream.closed = true;
  stream.pending = undefined;
  stream.pendingEnd = undefined;
}

/** Octets of a DATA frame, with and without padding. */
interface DataLengths {
  readonly frame: number;
  readonly content: number;
  readonly last: boolean;
}

/** Takes DATA into account; returns what is wrong with it (sections 5.1, 5.2.1, 8.1.1). */
function dataFault(stream: Stream, { frame, content, last }: DataLengths): ErrorCode | undefined {
  if (stream.remoteEnded) return ErrorCode.STREAM_CLOSED;
  if (!stream.receiveWindow.take(frame)) return ErrorCode.FLOW_CONTROL_ERROR;
  if (stream.contentLeft === undefined) return undefined;
  stream.contentLeft -= content;
  const fits = last ? stream.contentLeft === 0 : stream.contentLeft >= 0;
  return fits ? undefined : ErrorCode.PROTOCOL_ERROR;
}
