// SPDX-License-Identifier: Apache-2.0
/**
 * A call with a stream on one side or both: runs the handler at the pace of its peer.
 * @module
 */
import type { BidiStreamHandler, ClientStreamHandler, ServerStreamHandler } from "../port.ts";
import { RequestStream } from "./request_stream.ts";
import { ServerCall } from "./server_call.ts";
import { SingleMessage } from "./single_message.ts";

/** See the module. */
export class StreamingCall extends ServerCall {
  #requests: RequestStream | undefined = undefined;
  #message: SingleMessage | undefined = undefined;
  #responses: AsyncIterator<unknown> | undefined = undefined;
  #taken: (() => void) | undefined = undefined;

  /** Starts the handler, unless its one request has yet to come. */
  start(): void {
    const { kind } = this.head.method.definition;
    if (kind === "server-stream") {
      this.#message = new SingleMessage(this.stream, this.surroundings);
      return;
    }
    const requests = this.#openRequests();
    if (kind === "client-stream") this.#watch(() => this.#collect(requests));
    else {
      const answer = this.head.method.handler as BidiStreamHandler<unknown, unknown>;
      this.#watch(() => this.#sendAll(answer(requests, this)));
    }
  }

  /** See {@linkcode ServerCall}. */
  data(bytes: Uint8Array, last: boolean): void {
    if (this.over) return;
    if (this.#requests !== undefined) return this.#requests.push(bytes, last);
    try {
      this.#message?.push(bytes);
      if (last) this.#expand(this.#message?.only());
    } catch (error) {
      this.fail(error);
    }
  }

  /** See {@linkcode ServerCall}. */
  drained(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  /** See {@linkcode ServerCall}. */
  protected released(): void {
    this.#message?.release();
    this.#requests?.end();
    this.drained();
    this.#returnResponses();
  }

  #openRequests(): RequestStream {
    this.#requests = new RequestStream({
      stream: this.stream,
      surroundings: this.surroundings,
      decode: (message) => this.decode(message),
      onFault: (status) => this.abort(status),
    });
    return this.#requests;
  }

  #expand(message: ReturnType<SingleMessage["only"]> | undefined): void {
    if (message === undefined) return;
    const request = this.decode(message);
    this.#message?.release();
    const answer = this.head.method.handler as ServerStreamHandler<unknown, unknown>;
    this.#watch(() => this.#sendAll(answer(request, this)));
  }

  /** Runs `work` and ends the call with what it throws. */
  async #watch(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.fail(error);
    }
  }

  async #collect(requests: RequestStream): Promise<void> {
    const answer = this.head.method.handler as ClientStreamHandler<unknown, unknown>;
    this.sendOnly(await answer(requests, this));
  }

  async #sendAll(responses: AsyncIterable<unknown>): Promise<void> {
    const iterator = responses[Symbol.asyncIterator]();
    this.#responses = iterator;
    while (!this.over) {
      const { done, value } = await iterator.next();
      if (done) this.#responses = undefined;
      if (done || this.over) break;
      if (!this.sendOne(value)) await this.#whenTaken();
    }
    if (this.over) this.#returnResponses();
    else this.sendOk();
  }

  #whenTaken(): Promise<void> {
    return new Promise((resolve) => this.#taken = resolve);
  }

  /** Tells a handler that is still in its stream that nobody reads on. */
  async #returnResponses(): Promise<void> {
    const responses = this.#responses;
    this.#responses = undefined;
    try {
      await responses?.return?.();
    } catch (error) {
      this.surroundings.logger.debug("handler failed after its call was over", { error });
    }
  }
}
