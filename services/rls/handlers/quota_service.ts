// SPDX-License-Identifier: Apache-2.0
/**
 * `envoy.service.rate_limit_quota.v3.RateLimitQuotaService`: reports in, assignments out, at the pace
 * of whoever reads them.
 * @module
 */
import type { Clock, Logger } from "@denvoy/base";
import { type CallContext, implement, type MethodImplementation, type Peer } from "@denvoy/grpc";
import { messageCodec } from "@denvoy/proto";
import type { QuotaBook } from "../domain/quota_book.ts";
import type { QuotaClient, QuotaStream } from "../domain/quota_stream.ts";
import {
  type QuotaResponse,
  quotaResponseOf,
  type UsageReports,
  usagesOf,
} from "./quota_message.ts";

/** What serves quotas. */
export interface QuotaServiceParts {
  /** All quotas. */
  readonly book: QuotaBook;
  /** Time. */
  readonly clock: Clock;
  /** Where streams are logged as they come and go. */
  readonly logger: Logger;
  /** Is called when a stream was opened or has taken a report, so that time is kept from then on. */
  readonly onActive: () => void;
}

/** The header by which an Envoy may say what it is called (`initial_metadata` of its gRPC service). */
export const NODE_HEADER = "x-node-id";

/** Most actions in one response: a bucket is about 100 bytes. */
const MAX_ACTIONS = 1000;
/** With so many buckets still to be told no more reports are read. */
const MAX_PENDING = 20_000;
const MAX_NAME = 256;

const SERVICE = "envoy.service.rate_limit_quota.v3.RateLimitQuotaService";
const reports = messageCodec("envoy.service.rate_limit_quota.v3.RateLimitQuotaUsageReports");
const responses = messageCodec("envoy.service.rate_limit_quota.v3.RateLimitQuotaResponse");

/** Returns the RPCs of the service. */
export function quotaMethods(parts: QuotaServiceParts): readonly MethodImplementation[] {
  const response = {
    encode: (message: QuotaResponse) => responses.encode(message),
    decode: refuse,
  };
  const method = {
    service: SERVICE,
    method: "StreamRateLimitQuotas",
    kind: "bidi-stream",
    request: reports,
    response,
  } as const;
  return [
    implement<UsageReports, QuotaResponse>(
      method,
      (requests: AsyncIterable<UsageReports>, context: CallContext) => ({
        [Symbol.asyncIterator]: () => new ResponseIterator(requests, { parts, context }),
      }),
    ),
  ];
}

function refuse(): never {
  throw new TypeError("a server decodes no responses");
}

class ResponseIterator implements AsyncIterator<QuotaResponse, undefined> {
  readonly #requests: AsyncIterable<UsageReports>;
  readonly #parts: QuotaServiceParts;
  readonly #stream: QuotaStream;
  #phase: "new" | "open" | "draining" | "done" = "new";
  #failure: { readonly error: unknown } | undefined;
  #resumeWriter: (() => void) | undefined;
  #resumeReader: (() => void) | undefined;

  constructor(requests: AsyncIterable<UsageReports>, { parts, context }: {
    readonly parts: QuotaServiceParts;
    readonly context: CallContext;
  }) {
    this.#requests = requests;
    this.#parts = parts;
    this.#stream = parts.book.open(clientOf(context), parts.clock.monotonicMs());
    this.#stream.onWake(() => this.#wake());
    const { name: node, address } = this.#stream.client;
    parts.logger.debug("quota stream opened", { node, address });
  }

  async next(): Promise<IteratorResult<QuotaResponse, undefined>> {
    if (this.#phase === "new") {
      this.#phase = "open";
      void this.#read();
    }
    while (this.#phase !== "done") {
      if (this.#failure !== undefined) throw this.#fail(this.#failure.error);
      const actions = this.#stream.pull(this.#parts.clock.monotonicMs(), MAX_ACTIONS);
      this.#resumeReader?.();
      if (actions.length > 0) return { done: false, value: quotaResponseOf(actions) };
      if (this.#phase === "draining" || this.#stream.isEnding) this.#close();
      else await new Promise<void>((resolve) => this.#resumeWriter = resolve);
    }
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<QuotaResponse, undefined>> {
    this.#close();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Never rejects: what goes wrong is thrown to the reader of responses. */
  async #read(): Promise<void> {
    const { clock, onActive } = this.#parts;
    try {
      for await (const message of this.#requests) {
        if (this.#phase === "done") return;
        const report = { domain: message.domain, usages: usagesOf(message) };
        this.#stream.report(report, clock.monotonicMs());
        onActive();
        await this.#room();
      }
      if (this.#phase === "open") this.#phase = "draining";
    } catch (error) {
      this.#failure = { error };
    }
    this.#wake();
  }

  /** One that reports and does not read is not read either. */
  async #room(): Promise<void> {
    while (this.#phase === "open" && this.#stream.pending > MAX_PENDING) {
      await new Promise<void>((resolve) => this.#resumeReader = resolve);
    }
  }

  #wake(): void {
    this.#resumeWriter?.();
    this.#resumeWriter = undefined;
  }

  #fail(error: unknown): unknown {
    this.#close();
    return error;
  }

  #close(): void {
    if (this.#phase === "done") return;
    this.#phase = "done";
    const { client: { name: node, address }, domain, holders } = this.#stream;
    const buckets = holders.size;
    this.#parts.logger.debug("quota stream closed", { node, address, domain, buckets });
    this.#parts.book.close(this.#stream, this.#parts.clock.monotonicMs());
    this.#wake();
    this.#resumeReader?.();
  }
}

function clientOf({ peer, metadata }: CallContext): QuotaClient {
  const [header] = metadata.get(NODE_HEADER) ?? [];
  const name = typeof header === "string" ? header.slice(0, MAX_NAME) : "";
  return {
    name: name || peer.uriSans[0] || peer.address,
    address: peer.address,
    identity: name || hostOf(peer),
  };
}

/** The port is another one when an Envoy comes back. */
function hostOf({ address }: Peer): string {
  return address.startsWith("unix:") ? address : address.slice(0, address.lastIndexOf(":"));
}
