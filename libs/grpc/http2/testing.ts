// SPDX-License-Identifier: Apache-2.0
/**
 * For the tests of this folder: frames as bytes and back, and a connection whose acceptor writes
 * down what it hears.
 * @module
 */
import { Connection, type ConnectionOptions } from "./connection.ts";
import { errorCodeName } from "./error_code.ts";
import { CLIENT_PREFACE, FrameFlag, FrameType, readUint31, readUint32 } from "./frame.ts";
import { FrameReader } from "./frame_reader.ts";
import { encodeStateless, type HeaderPair } from "./hpack_encoder.ts";
import type { ConnectionLimits } from "./limits.ts";
import { OutputBuffer } from "./output_buffer.ts";
import { writeSettings } from "./settings.ts";
import type { Stream, StreamConsumer } from "./stream.ts";
import type { RequestAcceptor } from "./stream_table.ts";

/** Bounds that tests of other things do not reach. */
export const testLimits: ConnectionLimits = {
  maxConcurrentStreams: 100,
  maxHeaderListBytes: 4_096,
  maxContinuationFrames: 4,
  streamWindowBytes: 65_535,
  connectionWindowBytes: 65_535,
  maxOutputBytes: 65_536,
  floodRates: { "reset": 100, "ping": 100, "settings": 100, "empty-frame": 100 },
};

/** What a frame says, as a test writes or reads it. */
export interface TestFrame {
  /** See `FrameType`. */
  readonly type: number;
  /** See `FrameFlag`; 0 when left out. */
  readonly flags?: number;
  /** 0, the connection, when left out. */
  readonly streamId?: number;
  /** Empty when left out. */
  readonly payload?: Uint8Array;
}

/** Returns arrays as one. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.byteLength;
  }
  return joined;
}

/** Returns a frame as bytes. */
export function frame({ type, flags = 0, streamId = 0, payload }: TestFrame): Uint8Array {
  const output = new OutputBuffer();
  const length = payload?.byteLength ?? 0;
  output.frameHeader({ length, type, flags, streamId });
  if (payload !== undefined) output.append(payload);
  return output.take().slice();
}

/** Returns a number as four octets. */
export function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** Returns a SETTINGS frame. */
export function settings(...entries: readonly (readonly [number, number])[]): Uint8Array {
  const output = new OutputBuffer();
  writeSettings(output, entries);
  return output.take().slice();
}

/** Returns a WINDOW_UPDATE frame. */
export function windowUpdate(streamId: number, increment: number): Uint8Array {
  return frame({ type: FrameType.WINDOW_UPDATE, streamId, payload: uint32(increment) });
}

/** Returns a DATA frame. */
export function data(streamId: number, payload: Uint8Array, last = false): Uint8Array {
  const flags = last ? FrameFlag.END_STREAM : 0;
  return frame({ type: FrameType.DATA, flags, streamId, payload });
}

/** Header fields of a good request. */
export const goodRequest: readonly HeaderPair[] = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/s/m"],
  [":authority", "localhost"],
  ["content-type", "application/grpc"],
  ["te", "trailers"],
];

/** How a request's HEADERS are made. */
export interface RequestOptions {
  /** Fields; {@linkcode goodRequest} when left out. */
  readonly pairs?: readonly HeaderPair[];
  /** Whether there is no body. */
  readonly last?: boolean;
}

/** Returns the HEADERS frame of a request. */
export function request(streamId: number, options: RequestOptions = {}): Uint8Array {
  const flags = FrameFlag.END_HEADERS | (options.last ? FrameFlag.END_STREAM : 0);
  const payload = encodeStateless(options.pairs ?? goodRequest);
  return frame({ type: FrameType.HEADERS, flags, streamId, payload });
}

/** Returns a RST_STREAM frame. */
export function reset(streamId: number, code = 8): Uint8Array {
  return frame({ type: FrameType.RST_STREAM, streamId, payload: uint32(code) });
}

/** Returns octets as an array. */
export function bytes(...octets: readonly number[]): Uint8Array {
  return Uint8Array.from(octets);
}

/** Returns zeros. */
export function zeros(length: number): Uint8Array {
  return new Uint8Array(length);
}

/** Returns a HEADERS frame. */
export function headers(streamId: number, flags: number, payload: Uint8Array): Uint8Array {
  return frame({ type: FrameType.HEADERS, flags, streamId, payload });
}

/** Returns a CONTINUATION frame. */
export function continuation(streamId: number, flags: number, payload: Uint8Array): Uint8Array {
  return frame({ type: FrameType.CONTINUATION, flags, streamId, payload });
}

/** Returns a PRIORITY frame. */
export function priority(streamId: number, payload: Uint8Array): Uint8Array {
  return frame({ type: FrameType.PRIORITY, streamId, payload });
}

/** Returns a PING frame. */
export function ping(payload: Uint8Array, flags = 0): Uint8Array {
  return frame({ type: FrameType.PING, flags, payload });
}

/** A SETTINGS acknowledgement. */
export const settingsAck: Uint8Array = frame({ type: FrameType.SETTINGS, flags: FrameFlag.ACK });

/** The header block of {@linkcode goodRequest}. */
export const goodBlock: Uint8Array = encodeStateless(goodRequest);

/** Returns all frames in `octets`. */
export function readFrames(octets: Uint8Array): Required<TestFrame>[] {
  const reader = new FrameReader(0xff_ffff);
  const frames: Required<TestFrame>[] = [];
  reader.push(octets);
  while (reader.next()) {
    const { type, flags, streamId } = reader;
    frames.push({ type, flags, streamId, payload: reader.bytes.slice(reader.start, reader.end) });
  }
  return frames;
}

/** Says in words what a frame of a server means, e.g. `GOAWAY PROTOCOL_ERROR`, `DATA 1 +5 end`. */
export function describe({ type, flags, streamId, payload }: Required<TestFrame>): string {
  const end = (flags & FrameFlag.END_STREAM) !== 0 ? " end" : "";
  const ack = (flags & FrameFlag.ACK) !== 0 ? " ack" : "";
  switch (type) {
    case FrameType.DATA:
      return `DATA ${streamId} +${payload.byteLength}${end}`;
    case FrameType.HEADERS:
      return `HEADERS ${streamId}${end}`;
    case FrameType.RST_STREAM:
      return `RST_STREAM ${streamId} ${errorCodeName(readUint32(payload, 0))}`;
    case FrameType.SETTINGS:
      return `SETTINGS${ack}`;
    case FrameType.PING:
      return `PING${ack}`;
    case FrameType.GOAWAY:
      return `GOAWAY ${readUint31(payload, 0)} ${errorCodeName(readUint32(payload, 4))}`;
    case FrameType.WINDOW_UPDATE:
      return `WINDOW_UPDATE ${streamId} +${readUint31(payload, 0)}`;
    default:
      return `frame ${type} ${streamId}`;
  }
}

/** An acceptor that answers nothing by itself, and writes down what it hears. */
export class RecordingAcceptor implements RequestAcceptor {
  /** What was heard, e.g. `request 1 /s/m`, `data 1 +5 end`, `gone 1 CANCEL`. */
  readonly events: string[] = [];
  /** Streams by id. */
  readonly streams = new Map<number, Stream>();

  /** See {@linkcode RequestAcceptor}. */
  request(...[stream, head, last]: Parameters<RequestAcceptor["request"]>): StreamConsumer {
    this.events.push(`request ${stream.id} ${head.path}${last ? " end" : ""}`);
    return this.#consumer(stream);
  }

  /** See {@linkcode RequestAcceptor}. */
  headTooLarge(stream: Stream): StreamConsumer {
    this.events.push(`too large ${stream.id}`);
    return this.#consumer(stream);
  }

  #consumer(stream: Stream): StreamConsumer {
    const { id } = stream;
    this.streams.set(id, stream);
    const note = (event: string) => void this.events.push(event);
    return {
      data: (bytes, last) => note(`data ${id} +${bytes.byteLength}${last ? " end" : ""}`),
      trailers: () => note(`trailers ${id}`),
      gone: (code) => note(`gone ${id} ${errorCodeName(code)}`),
      drained: () => note(`drained ${id}`),
    };
  }
}

/** A connection under test, past its prefaces. */
export class TestConnection {
  /** What answers. */
  readonly acceptor = new RecordingAcceptor();
  /** The connection. */
  readonly connection: Connection;
  /** The present moment; tests move it. */
  nowMs = 0;

  /** `limits` replace some of {@linkcode testLimits}; `raw` sends no preface. */
  constructor(limits: Partial<ConnectionLimits> = {}, options: { readonly raw?: boolean } = {}) {
    const connectionOptions: ConnectionOptions = {
      acceptor: this.acceptor,
      limits: { ...testLimits, ...limits },
      wake: () => {},
      nowMs: 0,
    };
    this.connection = new Connection(connectionOptions);
    if (options.raw) return;
    this.send(CLIENT_PREFACE, settings());
    this.sent();
  }

  /** Gives the connection bytes, in one read. */
  send(...parts: readonly Uint8Array[]): void {
    this.connection.receive(concat(...parts), this.nowMs);
  }

  /** Returns what the connection has sent since the last call, in words. */
  sent(): string[] {
    return this.sentFrames().map(describe);
  }

  /** Returns the frames that the connection has sent since the last call. */
  sentFrames(): Required<TestFrame>[] {
    const taken = this.connection.output.take();
    this.connection.setWriting(true);
    this.connection.setWriting(false);
    return readFrames(taken);
  }

  /** Returns a stream that was accepted. */
  stream(id: number): Stream {
    const stream = this.acceptor.streams.get(id);
    if (stream === undefined) throw new Error(`no stream ${id} was accepted`);
    return stream;
  }
}
