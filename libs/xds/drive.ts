// SPDX-License-Identifier: Apache-2.0
/**
 * Joins the requests of one call and a hub into the stream of its responses, at the pace of whoever
 * reads them: what a streaming handler of the gRPC port returns.
 * @module
 */
import type { Bytes } from "@denvoy/base";
import type {
  DeltaDiscoveryRequest,
  DiscoveryNode,
  DiscoveryRequest,
} from "./discovery_request.ts";
import type { ProtocolMode } from "./encoded_resource.ts";
import type { Hub } from "./hub.ts";
import type { HubStream } from "./hub_stream.ts";
import type { TypeUrl } from "./resource.ts";
import type { ResourceView } from "./view.ts";

/** A request whose node is known in more detail than the protocol needs. */
export type RequestOf<N extends DiscoveryNode> =
  & (DiscoveryRequest | DeltaDiscoveryRequest)
  & { readonly node?: N | null | undefined };

/** What a call is served with. */
export interface ServeOptions<N extends DiscoveryNode = DiscoveryNode> {
  /** Where the stream belongs. */
  readonly hub: Hub;
  /** SotW or Delta: told by the RPC. */
  readonly mode: ProtocolMode;
  /** The only type, for services of one type. */
  readonly typeUrl?: TypeUrl;
  /**
   * Returns what the node of the first request sees. A StatusError that it throws ends the call
   * with that status.
   */
  assign(node: N | undefined): ResourceView | Promise<ResourceView>;
  /** Is given the stream once it is open, e.g. to reassign it later. */
  onOpen?(stream: HubStream): void;
  /**
   * Is waited for before the stream sees a request, e.g. while what it names is still being made.
   * What it rejects with ends the call. Returns `undefined` where there is nothing to wait for.
   */
  prepare?(request: RequestOf<N>): Promise<void> | undefined;
}

/**
 * Returns the encoded responses to `requests`. The next one is made when it is asked for, so a
 * reader that stalls holds up only itself. Ends with the StatusError of a client that asks for too
 * much, with the error of `requests` if that fails, and normally once `requests` or the streams of
 * the hub ended and what was due is delivered.
 */
export function serveStream<N extends DiscoveryNode>(
  requests: AsyncIterable<RequestOf<N>>,
  options: ServeOptions<N>,
): AsyncIterable<Bytes> {
  return { [Symbol.asyncIterator]: () => new ResponseIterator(requests, options) };
}

class ResponseIterator<N extends DiscoveryNode> implements AsyncIterator<Bytes, undefined> {
  readonly #requests: AsyncIterable<RequestOf<N>>;
  readonly #options: ServeOptions<N>;
  #stream: HubStream | undefined;
  #phase: "new" | "open" | "draining" | "done" = "new";
  #failure: { readonly error: unknown } | undefined;
  #resume: (() => void) | undefined;

  constructor(
    requests: AsyncIterable<RequestOf<N>>,
    options: ServeOptions<N>,
  ) {
    this.#requests = requests;
    this.#options = options;
  }

  async next(): Promise<IteratorResult<Bytes, undefined>> {
    if (this.#phase === "new") {
      this.#phase = "open";
      void this.#read();
    }
    while (this.#phase !== "done") {
      const error = this.#failure?.error ?? this.#stream?.error;
      if (error !== undefined) throw this.#fail(error);
      const value = this.#stream?.pull();
      if (value !== undefined) return { done: false, value };
      if (this.#phase === "draining" || this.#stream?.isEnding) this.#close();
      else await new Promise<void>((resolve) => this.#resume = resolve);
    }
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<Bytes, undefined>> {
    this.#close();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Never rejects: what goes wrong is thrown to the reader of responses. */
  async #read(): Promise<void> {
    try {
      for await (const request of this.#requests) {
        if (this.#phase === "done") return;
        const stream = this.#stream ?? await this.#open(request.node ?? undefined);
        if (stream === undefined) return;
        const preparing = this.#options.prepare?.(request);
        if (preparing !== undefined) {
          await preparing;
          if (this.#isDone()) return;
        }
        stream.request(request);
        if (stream.error !== undefined) throw stream.error;
        this.#wake();
      }
      if (this.#phase === "open") this.#phase = "draining";
    } catch (error) {
      this.#failure = { error };
    }
    this.#wake();
  }

  async #open(node: N | undefined): Promise<HubStream | undefined> {
    const { hub, mode, typeUrl, onOpen, assign } = this.#options;
    const view = await assign.call(this.#options, node);
    if (this.#phase === "done") return undefined;
    const stream = hub.open({ mode, view, node, ...typeUrl !== undefined && { typeUrl } });
    stream.onWake(() => this.#wake());
    this.#stream = stream;
    onOpen?.call(this.#options, stream);
    return stream;
  }

  /** A method, as the compiler would not believe that the phase changes during a wait. */
  #isDone(): boolean {
    return this.#phase === "done";
  }

  #wake(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  #fail(error: unknown): unknown {
    this.#close();
    return error;
  }

  #close(): void {
    this.#phase = "done";
    this.#stream?.close();
    this.#wake();
  }
}
