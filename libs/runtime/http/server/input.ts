// SPDX-License-Identifier: Apache-2.0
/**
 * What has arrived on a connection and is not used yet, and bodies read from it.
 * @module
 */
import type { ByteStream } from "./byte_stream.ts";
import { BadRequest, type BodyFraming } from "./request_head.ts";

const EMPTY = new Uint8Array();
const MAX_CHUNK_LINE = 256;
const MAX_TRAILER_BYTES = 8_192;

/** Bytes of a connection in order, read ahead by one chunk at most. */
export class Input {
  readonly #stream: ByteStream;
  #buffer: Uint8Array = EMPTY;
  #filling: Promise<boolean> | undefined;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** What has arrived and is not taken. */
  get buffer(): Uint8Array {
    return this.#buffer;
  }

  /** Reads once more; false when the peer has ended. Concurrent callers share one read. */
  fill(): Promise<boolean> {
    this.#filling ??= this.#fill().finally(() => this.#filling = undefined);
    return this.#filling;
  }

  /** Takes `size` bytes from the front. */
  take(size: number): Uint8Array {
    const taken = this.#buffer.subarray(0, size);
    this.#buffer = size === this.#buffer.length ? EMPTY : this.#buffer.subarray(size);
    return taken;
  }

  async #fill(): Promise<boolean> {
    const chunk = await this.#stream.read();
    if (chunk === undefined) return false;
    if (this.#buffer.length === 0) this.#buffer = chunk;
    else {
      const joined = new Uint8Array(this.#buffer.length + chunk.length);
      joined.set(this.#buffer);
      joined.set(chunk, this.#buffer.length);
      this.#buffer = joined;
    }
    return true;
  }
}

/** Yields the body as it arrives. @throws {BadRequest} on bad chunks or an early end */
export async function* readBody(input: Input, framing: BodyFraming): AsyncGenerator<Uint8Array> {
  if (framing.kind === "length") yield* readLength(input, framing.bytes);
  if (framing.kind !== "chunked") return;
  for (;;) {
    const size = await readChunkSize(input);
    if (size === 0) return await skipTrailers(input);
    yield* readLength(input, size);
    if (await readLine(input, 2) !== "") throw new BadRequest(400, "malformed chunk");
  }
}

async function* readLength(input: Input, bytes: number): AsyncGenerator<Uint8Array> {
  let left = bytes;
  while (left > 0) {
    if (input.buffer.length === 0 && !await input.fill()) {
      throw new BadRequest(400, "body ended early");
    }
    const taken = input.take(Math.min(left, input.buffer.length));
    left -= taken.length;
    yield taken;
  }
}

async function readChunkSize(input: Input): Promise<number> {
  const line = await readLine(input, MAX_CHUNK_LINE);
  const match = /^([0-9a-fA-F]{1,8})[ \t]*(;[\t\u0020-\u007e]*)?$/.exec(line);
  if (match === null) throw new BadRequest(400, "malformed chunk size");
  return parseInt(match[1] ?? "", 16);
}

async function skipTrailers(input: Input): Promise<void> {
  let left = MAX_TRAILER_BYTES;
  for (;;) {
    const line = await readLine(input, left);
    if (line === "") return;
    left -= line.length + 2;
  }
}

async function readLine(input: Input, maxBytes: number): Promise<string> {
  for (;;) {
    const end = input.buffer.indexOf(10);
    if (end > maxBytes || (end < 0 && input.buffer.length > maxBytes)) {
      throw new BadRequest(400, "line too long in chunked body");
    }
    if (end >= 0) {
      const line = String.fromCharCode(...input.take(end + 1));
      if (!line.endsWith("\r\n")) throw new BadRequest(400, "malformed line in chunked body");
      return line.slice(0, -2);
    }
    if (!await input.fill()) throw new BadRequest(400, "body ended early");
  }
}
