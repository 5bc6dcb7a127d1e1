// SPDX-License-Identifier: Apache-2.0
/**
 * One HTTP/2 connection of a server, without I/O: bytes in by `receive`, bytes out in `output`, time
 * as an argument. Decides which frame may come when, what a fault ends, and how a connection ends
 * (RFC 9113 sections 3.4, 5.4 and 6).
 * @module
 */
import { ConnectionState } from "./connection_state.ts";
import { ConnectionError, ErrorCode } from "./error_code.ts";
import {
  CLIENT_PREFACE,
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  FrameFlag,
  FrameType,
  MAX_31_BIT,
  readUint31,
} from "./frame.ts";
import { FrameReader } from "./frame_reader.ts";
import { requireConnection, requireLength } from "./frame_rules.ts";
import type { ConnectionLimits } from "./limits.ts";
import { type OutputBuffer, putUint32 } from "./output_buffer.ts";
import { applySettings, SettingId, writeSettings } from "./settings.ts";
import type { StreamConsumer } from "./stream.ts";
import { type RequestAcceptor, StreamTable } from "./stream_table.ts";

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
export class Connection {
  readonly #state: ConnectionState;
  readonly #table: StreamTable;
  readonly #reader = new FrameReader(DEFAULT_MAX_FRAME_BYTES);
  #prefaceLeft = CLIENT_PREFACE.byteLength;
  #settingsSeen = false;
  #drain: DrainState = "serving";
  #end: ConnectionEnd | undefined = undefined;

  /** Its preface (SETTINGS and the connection's window) stands in `output` at once. */
  constructor({ acceptor, limits, wake, nowMs }: ConnectionOptions) {
    this.#state = new ConnectionState(limits, nowMs, { wake });
    this.#table = new StreamTable(this.#state, { acceptor, onClosed: () => this.#endIfDrained() });
    this.#writePreface();
  }

  /** What is to be written to the peer next. */
  get output(): OutputBuffer {
    return this.#state.output;
  }

  /** Set once the connection is over; write `output` and close. */
  get end(): ConnectionEnd | undefined {
    return this.#end;
  }

  /** Number of streams that are not closed. */
  get openStreams(): number {
    return this.#table.size;
  }

  /** Whether the peer has sent its preface and SETTINGS. */
  get established(): boolean {
    return this.#settingsSeen;
  }

  /** Who hears of the open streams, as they are now. */
  consumers(): readonly StreamConsumer[] {
    const consumers: StreamConsumer[] = [];
    for (const { consumer } of this.#table.streams()) {
      if (consumer !== undefined) consumers.push(consumer);
    }
    return consumers;
  }

  /** Takes what was read. A fault of the peer sets `end`; only one of the acceptor is thrown. */
  receive(chunk: Uint8Array, nowMs: number): void {
    if (this.#end !== undefined) return;
    this.#state.nowMs = nowMs;
    this.#state.receiving = true;
    try {
      this.#frames(chunk);
      this.#table.writer.sender.pump();
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      this.fail(error.code, error.message);
    } finally {
      this.#state.receiving = false;
    }
  }

  /** Says that a write of `output` starts (true) or is done (false); bodies go on when done. */
  setWriting(writing: boolean): void {
    this.#table.writer.sender.writing = writing;
    if (!writing && this.#end === undefined) this.#table.writer.sender.pump();
  }

  /** Says that `output` has been taken, so that `wake` is called again for what comes next. */
  flushed(): void {
    this.#state.flushed();
  }

  /** Sends a ping: whatever comes back shows that the peer lives. */
  ping(): void {
    if (this.#end !== undefined) return;
    this.#writePing(KEEPALIVE_PING, 0);
    this.#state.touch();
  }

  /**
   * Stops new streams gently (section 6.8): GOAWAY without a bound, then, when the peer has
   * certainly seen it, with the last stream. `end` is set when the last stream closes.
   */
  drain(): void {
    if (this.#drain !== "serving" || this.#end !== undefined) return;
    this.#drain = "announced";
    this.#writeGoaway(MAX_31_BIT, ErrorCode.NO_ERROR, "draining");
    this.#writePing(DRAIN_PING, 0);
    this.#state.touch();
  }

  /** Goes on with `drain` without waiting for the peer: no stream beyond those seen is served. */
  finishDrain(): void {
    if (this.#drain === "final" || this.#end !== undefined) return;
    this.#drain = "final";
    this.#table.shut();
    this.#writeGoaway(this.#table.lastStreamId, ErrorCode.NO_ERROR, "draining");
    this.#endIfDrained();
    this.#state.touch();
  }

  /** Ends the connection with GOAWAY; all streams are gone. */
  fail(code: ErrorCode, reason: string): void {
    if (this.#end !== undefined) return;
    this.#writeGoaway(this.#table.lastStreamId, code, reason);
    this.#finish({ code, reason });
  }

  /** Says that the transport is lost: nothing can be sent any more. */
  lost(reason: string): void {
    if (this.#end === undefined) this.#finish({ code: ErrorCode.NO_ERROR, reason });
  }

  #finish(end: ConnectionEnd): void {
    this.#end = end;
    this.#table.abandonAll();
    this.#state.touch();
  }

  #endIfDrained(): void {
    if (this.#drain !== "final" || this.#table.size > 0 || this.#end !== undefined) return;
    this.#finish({ code: ErrorCode.NO_ERROR, reason: "drained" });
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
    this.#requireTurn(frame);
    switch (frame.type) {
      case FrameType.DATA:
        return this.#table.data(frame);
      case FrameType.HEADERS:
        return this.#table.headers(frame);
      case FrameType.CONTINUATION:
        return this.#table.continuation(frame);
      case FrameType.WINDOW_UPDATE:
        return this.#windowUpdate(frame);
      case FrameType.PRIORITY:
        return this.#table.priority(frame);
      case FrameType.RST_STREAM:
        return this.#table.rstStream(frame);
      case FrameType.SETTINGS:
        return this.#settings(frame);
      case FrameType.PING:
        return this.#pinged(frame);
      case FrameType.GOAWAY:
        return this.#goaway(frame);
      case FrameType.PUSH_PROMISE:
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE from a client");
      default:
        return this.#state.count("empty-frame");
    }
  }

  /** SETTINGS come first (section 3.4), and nothing within a header block (section 6.10). */
  #requireTurn(frame: FrameReader): void {
    const open = this.#table.openBlock;
    if (open !== undefined) {
      if (frame.type === FrameType.CONTINUATION && frame.streamId === open) return;
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "header block interrupted");
    }
    if (this.#settingsSeen) return;
    if (frame.type === FrameType.SETTINGS && (frame.flags & FrameFlag.ACK) === 0) return;
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "first frame is not SETTINGS");
  }

  #windowUpdate(frame: FrameReader): void {
    requireLength(frame, 4, "WINDOW_UPDATE");
    if (frame.streamId !== 0) return this.#table.windowUpdate(frame);
    const increment = readUint31(frame.bytes, frame.start);
    if (increment === 0) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of 0");
    }
    const { sender } = this.#table.writer;
    sender.window += increment;
    if (sender.window > MAX_31_BIT) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "connection window too large");
    }
  }

  #settings(frame: FrameReader): void {
    requireConnection(frame.streamId, "SETTINGS");
    if ((frame.flags & FrameFlag.ACK) !== 0) {
      this.#state.count("empty-frame");
      return requireLength(frame, 0, "SETTINGS acknowledgement");
    }
    this.#state.count("settings");
    this.#settingsSeen = true;
    const { peer, output } = this.#state;
    const windowBefore = peer.initialWindowBytes;
    applySettings(peer, frame.bytes.subarray(frame.start, frame.end));
    this.#table.writer.takePeerTable();
    this.#table.shiftWindows(peer.initialWindowBytes - windowBefore);
    output.frameHeader({
      length: 0,
      type: FrameType.SETTINGS,
      flags: FrameFlag.ACK,
      streamId: 0,
    });
    this.#state.boundOutput();
  }

  #pinged(frame: FrameReader): void {
    requireConnection(frame.streamId, "PING");
    requireLength(frame, PING_BYTES, "PING");
    const payload = frame.bytes.subarray(frame.start, frame.end);
    if ((frame.flags & FrameFlag.ACK) !== 0) return this.#ponged(payload);
    // A peer may measure bandwidth by a ping for each burst of data, either way: those are free.
    if (!this.#state.workedSincePing) this.#state.count("ping");
    this.#state.workedSincePing = false;
    this.#writePing(payload, FrameFlag.ACK);
    this.#state.boundOutput();
  }

  #ponged(payload: Uint8Array): void {
    this.#state.count("empty-frame");
    if (this.#drain !== "announced") return;
    if (payload.every((octet, at) => octet === DRAIN_PING[at])) this.finishDrain();
  }

  /** A client that leaves opens no streams any more; those that are open end as usual. */
  #goaway(frame: FrameReader): void {
    requireConnection(frame.streamId, "GOAWAY");
    if (frame.end - frame.start < PING_BYTES) {
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY too short");
    }
    this.#state.count("empty-frame");
  }

  // ---- what we say on our own ----

  #writePreface(): void {
    const { limits, output } = this.#state;
    writeSettings(output, [
      [SettingId.MAX_CONCURRENT_STREAMS, limits.maxConcurrentStreams],
      [SettingId.INITIAL_WINDOW_SIZE, limits.streamWindowBytes],
      [SettingId.MAX_HEADER_LIST_SIZE, limits.maxHeaderListBytes],
    ]);
    const wider = limits.connectionWindowBytes - DEFAULT_WINDOW_BYTES;
    if (wider > 0) output.number(FrameType.WINDOW_UPDATE, 0, wider);
  }

  #writePing(payload: Uint8Array, flags: number): void {
    const { output } = this.#state;
    output.frameHeader({ length: PING_BYTES, type: FrameType.PING, flags, streamId: 0 });
    output.append(payload);
  }

  #writeGoaway(lastStreamId: number, code: ErrorCode, reason: string): void {
    const { output } = this.#state;
    const debug = new TextEncoder().encode(reason);
    const length = PING_BYTES + debug.byteLength;
    output.frameHeader({ length, type: FrameType.GOAWAY, flags: 0, streamId: 0 });
    const at = output.length;
    const bytes = output.reserve(length);
    putUint32(bytes, at, lastStreamId);
    putUint32(bytes, at + 4, code);
    bytes.set(debug, at + PING_BYTES);
  }
}
