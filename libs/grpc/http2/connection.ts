// SPDX-License-Identifier: Apache-2.0
/**
 * One HTTP/2 connection of a server, without I/O: bytes in by `receive`, bytes out in `output`, time
 * as an argument. Decides which frames are allowed when (RFC 9113 sections 4 to 6), what a fault
 * ends, and what a peer may cost.
 * @module
 */
import { ClosedStreams } from "./closed_streams.ts";
import { DataSender } from "./data_sender.ts";
import { ConnectionError, ErrorCode } from "./error_code.ts";
import { FloodGuard } from "./flood_guard.ts";
import {
  CLIENT_PREFACE,
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  FrameFlag,
  FrameType,
  MAX_31_BIT,
  readUint31,
  readUint32,
} from "./frame.ts";
import { FrameReader } from "./frame_reader.ts";
import { HeaderAssembler, type HeaderBlock, paddedEnd } from "./header_assembler.ts";
import { type HeaderPair, HpackEncoder } from "./hpack_encoder.ts";
import type { ConnectionLimits } from "./limits.ts";
import { OutputBuffer, putUint32 } from "./output_buffer.ts";
import { type RequestHead, trailersProblem } from "./request_head.ts";
import { type ReadHead, RequestHeadReader } from "./request_head_reader.ts";
import { applySettings, defaultPeerSettings, SettingId, writeSettings } from "./settings.ts";
import { type Answer, Stream, type StreamConsumer, type StreamHost } from "./stream.ts";

/** What opens streams to the layer above. */
export interface RequestAcceptor {
  /** A well-formed request; `last` when it has no body. Returns who hears of the rest. */
  request(stream: Stream, head: RequestHead, last: boolean): StreamConsumer;
  /** A request whose header list exceeds the limit; the stream waits for its answer. */
  headTooLarge(stream: Stream): StreamConsumer;
}

/** What a connection is made of. */
export interface ConnectionOptions {
  /** Who answers. */
  readonly acceptor: RequestAcceptor;
  /** Bounds. */
  readonly limits: ConnectionLimits;
  /** Called once when `output` gets something outside of `receive`, until `flushed`. */
  readonly wake: () => void;
  /** The present moment, in ms of a clock that never goes back. */
  readonly nowMs: number;
}

/** Why a connection is over. */
export interface ConnectionEnd {
  /** What GOAWAY said. */
  readonly code: number;
  /** For the log: lower-case, from a fixed set apart from numbers. */
  readonly reason: string;
}

/** Where the drain of a connection stands: `announced` still takes new streams. */
type DrainState = "serving" | "announced" | "final";

const DRAIN_PING = Uint8Array.of(0x64, 0x65, 0x6e, 0x76, 0x6f, 0x79, 0x2d, 0x31);
const KEEPALIVE_PING = Uint8Array.of(0x64, 0x65, 0x6e, 0x76, 0x6f, 0x79, 0x2d, 0x32);
const PING_BYTES = 8;

/** See the module. */
export class Connection implements StreamHost {
  /** What is to be written to the peer next. */
  readonly output: OutputBuffer = new OutputBuffer();
  readonly #options: ConnectionOptions;
  readonly #limits: ConnectionLimits;
  readonly #reader = new FrameReader(DEFAULT_MAX_FRAME_BYTES);
  readonly #assembler: HeaderAssembler;
  readonly #heads: RequestHeadReader;
  readonly #encoder = new HpackEncoder();
  readonly #peer = defaultPeerSettings();
  readonly #sender: DataSender;
  readonly #flood: FloodGuard;
  readonly #streams = new Map<number, Stream>();
  readonly #closed = new ClosedStreams();
  #prefaceLeft = CLIENT_PREFACE.byteLength;
  #settingsSeen = false;
  #lastStreamId = 0;
  #receiveWindow: number;
  #unannounced = 0;
  #nowMs: number;
  #receiving = false;
  #woken = false;
  #workedSincePing = false;
  #drain: DrainState = "serving";
  #end: ConnectionEnd | undefined = undefined;

  /** Its preface (SETTINGS and the connection's window) stands in `output` at once. */
  constructor(options: ConnectionOptions) {
    const { limits, nowMs } = options;
    this.#options = options;
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#assembler = new HeaderAssembler({
      maxBlockBytes: Math.max(limits.maxHeaderListBytes * 2, DEFAULT_MAX_FRAME_BYTES),
      maxContinuationFrames: limits.maxContinuationFrames,
    });
    this.#heads = new RequestHeadReader(limits.maxHeaderListBytes);
    this.#sender = new DataSender(this, this.output, this.#peer);
    this.#flood = new FloodGuard(limits.floodRates, nowMs);
    this.#receiveWindow = Math.max(limits.connectionWindowBytes, DEFAULT_WINDOW_BYTES);
    this.#writePreface();
  }

  /** Set once the connection is over; write `output` and close. */
  get end(): ConnectionEnd | undefined {
    return this.#end;
  }

  /** Number of streams that are not closed. */
  get openStreams(): number {
    return this.#streams.size;
  }

  /** Who hears of the open streams, as they are now. */
  consumers(): readonly StreamConsumer[] {
    const consumers: StreamConsumer[] = [];
    for (const { consumer } of this.#streams.values()) {
      if (consumer !== undefined) consumers.push(consumer);
    }
    return consumers;
  }

  /** Whether the peer has sent its preface and SETTINGS. */
  get established(): boolean {
    return this.#settingsSeen;
  }

  /** The moment that was given last. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Takes what was read. Never throws: a fault of the peer sets `end`. */
  receive(chunk: Uint8Array, nowMs: number): void {
    if (this.#end !== undefined) return;
    this.#nowMs = nowMs;
    this.#receiving = true;
    try {
      this.#frames(chunk);
      this.#sender.pump();
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      this.fail(error.code, error.message);
    } finally {
      this.#receiving = false;
    }
  }

  /** Says that a write of `output` starts (true) or is done (false); bodies go on when done. */
  setWriting(writing: boolean): void {
    this.#sender.writing = writing;
    if (!writing && this.#end === undefined) this.#sender.pump();
  }

  /** Says that `output` has been taken, so that `wake` is called again for what comes next. */
  flushed(): void {
    this.#woken = false;
  }

  /** Sends a ping whose answer `onPong` of the owner's clock sees by `pongs` growing. */
  ping(): void {
    if (this.#end !== undefined) return;
    this.#writePing(KEEPALIVE_PING, 0);
    this.#touch();
  }

  /** Number of answers to `ping`. */
  pongs = 0;

  /**
   * Stops new streams gently (section 6.8): GOAWAY without a bound, then, when the peer has
   * certainly seen it, with the last stream. `end` is set when the last stream closes.
   */
  drain(): void {
    if (this.#drain !== "serving" || this.#end !== undefined) return;
    this.#drain = "announced";
    this.#writeGoaway(MAX_31_BIT, ErrorCode.NO_ERROR, "draining");
    this.#writePing(DRAIN_PING, 0);
    this.#touch();
  }

  /** Goes on with `drain` without waiting for the peer: no stream beyond those seen is served. */
  finishDrain(): void {
    if (this.#drain === "final" || this.#end !== undefined) return;
    this.#drain = "final";
    this.#writeGoaway(this.#lastStreamId, ErrorCode.NO_ERROR, "draining");
    this.#endIfDrained();
    this.#touch();
  }

  /** Ends the connection with GOAWAY; all streams are gone. */
  fail(code: ErrorCode, reason: string): void {
    if (this.#end !== undefined) return;
    this.#writeGoaway(this.#lastStreamId, code, reason);
    this.#finish({ code, reason });
  }

  /** Says that the transport is lost: nothing can be sent any more. */
  lost(reason: string): void {
    if (this.#end === undefined) this.#finish({ code: ErrorCode.NO_ERROR, reason });
  }

  #finish(end: ConnectionEnd): void {
    this.#end = end;
    for (const stream of this.#streams.values()) {
      stream.closed = true;
      stream.pending = undefined;
      stream.consumer?.gone(ErrorCode.CANCEL);
    }
    this.#streams.clear();
    this.#touch();
  }

  #touch(): void {
    if (this.#receiving || this.#woken) return;
    this.#woken = true;
    this.#options.wake();
  }

  // ---- frames ----

  #frames(chunk: Uint8Array): void {
    const rest = this.#prefaceLeft > 0 ? this.#preface(chunk) : chunk;
    const reader = this.#reader;
    reader.push(rest);
    while (reader.next()) {
      this.#frame(reader);
      if (this.#end !== undefined) return;
    }
  }

  #preface(chunk: Uint8Array): Uint8Array {
    const length = Math.min(this.#prefaceLeft, chunk.byteLength);
    const done = CLIENT_PREFACE.byteLength - this.#prefaceLeft;
    for (let at = 0; at < length; at++) {
      if (chunk[at] !== CLIENT_PREFACE[done + at]) {
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "not an HTTP/2 preface");
      }
    }
    this.#prefaceLeft -= length;
    return chunk.subarray(length);
  }

  #frame(frame: FrameReader): void {
    const open = this.#assembler.openStreamId;
    if (open !== undefined) {
      if (frame.type !== FrameType.CONTINUATION || frame.streamId !== open) {
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "header block interrupted");
      }
    } else if (!this.#settingsSeen && frame.type !== FrameType.SETTINGS) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "first frame is not SETTINGS");
    }
    switch (frame.type) {
      case FrameType.DATA:
        return this.#data(frame);
      case FrameType.HEADERS:
        return this.#headers(frame);
      case FrameType.CONTINUATION:
        return this.#continuation(frame, open);
      case FrameType.WINDOW_UPDATE:
        return this.#windowUpdate(frame);
      case FrameType.PRIORITY:
        return this.#priority(frame);
      case FrameType.RST_STREAM:
        return this.#rstStream(frame);
      case FrameType.SETTINGS:
        return this.#settings(frame);
      case FrameType.PING:
        return this.#pinged(frame);
      case FrameType.GOAWAY:
        return this.#goaway(frame);
      case FrameType.PUSH_PROMISE:
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE from a client");
      default:
        return this.#flood.count("empty-frame", this.#nowMs);
    }
  }

  // ---- DATA ----

  #data(frame: FrameReader): void {
    const { streamId } = frame;
    requireStream(streamId, "DATA");
    const length = frame.end - frame.start;
    this.#receiveOnConnection(length);
    const padded = (frame.flags & FrameFlag.PADDED) !== 0;
    const end = paddedEnd(frame);
    const start = frame.start + (padded ? 1 : 0);
    const last = (frame.flags & FrameFlag.END_STREAM) !== 0;
    if (end > start) this.#workedSincePing = true;
    else if (!last) this.#flood.count("empty-frame", this.#nowMs);
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return this.#frameOnClosed(streamId, "DATA");
    if (stream.remoteEnded) return this.#streamFault(stream, ErrorCode.STREAM_CLOSED);
    stream.receiveWindow -= length;
    if (stream.receiveWindow < 0) return this.#streamFault(stream, ErrorCode.FLOW_CONTROL_ERROR);
    if (!takeContent(stream, end - start, last)) {
      return this.#streamFault(stream, ErrorCode.PROTOCOL_ERROR);
    }
    if (length > end - start) stream.credit(length - (end - start));
    if (last) stream.remoteEnded = true;
    stream.consumer?.data(frame.bytes.subarray(start, end), last);
    if (last) this.#closeIfEnded(stream);
  }

  /** The connection's window is credited as octets arrive: streams hold each other up nowhere. */
  #receiveOnConnection(length: number): void {
    this.#receiveWindow -= length;
    if (this.#receiveWindow < 0) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "connection window exceeded");
    }
    this.#unannounced += length;
    if (this.#unannounced < creditStep(this.#limits.connectionWindowBytes)) return;
    this.output.number(FrameType.WINDOW_UPDATE, 0, this.#unannounced);
    this.#receiveWindow += this.#unannounced;
    this.#unannounced = 0;
  }

  // ---- HEADERS ----

  #headers(frame: FrameReader): void {
    requireStream(frame.streamId, "HEADERS");
    if (frame.streamId % 2 === 0) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "even stream id from a client");
    }
    const block = this.#assembler.headers(frame);
    if (block !== undefined) this.#block(block);
  }

  #continuation(frame: FrameReader, open: number | undefined): void {
    if (open === undefined) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without HEADERS");
    }
    const block = this.#assembler.continuation(frame);
    if (block !== undefined) this.#block(block);
  }

  #block(block: HeaderBlock): void {
    const stream = this.#streams.get(block.streamId);
    if (stream !== undefined) return this.#trailers(stream, block);
    if (block.streamId <= this.#lastStreamId) return this.#headersOnClosed(block);
    const result = this.#heads.read(block);
    this.#lastStreamId = block.streamId;
    if (this.#drain === "final") return this.#closed.add(block.streamId, "reset-by-us");
    if (this.#streams.size >= this.#limits.maxConcurrentStreams) {
      return this.#refuse(block.streamId, ErrorCode.REFUSED_STREAM);
    }
    if (block.dependsOnItself || result.kind === "malformed") {
      return this.#refuse(block.streamId, ErrorCode.PROTOCOL_ERROR);
    }
    this.#open(block, result);
  }

  #open(block: HeaderBlock, result: Exclude<ReadHead, { kind: "malformed" }>): void {
    const stream = new Stream(this, block.streamId, {
      send: this.#peer.initialWindowBytes,
      receive: this.#limits.streamWindowBytes,
    });
    stream.remoteEnded = block.endStream;
    this.#streams.set(stream.id, stream);
    if (result.kind === "too-large") {
      stream.consumer = this.#options.acceptor.headTooLarge(stream);
      return;
    }
    const { head } = result;
    if (head.contentLength !== undefined) {
      stream.contentLeft = head.contentLength;
      if (block.endStream && head.contentLength !== 0) {
        return this.#streamFault(stream, ErrorCode.PROTOCOL_ERROR);
      }
    }
    stream.consumer = this.#options.acceptor.request(stream, head, block.endStream);
    if (block.endStream) this.#closeIfEnded(stream);
  }

  #trailers(stream: Stream, block: HeaderBlock): void {
    const fields = this.#heads.trailers(block);
    if (stream.remoteEnded) return this.#streamFault(stream, ErrorCode.STREAM_CLOSED);
    const wrong = block.dependsOnItself || !block.endStream || stream.contentLeft !== undefined &&
        stream.contentLeft > 0 ||
      trailersProblem(fields) !== undefined;
    if (wrong) return this.#streamFault(stream, ErrorCode.PROTOCOL_ERROR);
    stream.remoteEnded = true;
    stream.consumer?.trailers();
    this.#closeIfEnded(stream);
  }

  #headersOnClosed(block: HeaderBlock): void {
    this.#heads.trailers(block);
    this.#frameOnClosed(block.streamId, "HEADERS");
  }

  #refuse(streamId: number, code: ErrorCode): void {
    this.#flood.count("reset", this.#nowMs);
    this.#closed.add(streamId, "reset-by-us");
    this.output.number(FrameType.RST_STREAM, streamId, code);
    this.#boundOutput();
  }

  // ---- other frames ----

  #windowUpdate(frame: FrameReader): void {
    requireLength(frame, 4, "WINDOW_UPDATE");
    const increment = readUint31(frame.bytes, frame.start);
    const { streamId } = frame;
    if (streamId === 0) return this.#widenConnection(increment);
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      requireNotIdle(streamId, this.#lastStreamId, "WINDOW_UPDATE");
      return this.#flood.count("empty-frame", this.#nowMs);
    }
    if (increment === 0) return this.#streamFault(stream, ErrorCode.PROTOCOL_ERROR);
    stream.sendWindow += increment;
    if (stream.sendWindow > MAX_31_BIT) {
      return this.#streamFault(stream, ErrorCode.FLOW_CONTROL_ERROR);
    }
    if (stream.pending !== undefined) this.#sender.offer(stream);
  }

  #widenConnection(increment: number): void {
    if (increment === 0) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of 0");
    }
    this.#sender.window += increment;
    if (this.#sender.window > MAX_31_BIT) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "connection window too large");
    }
  }

  /** Priorities are not used (section 5.3.2), but a wrong frame is still wrong. */
  #priority(frame: FrameReader): void {
    requireStream(frame.streamId, "PRIORITY");
    this.#flood.count("empty-frame", this.#nowMs);
    const wrongSize = frame.end - frame.start !== 5;
    if (!wrongSize && readUint31(frame.bytes, frame.start) !== frame.streamId) return;
    const code = wrongSize ? ErrorCode.FRAME_SIZE_ERROR : ErrorCode.PROTOCOL_ERROR;
    const stream = this.#streams.get(frame.streamId);
    if (stream !== undefined) return this.#streamFault(stream, code);
    // A stream that never was cannot be reset (section 6.4), so an idle one counts as opened.
    this.#lastStreamId = Math.max(this.#lastStreamId, frame.streamId);
    this.#refuse(frame.streamId, code);
  }

  #rstStream(frame: FrameReader): void {
    requireStream(frame.streamId, "RST_STREAM");
    requireLength(frame, 4, "RST_STREAM");
    requireNotIdle(frame.streamId, this.#lastStreamId, "RST_STREAM");
    this.#flood.count("reset", this.#nowMs);
    const stream = this.#streams.get(frame.streamId);
    if (stream === undefined) return;
    this.#closed.add(stream.id, "reset-by-peer");
    this.#forget(stream);
    stream.consumer?.gone(readUint32(frame.bytes, frame.start));
  }

  #settings(frame: FrameReader): void {
    requireConnection(frame.streamId, "SETTINGS");
    if ((frame.flags & FrameFlag.ACK) !== 0) {
      if (!this.#settingsSeen) {
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "first frame is an acknowledgement");
      }
      this.#flood.count("empty-frame", this.#nowMs);
      return requireLength(frame, 0, "SETTINGS acknowledgement");
    }
    this.#flood.count("settings", this.#nowMs);
    this.#settingsSeen = true;
    const windowBefore = this.#peer.initialWindowBytes;
    applySettings(this.#peer, frame.bytes.subarray(frame.start, frame.end));
    this.#encoder.setPeerTableBytes(this.#peer.headerTableBytes);
    this.#shiftWindows(this.#peer.initialWindowBytes - windowBefore);
    const flags = FrameFlag.ACK;
    this.output.frameHeader({ length: 0, type: FrameType.SETTINGS, flags, streamId: 0 });
    this.#boundOutput();
  }

  /** A changed initial window changes all open ones, below zero if need be (section 6.9.2). */
  #shiftWindows(by: number): void {
    if (by === 0) return;
    for (const stream of this.#streams.values()) {
      stream.sendWindow += by;
      if (stream.sendWindow > MAX_31_BIT) {
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "SETTINGS overflow a window");
      }
      if (stream.pending !== undefined) this.#sender.offer(stream);
    }
  }

  #pinged(frame: FrameReader): void {
    requireConnection(frame.streamId, "PING");
    requireLength(frame, PING_BYTES, "PING");
    const payload = frame.bytes.subarray(frame.start, frame.end);
    if ((frame.flags & FrameFlag.ACK) !== 0) return this.#ponged(payload);
    // A peer may measure bandwidth by a ping for each burst of data, either way: those are free.
    if (!this.#workedSincePing) this.#flood.count("ping", this.#nowMs);
    this.#workedSincePing = false;
    this.#writePing(payload, FrameFlag.ACK);
    this.#boundOutput();
  }

  #ponged(payload: Uint8Array): void {
    this.#flood.count("empty-frame", this.#nowMs);
    this.pongs++;
    if (this.#drain !== "announced") return;
    if (payload.every((octet, at) => octet === DRAIN_PING[at])) this.finishDrain();
  }

  #goaway(frame: FrameReader): void {
    requireConnection(frame.streamId, "GOAWAY");
    if (frame.end - frame.start < PING_BYTES) {
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY too short");
    }
    // A client that leaves opens no streams any more; those that are open end as usual.
    this.#flood.count("empty-frame", this.#nowMs);
  }

  // ---- closed streams and faults ----

  #frameOnClosed(streamId: number, frameName: string): void {
    requireNotIdle(streamId, this.#lastStreamId, frameName);
    this.#flood.count("empty-frame", this.#nowMs);
    switch (this.#closed.closing(streamId)) {
      case "reset-by-us":
        return;
      case "reset-by-peer":
        return this.#refuse(streamId, ErrorCode.STREAM_CLOSED);
      case "ended":
        throw new ConnectionError(ErrorCode.STREAM_CLOSED, `${frameName} on a closed stream`);
    }
  }

  #streamFault(stream: Stream, code: ErrorCode): void {
    this.#flood.count("reset", this.#nowMs);
    this.resetStream(stream, code);
    stream.consumer?.gone(code);
  }

  #closeIfEnded(stream: Stream): void {
    if (stream.localEnded && stream.pendingEnd === undefined) this.closeStream(stream);
  }

  #forget(stream: Stream): void {
    stream.closed = true;
    stream.pending = undefined;
    stream.pendingEnd = undefined;
    this.#streams.delete(stream.id);
    this.#endIfDrained();
  }

  #endIfDrained(): void {
    if (this.#drain !== "final" || this.#streams.size > 0 || this.#end !== undefined) return;
    this.#finish({ code: ErrorCode.NO_ERROR, reason: "drained" });
  }

  // ---- StreamHost ----

  /** See {@linkcode StreamHost}. */
  closeStream(stream: Stream): void {
    if (!stream.closed) this.#forget(stream);
  }

  /** See {@linkcode StreamHost}. */
  resetStream(stream: Stream, code: ErrorCode): void {
    if (stream.closed) return;
    this.#closed.add(stream.id, "reset-by-us");
    this.output.number(FrameType.RST_STREAM, stream.id, code);
    this.#forget(stream);
    this.#touch();
  }

  /** See {@linkcode StreamHost}. */
  writeHeaders(stream: Stream, block: Uint8Array, endStream: boolean): void {
    this.#workedSincePing = true;
    const whole = this.#encoder.updatePending ? concat(this.#encoder.takeUpdate(), block) : block;
    const { maxFrameBytes } = this.#peer;
    this.output.headers(stream.id, whole, { endStream, maxFrameBytes });
    this.#touch();
  }

  /** See {@linkcode StreamHost}. */
  writePairs(stream: Stream, pairs: readonly HeaderPair[]): void {
    this.writeHeaders(stream, this.#encoder.encode(pairs), false);
  }

  /** See {@linkcode StreamHost}. */
  writeData(stream: Stream): void {
    this.#workedSincePing = true;
    this.#sender.offer(stream);
    this.#sender.pump();
    this.#touch();
  }

  /** See {@linkcode StreamHost}. */
  tryAnswer(stream: Stream, answer: Answer, length: number): boolean {
    if (this.#encoder.updatePending) return false;
    if (!this.#sender.tryAnswer(stream, answer, length)) return false;
    this.#workedSincePing = true;
    this.#touch();
    return true;
  }

  /** See {@linkcode StreamHost}. */
  creditStream(stream: Stream, octets: number): void {
    stream.unannounced += octets;
    if (stream.unannounced < creditStep(this.#limits.streamWindowBytes)) return;
    this.output.number(FrameType.WINDOW_UPDATE, stream.id, stream.unannounced);
    stream.receiveWindow += stream.unannounced;
    stream.unannounced = 0;
    this.#touch();
  }

  // ---- what we say on our own ----

  #writePreface(): void {
    const { maxConcurrentStreams, maxHeaderListBytes, streamWindowBytes } = this.#limits;
    writeSettings(this.output, [
      [SettingId.MAX_CONCURRENT_STREAMS, maxConcurrentStreams],
      [SettingId.INITIAL_WINDOW_SIZE, streamWindowBytes],
      [SettingId.MAX_HEADER_LIST_SIZE, maxHeaderListBytes],
    ]);
    const wider = this.#receiveWindow - DEFAULT_WINDOW_BYTES;
    if (wider > 0) this.output.number(FrameType.WINDOW_UPDATE, 0, wider);
  }

  #writePing(payload: Uint8Array, flags: number): void {
    this.output.frameHeader({ length: PING_BYTES, type: FrameType.PING, flags, streamId: 0 });
    this.output.append(payload);
  }

  #writeGoaway(lastStreamId: number, code: ErrorCode, reason: string): void {
    const debug = new TextEncoder().encode(reason);
    const length = PING_BYTES + debug.byteLength;
    this.output.frameHeader({ length, type: FrameType.GOAWAY, flags: 0, streamId: 0 });
    const at = this.output.length;
    const bytes = this.output.reserve(length);
    putUint32(bytes, at, lastStreamId);
    putUint32(bytes, at + 4, code);
    bytes.set(debug, at + PING_BYTES);
  }

  /** Answers to control frames must not pile up for a peer that does not read them. */
  #boundOutput(): void {
    if (this.output.length <= this.#limits.maxOutputBytes) return;
    throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "answers are not read");
  }
}

/** Credit is announced in steps, and early enough for a peer that uses only the default window. */
function creditStep(windowBytes: number): number {
  return Math.min(windowBytes / 2, DEFAULT_WINDOW_BYTES / 2);
}

function requireStream(streamId: number, name: string): void {
  if (streamId !== 0) return;
  throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `${name} without a stream`);
}

function requireConnection(streamId: number, name: string): void {
  if (streamId === 0) return;
  throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `${name} on a stream`);
}

function requireLength(frame: FrameReader, length: number, name: string): void {
  if (frame.end - frame.start === length) return;
  throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `${name} is not ${length} octets long`);
}

function requireNotIdle(streamId: number, lastStreamId: number, name: string): void {
  if (streamId <= lastStreamId && streamId % 2 === 1) return;
  throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `${name} on an idle stream`);
}

/** Counts octets against content-length (section 8.1.1); false when they do not agree. */
function takeContent(stream: Stream, length: number, last: boolean): boolean {
  if (stream.contentLeft === undefined) return true;
  stream.contentLeft -= length;
  return last ? stream.contentLeft === 0 : stream.contentLeft >= 0;
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.byteLength + second.byteLength);
  joined.set(first);
  joined.set(second, first.byteLength);
  return joined;
}
