// SPDX-License-Identifier: Apache-2.0
/**
 * One aggregated Delta or SotW stream, under the control of a test: nothing is answered by itself.
 * @module
 */
import type { StatusError } from "@denvoy/base";
import type { GrpcClient, MethodDefinition } from "@denvoy/grpc";
import { type Init, messageCodec } from "@denvoy/proto";
import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  DiscoveryRequest,
  DiscoveryResponse,
} from "@denvoy/proto/messages";
import { eventually } from "../support/mod.ts";

/** What these tests send and read of Delta. */
export const deltaMethod: MethodDefinition<Init<DeltaDiscoveryRequest>, DeltaDiscoveryResponse> = {
  service: "envoy.service.discovery.v3.AggregatedDiscoveryService",
  method: "DeltaAggregatedResources",
  kind: "bidi-stream",
  request: messageCodec("envoy.service.discovery.v3.DeltaDiscoveryRequest"),
  response: messageCodec("envoy.service.discovery.v3.DeltaDiscoveryResponse"),
};

/** What these tests send and read of SotW. */
export const sotwMethod: MethodDefinition<Init<DiscoveryRequest>, DiscoveryResponse> = {
  service: "envoy.service.discovery.v3.AggregatedDiscoveryService",
  method: "StreamAggregatedResources",
  kind: "bidi-stream",
  request: messageCodec("envoy.service.discovery.v3.DiscoveryRequest"),
  response: messageCodec("envoy.service.discovery.v3.DiscoveryResponse"),
};

/** A node that says who it is. */
export const testNode = { id: "fault-node", cluster: "faults" };

/** Both kinds of response have what these tests look at. */
type AnyResponse = DeltaDiscoveryResponse | DiscoveryResponse;

/** A stream with its requests and responses. Disposing it cancels the call. */
export class XdsStream<Request, Response extends AnyResponse> implements AsyncDisposable {
  /** All responses so far. */
  readonly responses: Response[] = [];
  readonly #outgoing = new Outgoing<Request>();
  readonly #stop = new AbortController();
  readonly #reading: Promise<void>;
  #error: StatusError | undefined;
  #ended = false;

  /** Opens a stream; nothing is asked for yet. */
  constructor(client: GrpcClient, method: MethodDefinition<Request, Response>) {
    const { signal } = this.#stop;
    this.#reading = this.#read(client.bidiStream(method, this.#outgoing, { signal }));
  }

  /** Opens a Delta stream. */
  static delta(client: GrpcClient): DeltaStream {
    return new XdsStream(client, deltaMethod);
  }

  /** Opens a SotW stream. */
  static sotw(client: GrpcClient): SotwStream {
    return new XdsStream(client, sotwMethod);
  }

  /** Whether the server has ended it, and with which error if so. */
  get end(): { readonly error: StatusError | undefined } | undefined {
    return this.#ended ? { error: this.#error } : undefined;
  }

  /** Sends a request, behind those that have not left yet. */
  send(request: Request): void {
    this.#outgoing.push(request);
  }

  /** Waits for the response with that index, from 0. */
  async response(index: number, withinMs = 20_000): Promise<Response> {
    return await eventually(() => this.responses[index], {
      what: `response ${index}`,
      withinMs,
      detail: () => `${this.responses.length} came; ${this.#error ?? "the stream is open"}`,
    });
  }

  /** Waits for the error that the server ends the stream with. */
  async failure(): Promise<StatusError> {
    return await eventually(() => this.#error, { what: "the stream to fail", withinMs: 20_000 });
  }

  /** Cancels the call. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#outgoing.end();
    await this.#reading;
  }

  async #read(responses: AsyncIterable<Response>): Promise<void> {
    try {
      for await (const response of responses) this.responses.push(response);
    } catch (error) {
      this.#error = error as StatusError;
    }
    this.#ended = true;
  }
}

/** A Delta stream. */
export type DeltaStream = XdsStream<Init<DeltaDiscoveryRequest>, DeltaDiscoveryResponse>;
/** A SotW stream. */
export type SotwStream = XdsStream<Init<DiscoveryRequest>, DiscoveryResponse>;

/** Requests that wait until the transport takes them. */
class Outgoing<T> implements AsyncIterable<T> {
  readonly #waiting: T[] = [];
  #wake: () => void = () => {};
  #ended = false;

  push(item: T): void {
    this.#waiting.push(item);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    while (!this.#ended) {
      const next = this.#waiting.shift();
      if (next !== undefined) yield next;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}
