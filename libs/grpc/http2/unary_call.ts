// SPDX-License-Identifier: Apache-2.0
/**
 * A call with one request message and one response message. The common one lies whole in one DATA
 * frame and is answered by a handler that does not wait: such a call runs within the read that
 * brought it.
 * @module
 */
import type { UnaryHandler } from "../port.ts";
import { wholeMessage } from "./message_buffer.ts";
import { ServerCall } from "./server_call.ts";
import { SingleMessage } from "./single_message.ts";

/** See the module. */
export class UnaryCall extends ServerCall {
  #message: SingleMessage | undefined = undefined;

  /** See {@linkcode ServerCall}. */
  data(bytes: Uint8Array, last: boolean): void {
    if (this.over) return;
    try {
      const request = this.#take(bytes, last);
      if (last) this.#run(request);
    } catch (error) {
      this.fail(error);
    }
  }

  /** See {@linkcode ServerCall}. */
  drained(): void {}

  /** See {@linkcode ServerCall}. */
  protected released(): void {
    this.#message?.release();
  }

  /** Runs the handler, or lets a batch do so; called once, with the decoded request. */
  protected run(request: unknown): void {
    const handler = this.head.method.handler as UnaryHandler<unknown, unknown>;
    this.settle(handler(request, this));
  }

  /** Takes what a handler returned. */
  settle(result: unknown): void {
    if (!(result instanceof Promise)) return this.sendOnly(result);
    result.then((message) => this.#complete(message), (error) => this.fail(error));
  }

  #complete(message: unknown): void {
    try {
      this.sendOnly(message);
    } catch (error) {
      this.fail(error);
    }
  }

  #run(request: unknown): void {
    const { deadlineMs } = this;
    if (deadlineMs !== undefined && this.head.timeoutMs === 0) return this.expire();
    this.run(request);
  }

  #take(bytes: Uint8Array, last: boolean): unknown {
    if (last && this.#message === undefined) {
      const whole = wholeMessage(bytes, this.surroundings.maxMessageBytes);
      if (whole !== undefined) return this.decode({ compressed: false, bytes: whole });
    }
    this.#message ??= new SingleMessage(this.stream, this.surroundings);
    this.#message.push(bytes);
    return last ? this.decode(this.#message.only()) : undefined;
  }
}
