// SPDX-License-Identifier: Apache-2.0
/**
 * One HTTP connection: reads a request, has it answered, writes the answer, and again. Every wait
 * for the peer has a deadline, which the server's sweep enforces by closing the connection.
 * @module
 */
import type { ByteStream } from "./byte_stream.ts";
import { Input, readBody } from "./input.ts";
import type { HttpHandler, HttpLimits, HttpRequest, HttpResponse } from "./message.ts";
import {
  BadRequest,
  findHeadEnd,
  MAX_HEAD_BYTES,
  parseHead,
  type RequestHead,
} from "./request_head.ts";
import { chunk, LAST_CHUNK, responseHead } from "./response_head.ts";

/** What a connection needs from its server. */
export interface ConnectionOptions {
  /** Answers requests. */
  readonly handler: HttpHandler;
  /** Bounds on its waits. */
  readonly limits: HttpLimits;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Wall clock, for the `date` header. */
  readonly dateMs: () => number;
  /** Whether the connection is encrypted. */
  readonly secure: boolean;
  /** Fires when the server drains. */
  readonly draining: AbortSignal;
}

const CONTINUE = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n");
const MAX_DISCARD_BYTES = 262_144;
const LINGER_MS = 2_000;
// Small enough that a slow but living reader takes each within the stall timeout.
const WRITE_BYTES = 65_536;

/** One connection. Its state is what the server's sweep and drain look at. */
export class Connection {
  /** `idle` waits for a request, `head` reads its head, `busy` answers it. */
  state: "idle" | "head" | "busy" = "idle";
  /** Moment of the last change of state. */
  sinceMs: number;
  readonly #stream: ByteStream;
  readonly #input: Input;
  readonly #options: ConnectionOptions;
  readonly #gone = new AbortController();
  #closed = false;
  #onClose: () => void = () => {};
  #deadlineMs: number;

  /** The clock of its first head starts now. */
  constructor(stream: ByteStream, options: ConnectionOptions) {
    this.#stream = stream;
    this.#input = new Input(stream);
    this.#options = options;
    this.sinceMs = options.nowMs();
    this.#deadlineMs = this.sinceMs + options.limits.headTimeoutMs;
  }

  /** Serves requests until the connection is over. Never rejects. */
  async run(): Promise<void> {
    try {
      while (await this.#serveOne());
    } catch {
      // The peer broke off, or was too slow: its own affair.
    } finally {
      this.close();
    }
  }

  /** Closes the connection if its peer has kept it waiting too long. */
  sweep(nowMs: number): void {
    if (nowMs >= this.#deadlineMs) this.close();
  }

  /** Closes at once and tells whoever is answering. */
  close(): void {
    this.#stream.close();
    this.#closed = true;
    this.#onClose();
    if (!this.#gone.signal.aborted) this.#gone.abort();
  }

  async #serveOne(): Promise<boolean> {
    let head: RequestHead | undefined;
    try {
      head = await this.#readHead();
      if (head === undefined) return false;
    } catch (error) {
      if (error instanceof BadRequest) await this.#refuse(error);
      return false;
    }
    this.state = "busy";
    this.#deadlineMs = Infinity;
    const body = new RequestBody(this.#bodyOf(head), head.framing.kind === "none");
    const response = await this.#answer(this.#requestOf(head, body));
    if (response === undefined) return false;
    const keepAlive = await this.#respond(head, response, body).finally(() => letGo(response));
    this.#deadlineMs = this.#options.nowMs() + this.#options.limits.stallTimeoutMs;
    if (keepAlive && await this.#discard(body)) return this.#becomeIdle();
    await this.#linger();
    return false;
  }

  #becomeIdle(): boolean {
    this.state = "idle";
    this.sinceMs = this.#options.nowMs();
    this.#deadlineMs = this.sinceMs + this.#options.limits.idleTimeoutMs;
    return !this.#options.draining.aborted;
  }

  async #readHead(): Promise<RequestHead | undefined> {
    let searched = 0;
    for (;;) {
      const { buffer } = this.#input;
      if (buffer.length > 0 && this.state === "idle") this.#beginHead();
      const end = findHeadEnd(buffer, searched);
      if (end > MAX_HEAD_BYTES || (end < 0 && buffer.length > MAX_HEAD_BYTES)) {
        throw new BadRequest(431, `request head of more than ${MAX_HEAD_BYTES} bytes`);
      }
      if (end >= 0) return parseHead(this.#input.take(end));
      searched = buffer.length;
      if (!await this.#input.fill()) return undefined;
    }
  }

  #beginHead(): void {
    this.state = "head";
    this.sinceMs = this.#options.nowMs();
    this.#deadlineMs = this.sinceMs + this.#options.limits.headTimeoutMs;
  }

  #requestOf(head: RequestHead, body: RequestBody): HttpRequest {
    const { method, target, host, headers } = head;
    if (head.framing.kind === "none") this.#watchForEnd();
    else body.onDone = () => this.#watchForEnd();
    return {
      method,
      target,
      host,
      headers,
      body,
      peerAddress: this.#stream.peerAddress,
      certificate: this.#stream.certificate,
      secure: this.#options.secure,
      signal: this.#gone.signal,
      draining: this.#options.draining,
    };
  }

  /** While the answer is made, the peer going away is only seen by reading on. */
  #watchForEnd(): void {
    if (this.#input.buffer.length >= MAX_HEAD_BYTES) return;
    this.#input.fill().then((more) => {
      if (!more && !this.#gone.signal.aborted) this.#gone.abort();
    }, () => this.close());
  }

  async *#bodyOf(head: RequestHead): AsyncGenerator<Uint8Array> {
    const { limits, nowMs } = this.#options;
    if (head.expectsContinue && head.framing.kind !== "none") await this.#write(CONTINUE);
    const endMs = nowMs() + limits.bodyTimeoutMs;
    this.#deadlineMs = Math.min(endMs, nowMs() + limits.stallTimeoutMs);
    for await (const part of readBody(this.#input, head.framing)) {
      this.#deadlineMs = Infinity;
      yield part;
      this.#deadlineMs = Math.min(endMs, nowMs() + limits.stallTimeoutMs);
    }
    this.#deadlineMs = Infinity;
  }

  /** Undefined when the connection was closed first: a handler that hangs must not hold it. */
  async #answer(request: HttpRequest): Promise<HttpResponse | undefined> {
    try {
      const answer = this.#options.handler(request);
      const response = await this.#unlessClosed(answer);
      if (response === undefined) answer.then(letGo, () => {});
      return response;
    } catch {
      return { status: 500, headers: {} };
    }
  }

  async #respond(
    head: RequestHead,
    response: HttpResponse,
    body: RequestBody,
  ): Promise<boolean> {
    const parts = response.body;
    const streamed = parts !== undefined && !(parts instanceof Uint8Array);
    const endsByClosing = streamed && head.version === "1.0";
    // A client that waits for 100 Continue and gets an answer instead may or may not send its body.
    const unread = head.expectsContinue && !body.started;
    const keepAlive = head.keepAlive && !endsByClosing && !unread && !body.failed &&
      !this.#options.draining.aborted;
    const framing = streamed ? endsByClosing ? "close" : "chunked" : parts?.length ?? 0;
    const dateMs = this.#options.dateMs();
    const start = responseHead(response, { framing, keepAlive, dateMs });
    const bodiless = head.method === "HEAD" || response.status === 204 || response.status === 304;
    if (!streamed) {
      await this.#write(bodiless ? start : join(start, parts));
      return keepAlive;
    }
    await this.#write(start);
    const encode = endsByClosing ? (part: Uint8Array) => part : chunk;
    if (!bodiless) await this.#writeParts(parts, encode);
    if (!bodiless && !endsByClosing) await this.#write(LAST_CHUNK);
    return keepAlive;
  }

  async #writeParts(
    parts: AsyncIterable<Uint8Array>,
    encode: (part: Uint8Array) => Uint8Array,
  ): Promise<void> {
    const iterator = parts[Symbol.asyncIterator]();
    for (;;) {
      const next = await this.#unlessClosed(iterator.next());
      if (next === undefined) throw new Error("connection closed");
      if (next.done) return;
      if (next.value.length > 0) await this.#write(encode(next.value));
    }
  }

  /** A race against one long-lived promise would keep a reaction per call for as long as it lives. */
  #unlessClosed<T>(promise: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#onClose = () => resolve(undefined);
      if (this.#closed) resolve(undefined);
      promise.then(resolve, reject);
    });
  }

  async #refuse(error: BadRequest): Promise<void> {
    const body = new TextEncoder().encode(
      JSON.stringify({ error: { code: "INVALID_ARGUMENT", message: error.message } }) + "\n",
    );
    const headers = { "content-type": "application/json" };
    const dateMs = this.#options.dateMs();
    const start = responseHead({ status: error.status, headers }, {
      framing: body.length,
      keepAlive: false,
      dateMs,
    });
    await this.#write(join(start, body));
    await this.#linger();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length; offset += WRITE_BYTES) {
      this.#deadlineMs = this.#options.nowMs() + this.#options.limits.stallTimeoutMs;
      await this.#stream.write(bytes.subarray(offset, offset + WRITE_BYTES));
    }
    this.#deadlineMs = Infinity;
  }

  /** Reads what is left of a body that nobody wanted; false when it is too much. */
  async #discard(body: RequestBody): Promise<boolean> {
    if (body.done) return true;
    let left = MAX_DISCARD_BYTES;
    for await (const part of body) {
      left -= part.length;
      if (left < 0) return false;
    }
    return true;
  }

  /** Closing with bytes unread would reset the connection, and the peer could lose the answer. */
  async #linger(): Promise<void> {
    this.#deadlineMs = this.#options.nowMs() + LINGER_MS;
    await this.#stream.end();
    let left = MAX_DISCARD_BYTES;
    while (left > 0 && await this.#input.fill()) {
      left -= this.#input.take(this.#input.buffer.length).length;
    }
  }
}

/** A body that remembers how far it was read. */
class RequestBody implements AsyncIterable<Uint8Array> {
  started = false;
  failed = false;
  done: boolean;
  onDone: () => void = () => {};
  readonly #parts: AsyncGenerator<Uint8Array>;

  constructor(parts: AsyncGenerator<Uint8Array>, empty: boolean) {
    this.#parts = parts;
    this.done = empty;
  }

  /** Ending the loop early leaves the rest of the body to be discarded. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.#next() };
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    if (this.done) return { done: true, value: undefined };
    this.started = true;
    try {
      const result = await this.#parts.next();
      if (result.done) {
        this.done = true;
        this.onDone();
      }
      return result;
    } catch (error) {
      this.failed = true;
      throw error;
    }
  }
}

/** Ends what produces a body. Not awaited: what hangs in `next` would hang here too. */
function letGo(response: HttpResponse): void {
  const { body } = response;
  if (body === undefined || body instanceof Uint8Array) return;
  body[Symbol.asyncIterator]().return?.().catch(() => {});
}

function join(start: Uint8Array, rest: Uint8Array | undefined): Uint8Array {
  if (rest === undefined || rest.length === 0) return start;
  const joined = new Uint8Array(start.length + rest.length);
  joined.set(start);
  joined.set(rest, start.length);
  return joined;
}
