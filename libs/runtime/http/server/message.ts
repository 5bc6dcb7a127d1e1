// SPDX-License-Identifier: Apache-2.0
/**
 * Requests and responses between the HTTP server and whoever answers.
 * @module
 */
import type { PeerCertificate } from "./byte_stream.ts";
import type { HeaderMap } from "./request_head.ts";

/** A request whose head has arrived. */
export interface HttpRequest {
  /** The method, e.g. `GET`. */
  readonly method: string;
  /** Path and query as sent, e.g. `/v1/nodes?limit=1`. */
  readonly target: string;
  /** Name and port by which the client called, as sent; empty in HTTP/1.0 without it. */
  readonly host: string;
  /** Headers by lower-case name. */
  readonly headers: HeaderMap;
  /** The body as it arrives; it can be read once, and slows the client when it is not read. */
  readonly body: AsyncIterable<Uint8Array>;
  /** `ip:port`, `[ip6]:port` or `unix`. */
  readonly peerAddress: string;
  /** The client's certificate if it showed one that chains to the configured roots. */
  readonly certificate: PeerCertificate | undefined;
  /** Whether the connection is encrypted. */
  readonly secure: boolean;
  /** Fires when nobody waits for the answer any more: client gone, or server closing by force. */
  readonly signal: AbortSignal;
  /** Fires when the server drains: an endless answer ends itself then. */
  readonly draining: AbortSignal;
}

/** The answer to a request. */
export interface HttpResponse {
  /** HTTP status. */
  readonly status: number;
  /** Headers; the server adds date, length and connection handling. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * The body at once, or in parts as they come; the client's pace slows the iteration. The iterator
   * is the same at each call (as a generator's is), and its `return` is always called in the end.
   */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
}

/** Answers requests. What it throws is answered with 500, so it should not. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;

/** Bounds that no client can exceed. */
export interface HttpLimits {
  /** Connections at once; beyond it the longest idle one is closed for a new one. @default 1024 */
  readonly maxConnections: number;
  /** Time for a request's head to arrive. @default 10 s */
  readonly headTimeoutMs: number;
  /** Time without any progress of a body or of a response that the client must read. @default 30 s */
  readonly stallTimeoutMs: number;
  /** Time for a whole request body to arrive. @default 120 s */
  readonly bodyTimeoutMs: number;
  /** Time that a connection may be kept open between requests. @default 60 s */
  readonly idleTimeoutMs: number;
}

/** The defaults of {@linkcode HttpLimits}. */
export const DEFAULT_HTTP_LIMITS: HttpLimits = Object.freeze({
  maxConnections: 1024,
  headTimeoutMs: 10_000,
  stallTimeoutMs: 30_000,
  bodyTimeoutMs: 120_000,
  idleTimeoutMs: 60_000,
});
