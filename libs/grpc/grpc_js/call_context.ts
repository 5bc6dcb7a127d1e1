// SPDX-License-Identifier: Apache-2.0
/**
 * What a handler on grpc-js knows of its call. Made for every call, so what most handlers never ask
 * for (metadata as a map, the signal) is made when asked for.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import { Metadata as GrpcMetadata } from "@grpc/grpc-js";
import type { CallContext, Metadata, Peer } from "../port.ts";
import { addEntry, fromGrpcMetadata } from "./metadata.ts";

/** What a context is made of. */
export interface CallContextOptions {
  /** The other end. */
  readonly peer: Peer;
  /** Headers as grpc-js has them. */
  readonly headers: GrpcMetadata;
  /** Moment in ms since epoch; `Infinity` for none. */
  readonly deadlineMs: number;
}

/** The context of one call. */
export class GrpcJsCallContext implements CallContext {
  /** The other end. */
  readonly peer: Peer;
  /** See {@linkcode CallContext.deadlineMs}. */
  readonly deadlineMs?: number;
  readonly #received: GrpcMetadata;
  #metadata?: Metadata;
  #controller?: AbortController;
  #abortReason?: StatusError;
  #headers?: GrpcMetadata;
  #headersTaken = false;
  #trailers?: GrpcMetadata;

  /** The call starts with it. */
  constructor(options: CallContextOptions) {
    this.peer = options.peer;
    this.#received = options.headers;
    if (Number.isFinite(options.deadlineMs)) this.deadlineMs = options.deadlineMs;
  }

  /** Headers of the request. */
  get metadata(): Metadata {
    this.#metadata ??= fromGrpcMetadata(this.#received);
    return this.#metadata;
  }

  /** Fires when the call is over. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  /** Adds a header; throws once they are sent. */
  setHeader(name: string, value: string | Uint8Array): void {
    if (this.#headersTaken) {
      throw new StatusError(
        StatusCode.INTERNAL,
        `cannot set header ${name} as it must come before the first message: headers are sent`,
      );
    }
    this.#headers ??= new GrpcMetadata();
    addEntry(this.#headers, name, value);
  }

  /** Adds a trailer; too late after the end, where it does nothing. */
  setTrailer(name: string, value: string | Uint8Array): void {
    this.#trailers ??= new GrpcMetadata();
    addEntry(this.#trailers, name, value);
  }

  /** Does nothing: grpc-js has no compression of responses. */
  compressResponses(): void {}

  /** Returns the headers to send, once; `undefined` when there are none or they were taken. */
  takeHeaders(): GrpcMetadata | undefined {
    if (this.#headersTaken) return undefined;
    this.#headersTaken = true;
    return this.#headers;
  }

  /** The trailers to send. */
  get trailers(): GrpcMetadata | undefined {
    return this.#trailers;
  }

  /** Fires the signal; later calls do nothing. */
  end(reason: StatusError): void {
    this.#abortReason ??= reason;
    this.#controller?.abort(reason);
  }
}
