// SPDX-License-Identifier: Apache-2.0
/**
 * What all kinds of calls have in common: the context that a handler sees, made as far as it is
 * looked at; how a call ends; who is told.
 * @module
 */
import { byteLength, type Bytes, type Logger, StatusCode, StatusError } from "@denvoy/base";
import type { CallContext, Metadata, Peer } from "../port.ts";
import type { CallHead } from "./call_head.ts";
import { acceptsGzip, deflate, inflate } from "./compression.ts";
import type { Deadlines, Expiring } from "./deadlines.ts";
import { ErrorCode } from "./error_code.ts";
import type { HeaderPair } from "./hpack_encoder.ts";
import { type FramedMessage, MESSAGE_PREFIX_BYTES } from "./message_buffer.ts";
import { toMetadata, toPair } from "./metadata_codec.ts";
import {
  RESPONSE_BLOCK,
  RESPONSE_PAIRS,
  trailersBlock,
  trailersOnlyBlock,
} from "./response_blocks.ts";
import type { Stream, StreamConsumer } from "./stream.ts";

/** What all calls of a connection share. */
export interface CallSurroundings {
  /** The other end. */
  readonly peer: Peer;
  /** Where failed handlers are logged. */
  readonly logger: Logger;
  /** Where deadlines are kept. */
  readonly deadlines: Deadlines;
  /** Largest request message. */
  readonly maxMessageBytes: number;
  /** Octets of request messages that may wait on one connection. */
  readonly maxBufferedBytes: number;
  /** Octets of request messages that wait on this connection. */
  bufferedBytes: number;
}

/** The head of a request that is a call. */
export type AcceptedHead = Extract<CallHead, { kind: "call" }>;

/** Why the signal of a call fires that ended well, or whose peer went away. */
const CALL_OVER = new StatusError(StatusCode.CANCELLED, "call is over");

const PREFIX = new Uint8Array(MESSAGE_PREFIX_BYTES);

/** Returns the five octets before a message; valid until the next call. */
export function messagePrefix(length: number, compressed: boolean): Uint8Array {
  PREFIX[0] = compressed ? 1 : 0;
  PREFIX[1] = length >>> 24;
  PREFIX[2] = length >>> 16;
  PREFIX[3] = length >>> 8;
  PREFIX[4] = length;
  return PREFIX;
}

/** A call, from its headers to its status. */
export abstract class ServerCall implements CallContext, StreamConsumer, Expiring {
  /** Moment by which the client wants its answer. */
  readonly deadlineMs?: number;
  /** The stream that carries the call. */
  protected readonly stream: Stream;
  /** What it was opened with. */
  protected readonly head: AcceptedHead;
  /** What all calls of the connection share. */
  protected readonly surroundings: CallSurroundings;
  #over = false;
  #headersSent = false;
  #headers: HeaderPair[] | undefined = undefined;
  #trailers: HeaderPair[] | undefined = undefined;
  #metadata: Metadata | undefined = undefined;
  #controller: AbortController | undefined = undefined;
  #reason: StatusError | undefined = undefined;
  #tick = 0;
  /** `declared`: the headers say gzip; each message may be compressed or not. */
  #gzip: "off" | "declared" | "on" = "off";

  /** The call has just been opened. */
  constructor(stream: Stream, head: AcceptedHead, surroundings: CallSurroundings) {
    this.stream = stream;
    this.head = head;
    this.surroundings = surroundings;
    stream.abandonsRequest = true;
    if (head.timeoutMs !== undefined) this.deadlineMs = Date.now() + head.timeoutMs;
  }

  // ---- CallContext ----

  /** See {@linkcode CallContext}. */
  get peer(): Peer {
    return this.surroundings.peer;
  }

  /** See {@linkcode CallContext}. */
  get metadata(): Metadata {
    this.#metadata ??= toMetadata(this.head.fields);
    return this.#metadata;
  }

  /** See {@linkcode CallContext}. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#over) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** See {@linkcode CallContext}. */
  setHeader(name: string, value: string | Uint8Array): void {
    if (this.#headersSent) {
      throw new StatusError(
        StatusCode.INTERNAL,
        `cannot set header ${name} as it must come before the first message: headers are sent`,
      );
    }
    (this.#headers ??= []).push(toPair(name, value));
  }

  /** See {@linkcode CallContext}. */
  setTrailer(name: string, value: string | Uint8Array): void {
    (this.#trailers ??= []).push(toPair(name, value));
  }

  /** See {@linkcode CallContext}. */
  compressResponses(enabled: boolean): void {
    if (this.#gzip === "off") {
      const accepted = this.head.fields.find(({ name }) => name === "grpc-accept-encoding");
      if (!enabled || this.#headersSent || !acceptsGzip(accepted?.value)) return;
      (this.#headers ??= []).push(["grpc-encoding", "gzip"]);
    }
    this.#gzip = enabled ? "on" : "declared";
  }

  // ---- StreamConsumer ----

  /** See {@linkcode StreamConsumer}. */
  abstract data(bytes: Uint8Array, last: boolean): void;

  /** See {@linkcode StreamConsumer}. */
  abstract drained(): void;

  /** See {@linkcode StreamConsumer}: trailers of a request say nothing but that it ends. */
  trailers(): void {
    this.data(new Uint8Array(0), true);
  }

  /** See {@linkcode StreamConsumer}. */
  gone(_code: number): void {
    this.#finish(CALL_OVER);
  }

  // ---- for the kinds of calls ----

  /** Whether the call has ended, for whatever reason. */
  get over(): boolean {
    return this.#over;
  }

  /** Lets go of what the call holds; called once, when it is over. */
  protected abstract released(): void;

  /** From now on the deadline ends the call. Until then nobody works for it. */
  armDeadline(): void {
    const { deadlineMs } = this;
    if (deadlineMs === undefined || this.#over || this.#tick !== 0) return;
    this.#tick = this.surroundings.deadlines.set(this, deadlineMs);
  }

  /** See {@linkcode Expiring}. */
  expire(): void {
    this.#tick = 0;
    this.abort(new StatusError(StatusCode.DEADLINE_EXCEEDED, "deadline exceeded"));
  }

  /** Returns a message as the handler wants it. @throws StatusError */
  protected decode({ compressed, bytes }: FramedMessage): unknown {
    const { encoding, method } = this.head;
    const maxBytes = this.surroundings.maxMessageBytes;
    const plain = compressed ? inflate(bytes, { encoding, maxBytes }) : bytes;
    try {
      return method.definition.request.decode(plain);
    } catch (error) {
      if (error instanceof StatusError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new StatusError(StatusCode.INTERNAL, `cannot decode request: ${reason}`);
    }
  }

  /** Sends the one message of a response, and ends the call well. */
  protected sendOnly(message: unknown): void {
    if (this.#over) return;
    const body = this.#encode(message);
    const lead = messagePrefix(byteLength(body), this.#gzip === "on");
    const trailers = trailersBlock(undefined, this.#trailers);
    if (this.#headers === undefined) {
      this.#headersSent = true;
      this.stream.answer({ headers: RESPONSE_BLOCK, lead, body, trailers });
    } else {
      this.sendHeaders();
      this.stream.sendData(lead, body);
      this.stream.sendEnd(trailers);
    }
    this.#finish(CALL_OVER);
  }

  /** Sends one message of several; false when `drained` will say that it has been taken. */
  protected sendOne(message: unknown): boolean {
    const body = this.#encode(message);
    this.sendHeaders();
    return this.stream.sendData(messagePrefix(byteLength(body), this.#gzip === "on"), body);
  }

  /** Ends the call well. */
  protected sendOk(): void {
    if (this.#over) return;
    this.sendHeaders();
    this.stream.sendEnd(trailersBlock(undefined, this.#trailers));
    this.#finish(CALL_OVER);
  }

  /** Ends the call with what a handler threw. */
  fail(error: unknown): void {
    if (this.#over) {
      this.surroundings.logger.debug("handler failed after its call was over", { error });
      return;
    }
    const status = StatusError.from(error);
    this.#log(status);
    this.abort(status);
  }

  /** Ends the call with a status now, whatever its handler does. */
  abort(status: StatusError): void {
    if (this.#over) return;
    // A message that is partly sent cannot be taken back, and its rest may never be taken.
    if (this.stream.pending !== undefined) this.stream.reset(ErrorCode.CANCEL);
    else if (this.#headersSent || this.#headers !== undefined) {
      this.sendHeaders();
      this.stream.sendEnd(trailersBlock(status, this.#trailers));
    } else this.stream.sendHeaders(trailersOnlyBlock(status, this.#trailers), true);
    this.#finish(status);
  }

  /** Sends the headers unless they are sent. */
  protected sendHeaders(): void {
    if (this.#headersSent) return;
    this.#headersSent = true;
    if (this.#headers === undefined) this.stream.sendHeaders(RESPONSE_BLOCK, false);
    else this.stream.sendHeaderPairs([...RESPONSE_PAIRS, ...this.#headers]);
  }

  #encode(message: unknown): Bytes {
    const body = this.head.method.definition.response.encode(message);
    return this.#gzip === "on" ? deflate(body) : body;
  }

  #finish(reason: StatusError): void {
    if (this.#over) return;
    this.#over = true;
    this.#reason = reason;
    if (this.#tick !== 0) this.surroundings.deadlines.clear(this, this.#tick);
    this.released();
    this.#controller?.abort(reason);
  }

  #log(status: StatusError): void {
    if (status.cause === undefined) return;
    const { service, method } = this.head.method.definition;
    const { logger, peer } = this.surroundings;
    const fields = {
      method: `/${service}/${method}`,
      peer: peer.address,
      code: status.code,
      error: status.cause,
    };
    if (status.code === StatusCode.INTERNAL) logger.error("handler failed", fields);
    else logger.warn("call failed", fields);
  }
}
