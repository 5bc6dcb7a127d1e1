// SPDX-License-Identifier: Apache-2.0
/**
 * Runs one call: drives a handler of the port on grpc-js's interceptor interface, which, unlike its
 * stream objects, reads one message when asked and tells when a written one has left. Nothing here
 * throws into grpc-js, whatever peer or handler do.
 * @module
 */
import { joinBytes, type Logger, StatusCode, StatusError } from "@denvoy/base";
import { Metadata as GrpcMetadata, type ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import type {
  BidiStreamHandler,
  ClientStreamHandler,
  MethodImplementation,
  Peer,
  ServerStreamHandler,
  UnaryHandler,
} from "../port.ts";
import { GrpcJsCallContext } from "./call_context.ts";
import { MessageReader } from "./message_reader.ts";
import { asBuffer, asPlainBytes } from "./metadata.ts";

/** What a call is run with. */
export interface ServerCallOptions {
  /** The method and its handler. */
  readonly implementation: MethodImplementation;
  /** The other end. */
  readonly peer: Peer;
  /** Where a failed handler is logged. */
  readonly logger: Logger;
  /** Called once when the call is over. */
  onEnd(call: ServerCall): void;
}

const callEnded = new StatusError(StatusCode.CANCELLED, "call is over");
const maxTimerMs = 2 ** 31 - 1;

/** One call, from its headers to its status. */
export class ServerCall {
  readonly #call: ServerInterceptingCallInterface;
  readonly #options: ServerCallOptions;
  readonly #requests: MessageReader<unknown>;
  #context: GrpcJsCallContext | undefined;
  #responses: AsyncIterator<unknown> | undefined;
  #releaseWriter: (() => void) | undefined;
  #deadlineTimer: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  /** `call` is not started yet. */
  constructor(call: ServerInterceptingCallInterface, options: ServerCallOptions) {
    this.#call = call;
    this.#options = options;
    this.#requests = new MessageReader(() => call.startRead());
  }

  /** The other end of its connection. */
  get peer(): Peer {
    return this.#options.peer;
  }

  /** Starts the call: the handler runs as soon as the headers are there. */
  start(): void {
    this.#call.start({
      onReceiveMetadata: (headers: GrpcMetadata) => this.#begin(headers),
      onReceiveMessage: (message: Buffer) => this.#deliver(message),
      onReceiveHalfClose: () => this.#requests.end(),
      onCancel: () => this.#finish(callEnded),
    });
    // grpc-js starts nothing, and says nothing, when the stream is gone already.
    if (this.#context === undefined) this.#finish(callEnded);
  }

  /** Ends the call with a status now, whatever its handler does. */
  abort(status: StatusError): void {
    this.#sendStatus(status.code, status.message);
    this.#finish(status);
  }

  #begin(headers: GrpcMetadata): void {
    const deadlineMs = Number(this.#call.getDeadline());
    this.#context = new GrpcJsCallContext({ peer: this.#options.peer, headers, deadlineMs });
    if (Number.isFinite(deadlineMs)) this.#armDeadline(deadlineMs);
    this.#run(this.#context);
  }

  /** grpc-js has its own timer, but with a stalled reader it does not end the handler. */
  #armDeadline(deadlineMs: number): void {
    const status = new StatusError(StatusCode.DEADLINE_EXCEEDED, "deadline exceeded");
    const delayMs = Math.min(Math.max(0, deadlineMs - Date.now()), maxTimerMs);
    this.#deadlineTimer = setTimeout(() => this.abort(status), delayMs);
  }

  async #run(context: GrpcJsCallContext): Promise<void> {
    try {
      await this.#answer(context);
      this.#sendStatus(StatusCode.OK, "");
      this.#finish(callEnded);
    } catch (error) {
      this.#fail(error);
    }
  }

  async #answer(context: GrpcJsCallContext): Promise<void> {
    const { definition, handler } = this.#options.implementation;
    switch (definition.kind) {
      case "unary": {
        const answer = handler as UnaryHandler<unknown, unknown>;
        return this.#sendLast(await answer(await this.#readSingle(), context));
      }
      case "client-stream": {
        const answer = handler as ClientStreamHandler<unknown, unknown>;
        return this.#sendLast(await answer(this.#requests, context));
      }
      case "server-stream": {
        const answer = handler as ServerStreamHandler<unknown, unknown>;
        return this.#sendAll(answer(await this.#readSingle(), context));
      }
      case "bidi-stream": {
        const answer = handler as BidiStreamHandler<unknown, unknown>;
        return this.#sendAll(answer(this.#requests, context));
      }
    }
  }

  /** gRPC status codes: a request that is not exactly one message is UNIMPLEMENTED. */
  async #readSingle(): Promise<unknown> {
    const first = await this.#requests.next();
    const second = await this.#requests.next();
    if (!first.done && second.done) return first.value;
    const count = first.done ? "none" : "more than one";
    throw new StatusError(
      StatusCode.UNIMPLEMENTED,
      `cannot answer as this method takes exactly one request message: got ${count}`,
    );
  }

  #deliver(message: Buffer): void {
    try {
      this.#requests.deliver(
        this.#options.implementation.definition.request.decode(asPlainBytes(message)),
      );
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.abort(new StatusError(StatusCode.INTERNAL, `cannot decode request: ${reason}`));
    }
  }

  async #sendAll(responses: AsyncIterable<unknown>): Promise<void> {
    const iterator = responses[Symbol.asyncIterator]();
    this.#responses = iterator;
    while (!this.#over) {
      const { done, value } = await iterator.next();
      if (done || this.#over) break;
      await this.#send(value);
    }
    if (this.#over) this.#returnResponses();
    this.#responses = undefined;
  }

  /** Resolves when the transport has taken the message, or the call is over. */
  #send(message: unknown): Promise<void> {
    const bytes = this.#encode(message);
    this.#sendHeaders();
    return new Promise((resolve) => {
      this.#releaseWriter = resolve;
      this.#call.sendMessage(bytes, resolve);
    });
  }

  /** Message and status leave together: nothing comes after them that could wait. */
  #sendLast(message: unknown): void {
    const bytes = this.#encode(message);
    if (this.#over) return;
    this.#sendHeaders();
    this.#call.sendMessage(bytes, () => {});
  }

  #encode(message: unknown): Buffer {
    return asBuffer(joinBytes(this.#options.implementation.definition.response.encode(message)));
  }

  #sendHeaders(): void {
    const headers = this.#context?.takeHeaders();
    if (headers !== undefined) this.#call.sendMetadata(headers);
  }

  #fail(error: unknown): void {
    const status = StatusError.from(error);
    if (!this.#over) this.#log(status);
    this.abort(status);
  }

  #log(status: StatusError): void {
    if (status.cause === undefined) return;
    const { service, method } = this.#options.implementation.definition;
    const fields = {
      method: `/${service}/${method}`,
      peer: this.#options.peer.address,
      code: status.code,
      error: status.cause,
    };
    if (status.code === StatusCode.INTERNAL) this.#options.logger.error("handler failed", fields);
    else this.#options.logger.warn("call failed", fields);
  }

  #sendStatus(code: StatusCode, message: string): void {
    if (this.#over) return;
    this.#sendHeaders();
    this.#call.sendStatus({
      code: code as number,
      details: message.toWellFormed(),
      metadata: this.#context?.trailers ?? null,
    });
  }

  #finish(reason: StatusError): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#deadlineTimer);
    this.#requests.end();
    this.#context?.end(reason);
    this.#releaseWriter?.();
    this.#returnResponses();
    this.#options.onEnd(this);
  }

  /** Tells a handler that is still in its stream that nobody reads on. */
  async #returnResponses(): Promise<void> {
    const responses = this.#responses;
    this.#responses = undefined;
    try {
      await responses?.return?.();
    } catch (error) {
      this.#options.logger.debug("handler failed after its call was over", { error });
    }
  }
}
