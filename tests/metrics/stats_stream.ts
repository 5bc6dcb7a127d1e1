// SPDX-License-Identifier: Apache-2.0
/**
 * One stream of MetricsService as an Envoy has it, which flushes when it is told.
 * @module
 */
import type { Bytes } from "@denvoy/base";
import { connectGrpc, rawCodec } from "@denvoy/grpc";
import { encodeFlush, type TestFlush } from "@denvoy/metrics/testing";

/** A stream of one node. Disposing it ends it. */
export class StatsStream implements AsyncDisposable {
  readonly #id: string;
  readonly #client;
  readonly #queue: Uint8Array[] = [];
  readonly #over: Promise<unknown>;
  #wake: () => void = () => {};
  #isFirst = true;
  #ended = false;

  /** Opens it; `id` is that of its node. */
  constructor(address: string, id: string) {
    this.#id = id;
    this.#client = connectGrpc({ address });
    const method = {
      service: "envoy.service.metrics.v3.MetricsService",
      method: "StreamMetrics",
      ...{ kind: "client-stream" as const, request: rawCodec, response: rawCodec },
    };
    // A server that is killed breaks it.
    this.#over = this.#client.clientStream<Bytes, Bytes>(method, this.#messages()).catch(() => {});
  }

  /** Flushes after what was flushed before. */
  flush(flush: TestFlush): void {
    const identifier = this.#isFirst ? { id: this.#id } : {};
    this.#isFirst = false;
    this.#queue.push(encodeFlush(flush, Date.now(), identifier));
    this.#wake();
  }

  /** Ends the stream; what was flushed is sent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#wake();
    await this.#over;
    this.#client.close();
  }

  async *#messages(): AsyncGenerator<Bytes> {
    for (;;) {
      const next = this.#queue.shift();
      if (next !== undefined) yield next;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}
