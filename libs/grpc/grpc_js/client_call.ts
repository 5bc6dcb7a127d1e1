// SPDX-License-Identifier: Apache-2.0
/**
 * One call of the client, on the call interface under grpc-js's stream objects: those read ahead
 * whatever their reader does, while this one reads a message only when asked.
 * @module
 */
import { joinBytes, StatusCode, StatusError } from "@denvoy/base";
import type { ChannelInterface, Metadata as GrpcMetadata, StatusObject } from "@grpc/grpc-js";
import type { Buffer } from "node:buffer";
import type { CallOptions, Outgoing } from "../client.ts";
import type { MethodDefinition } from "../port.ts";
import { MessageReader } from "./message_reader.ts";
import { asBuffer, asPlainBytes, fromGrpcMetadata, toGrpcMetadata } from "./metadata.ts";

/** What a call is run with. */
export interface ClientCallOptions extends CallOptions {
  /** The channel that it goes over. */
  readonly channel: ChannelInterface;
  /** Called once when the call is over. */
  readonly onEnd: () => void;
}

/** One call, from its headers to its status. */
export class ClientCall<In, Out> {
  readonly #method: MethodDefinition<In, Out>;
  readonly #options: ClientCallOptions;
  readonly #call: ReturnType<ChannelInterface["createCall"]>;
  readonly #reader: MessageReader<Out>;
  readonly #onAbort = (): void => this.cancel("call was cancelled by its signal");
  #requests: AsyncIterator<In> | Iterator<In> | undefined;
  #releaseWriter: (() => void) | undefined;
  #over = false;

  /** Starts the call: its headers leave at once. */
  constructor(method: MethodDefinition<In, Out>, options: ClientCallOptions) {
    this.#method = method;
    this.#options = options;
    const deadline = options.timeoutMs === undefined ? Infinity : Date.now() + options.timeoutMs;
    const path = `/${method.service}/${method.method}`;
    const metadata = toGrpcMetadata(options.metadata);
    this.#call = options.channel.createCall(path, deadline, undefined, null, undefined);
    this.#reader = new MessageReader(() => this.#call.startRead());
    this.#call.start(metadata, {
      onReceiveMetadata: (headers: GrpcMetadata) =>
        this.#options.onHeaders?.(fromGrpcMetadata(headers)),
      onReceiveMessage: (message: Buffer) => this.#deliver(message),
      onReceiveStatus: (status) => this.#end(status),
    });
    if (options.signal?.aborted) this.#onAbort();
    options.signal?.addEventListener("abort", this.#onAbort);
  }

  /** Sends the messages, each when the one before has left, and then half-closes. */
  send(requests: Outgoing<In>): this {
    this.#sendAll(requests);
    return this;
  }

  /** Ends the call from this side; it fails with CANCELLED. */
  cancel(reason: string): void {
    this.#call.cancelWithStatus(StatusCode.CANCELLED as number, reason);
  }

  /** Returns the one response. */
  async readSingle(): Promise<Out> {
    const first = await this.#reader.next();
    if (first.done) throw this.#cardinality("none");
    const second = await this.#reader.next();
    if (second.done) return first.value;
    const error = this.#cardinality("more than one");
    this.cancel(error.message);
    throw error;
  }

  /** Returns the responses; leaving the iteration cancels the call. */
  responses(): AsyncIterableIterator<Out> {
    return {
      next: () => this.#reader.next(),
      return: () => {
        if (!this.#over) this.cancel("responses are no longer read");
        return this.#reader.return();
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #cardinality(count: string): StatusError {
    return new StatusError(
      StatusCode.INTERNAL,
      `cannot read response as it must be exactly one message: got ${count}`,
    );
  }

  async #sendAll(requests: Outgoing<In>): Promise<void> {
    try {
      const iterator = Symbol.asyncIterator in requests
        ? requests[Symbol.asyncIterator]()
        : requests[Symbol.iterator]();
      this.#requests = iterator;
      while (!this.#over) {
        const { done, value } = await iterator.next();
        if (done || this.#over) break;
        await this.#send(value);
      }
      if (this.#over) await this.#returnRequests();
      else this.#call.halfClose();
    } catch (error) {
      this.#reader.fail(error);
      this.cancel("requests failed");
    }
  }

  #send(message: In): Promise<void> {
    const bytes = asBuffer(joinBytes(this.#method.request.encode(message)));
    return new Promise((resolve) => {
      this.#releaseWriter = resolve;
      this.#call.sendMessageWithContext({ callback: () => resolve() }, bytes);
    });
  }

  #deliver(message: Buffer): void {
    try {
      this.#reader.deliver(this.#method.response.decode(asPlainBytes(message)));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const status = new StatusError(
        StatusCode.INTERNAL,
        `cannot decode response: ${reason}`,
        { cause: error },
      );
      this.#reader.fail(status);
      this.cancel(status.message);
    }
  }

  #end(status: StatusObject): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#options.onTrailers?.(fromGrpcMetadata(status.metadata));
    if (status.code === StatusCode.OK) this.#reader.end();
    else this.#reader.fail(new StatusError(asStatusCode(status.code), status.details));
    this.#releaseWriter?.();
    this.#returnRequests().catch(() => {});
    this.#options.onEnd();
  }

  /** Tells who makes the requests that nobody sends them any more. */
  async #returnRequests(): Promise<void> {
    const requests = this.#requests;
    this.#requests = undefined;
    await requests?.return?.();
  }
}

/** gRPC: a code that is not defined counts as UNKNOWN. */
function asStatusCode(code: number): StatusCode {
  const defined = Object.values(StatusCode).find((known) => known === code);
  return defined ?? StatusCode.UNKNOWN;
}
