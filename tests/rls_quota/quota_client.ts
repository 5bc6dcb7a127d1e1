// SPDX-License-Identifier: Apache-2.0
/**
 * A client of the quota service that reports what a test says, for many of them at once.
 * @module
 */
import { connectGrpc, type GrpcClient } from "@denvoy/grpc";
import { serviceMethods } from "@denvoy/proto";

const { StreamRateLimitQuotas } = serviceMethods(
  "envoy.service.rate_limit_quota.v3.RateLimitQuotaService",
);

/** One Envoy's bucket `{plan: gold}` of the domain `shop`, reported five times a second. */
export class QuotaClient implements AsyncDisposable {
  /** Requests a second that it says it gets. */
  demand: number;
  /** Requests a second that it may let pass, as it was told last. */
  rate = 0;
  /** What ended its stream. */
  error: unknown;
  readonly #client: GrpcClient;
  readonly #stop = new AbortController();
  readonly #reading: Promise<void>;

  /** Connects to `host:port`. */
  constructor(address: string, { node, demand }: {
    readonly node: string;
    readonly demand: number;
  }) {
    this.demand = demand;
    this.#client = connectGrpc({ address });
    this.#reading = this.#read(node);
  }

  /** Disconnects. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#reading;
    await this.#client.close();
  }

  async #read(node: string): Promise<void> {
    const { signal } = this.#stop;
    const metadata = new Map([["x-node-id", [node]]]);
    try {
      const options = { metadata, signal };
      const responses = this.#client.bidiStream(StreamRateLimitQuotas, this.#reports(), options);
      for await (const { bucketAction } of responses) {
        for (const { quotaAssignmentAction: action } of bucketAction ?? []) {
          const bucket = action?.rateLimitStrategy?.tokenBucket;
          const seconds = bucket?.fillInterval?.seconds ?? 1;
          this.rate = (bucket?.tokensPerFill?.value ?? 0) / seconds;
        }
      }
    } catch (error) {
      if (!signal.aborted) this.error = error;
    }
  }

  async *#reports() {
    const { signal } = this.#stop;
    const bucketId = { bucket: { plan: "gold" } };
    let atMs = performance.now();
    while (!signal.aborted) {
      const elapsedMs = performance.now() - atMs;
      atMs += elapsedMs;
      const usage = {
        bucketId,
        timeElapsed: { seconds: 0, nanos: 0 },
        numRequestsAllowed: Math.max(1, Math.round(this.demand * elapsedMs / 1000)),
        numRequestsDenied: 0,
      };
      yield { domain: "shop", bucketQuotaUsages: [usage] };
      await pause(200, signal);
    }
  }
}

/** Resolves after a while, or as soon as the signal fires. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
