// SPDX-License-Identifier: Apache-2.0
/**
 * An HTTP/2 client made of hand-written frames, for what no decent client does: it gives no flow
 * control window unless told, and sends whatever bytes a test wants.
 * @module
 */
import { hostAndPort, until } from "./harness.ts";

/** One frame as it came (RFC 9113, section 4.1). */
export interface RawFrame {
  /** Frame type, see {@linkcode frameType}. */
  readonly type: number;
  /** Flags of that type. */
  readonly flags: number;
  /** Stream, 0 for the connection. */
  readonly streamId: number;
  /** What follows the nine bytes of the frame's head. */
  readonly payload: Uint8Array;
}

/** Frame types of RFC 9113 by name. */
export const frameType = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
} as const;

const flagEndStream = 0x1;
const flagAck = 0x1;
const flagEndHeaders = 0x4;
const preface = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const initialWindow = 65_535;

/** How a raw stream is opened. */
export interface RawRequest {
  /** Headers beside those that every gRPC request has; may replace them. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether no data follows. @default false */
  readonly endStream?: boolean;
}

/** A connection of hand-written frames. */
export class RawPeer implements AsyncDisposable {
  /** All frames received so far. */
  readonly frames: RawFrame[] = [];
  readonly #connection: Deno.Conn;
  readonly #reading: Promise<void>;
  readonly #windows = new Map<number, number>([[0, initialWindow]]);
  #nextStream = 1;
  #pings = 0;
  #closed = false;
  #gate: Promise<void> | undefined;
  #openGate: () => void = () => {};

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
    this.#reading = this.#read();
  }

  /** Connects to `host:port` and, unless told otherwise, exchanges the prefaces. */
  static async connect(address: string, options: { silent?: boolean } = {}): Promise<RawPeer> {
    const connection = await Deno.connect(hostAndPort(address));
    // Frames are written one by one: none shall wait for the acknowledgement of the one before.
    connection.setNoDelay(true);
    const peer = new RawPeer(connection);
    if (options.silent) return peer;
    await peer.sendBytes(preface);
    await peer.sendFrame({ type: frameType.settings, flags: 0, streamId: 0, payload: bytes() });
    await until("settings are exchanged", () => peer.has(frameType.settings, 0));
    await peer.sendFrame({
      type: frameType.settings,
      flags: flagAck,
      streamId: 0,
      payload: bytes(),
    });
    return peer;
  }

  /** Whether the server has closed the connection. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes of DATA received on a stream. */
  dataBytes(streamId: number): number {
    return this.#of(frameType.data, streamId)
      .reduce((total, { payload }) => total + payload.length, 0);
  }

  /** Whether a frame of that type came for that stream. */
  has(type: number, streamId: number): boolean {
    return this.#of(type, streamId).length > 0;
  }

  /** Whether the server has ended the stream, by END_STREAM or RST_STREAM. */
  ended(streamId: number): boolean {
    return this.has(frameType.rstStream, streamId) ||
      this.frames.some((frame) =>
        frame.streamId === streamId && frame.type <= frameType.headers &&
        (frame.flags & flagEndStream) !== 0
      );
  }

  /** What the server lets this peer still send on a stream. */
  sendWindow(streamId: number): number {
    return Math.min(this.#window(0), this.#window(streamId));
  }

  /** Opens a stream with the headers of a gRPC request and returns its id. */
  async open(path: string, request: RawRequest = {}): Promise<number> {
    const streamId = this.#nextStream;
    this.#nextStream += 2;
    const headers = {
      ":method": "POST",
      ":scheme": "http",
      ":path": path,
      ":authority": "localhost",
      "content-type": "application/grpc",
      te: "trailers",
      ...request.headers,
    };
    const flags = flagEndHeaders | (request.endStream ? flagEndStream : 0);
    const payload = encodeHeaders(headers);
    await this.sendFrame({ type: frameType.headers, flags, streamId, payload });
    return streamId;
  }

  /** Sends one gRPC message in DATA frames, without regard to the window. */
  async sendMessage(streamId: number, message: Uint8Array, endStream = false): Promise<void> {
    const framed = frameMessage(message);
    for (let offset = 0; offset < framed.length; offset += 16_384) {
      const payload = framed.subarray(offset, offset + 16_384);
      const last = offset + 16_384 >= framed.length;
      const flags = last && endStream ? flagEndStream : 0;
      await this.sendFrame({ type: frameType.data, flags, streamId, payload });
      this.#windows.set(0, this.#window(0) - payload.length);
      this.#windows.set(streamId, this.#window(streamId) - payload.length);
    }
  }

  /** Lets the server send more on a stream and on the connection. */
  async grant(streamId: number, size: number): Promise<void> {
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, size);
    for (const id of [0, streamId]) {
      await this.sendFrame({ type: frameType.windowUpdate, flags: 0, streamId: id, payload });
    }
  }

  /** Resets a stream with CANCEL. */
  async cancel(streamId: number): Promise<void> {
    const payload = new Uint8Array([0, 0, 0, 8]);
    await this.sendFrame({ type: frameType.rstStream, flags: 0, streamId, payload });
  }

  /** Sends pings and waits for each answer: the server has had its turn that often. */
  async pingTimes(times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      const wanted = ++this.#pings;
      const payload = new Uint8Array(8).fill(wanted);
      await this.sendFrame({ type: frameType.ping, flags: 0, streamId: 0, payload });
      await until(
        "the ping is answered",
        () =>
          this.frames.filter((frame) => frame.type === frameType.ping && frame.flags === flagAck)
            .length >= wanted,
      );
    }
  }

  /** Sends one frame. */
  sendFrame(frame: RawFrame): Promise<void> {
    const { payload } = frame;
    const head = new Uint8Array(9);
    const view = new DataView(head.buffer);
    view.setUint32(0, payload.length << 8);
    view.setUint8(3, frame.type);
    view.setUint8(4, frame.flags);
    view.setUint32(5, frame.streamId);
    return this.sendBytes(bytes(head, payload));
  }

  /** Sends bytes as they are. */
  async sendBytes(data: Uint8Array): Promise<void> {
    for (let sent = 0; sent < data.length;) {
      sent += await this.#connection.write(data.subarray(sent));
    }
  }

  /** Reads its socket no more from now on, apart from what is being read: TCP itself stalls. */
  stopReading(): void {
    this.#gate ??= new Promise((resolve) => this.#openGate = resolve);
  }

  /** Closes the connection at once. */
  async close(): Promise<void> {
    this.#openGate();
    try {
      this.#connection.close();
    } catch {
      // The reader closed it when the server did.
    }
    await this.#reading;
  }

  /** Closes the connection. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #of(type: number, streamId: number): RawFrame[] {
    return this.frames.filter((frame) => frame.type === type && frame.streamId === streamId);
  }

  #window(streamId: number): number {
    return this.#windows.get(streamId) ?? initialWindow;
  }

  async #read(): Promise<void> {
    let pending = new Uint8Array();
    const chunk = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await this.#connection.read(chunk);
        if (count === null) break;
        pending = this.#take(bytes(pending, chunk.subarray(0, count)));
        await this.#gate;
      }
    } catch {
      // A reset connection is a closed one.
    }
    this.#closed = true;
  }

  #take(pending: Uint8Array): Uint8Array<ArrayBuffer> {
    let offset = 0;
    while (pending.length - offset >= 9) {
      const view = new DataView(pending.buffer, pending.byteOffset + offset);
      const length = view.getUint32(0) >>> 8;
      if (pending.length - offset < 9 + length) break;
      const payload = pending.slice(offset + 9, offset + 9 + length);
      this.#note({
        type: view.getUint8(3),
        flags: view.getUint8(4),
        streamId: view.getUint32(5) & 0x7fff_ffff,
        payload,
      });
      offset += 9 + length;
    }
    return pending.slice(offset);
  }

  #note(frame: RawFrame): void {
    this.frames.push(frame);
    if (frame.type !== frameType.windowUpdate) return;
    const more = new DataView(frame.payload.buffer).getUint32(0);
    this.#windows.set(frame.streamId, this.#window(frame.streamId) + more);
  }
}

/** Returns a message behind the five bytes that gRPC puts before it. */
export function frameMessage(message: Uint8Array, compressed = false): Uint8Array {
  const head = new Uint8Array(5);
  head[0] = compressed ? 1 : 0;
  new DataView(head.buffer).setUint32(1, message.length);
  return bytes(head, message);
}

/** HPACK with literal fields only: nothing is indexed, nothing is Huffman-coded. */
function encodeHeaders(headers: Readonly<Record<string, string>>): Uint8Array {
  const encoder = new TextEncoder();
  const parts = Object.entries(headers).flatMap((
    [name, value],
  ) => [
    new Uint8Array([0]),
    ...[name, value].flatMap((text) => {
      const encoded = encoder.encode(text);
      return [encodeLength(encoded.length), encoded];
    }),
  ]);
  return bytes(...parts);
}

/** RFC 7541, section 5.1, with a prefix of seven bits. */
function encodeLength(length: number): Uint8Array {
  if (length < 127) return new Uint8Array([length]);
  const out = [127];
  let rest = length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push(rest % 128 + 128);
  return new Uint8Array([...out, rest]);
}

function bytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
