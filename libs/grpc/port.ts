// SPDX-License-Identifier: Apache-2.0
/**
 * The one gRPC port: what a service hands over (definitions and handlers) and what it gets back (a
 * listening server, or a client). Every adapter behind it passes the same contract suite.
 * @module
 */
import {
  type Bytes,
  type CertificateEnd,
  type ListenAddress,
  type Logger,
  type ShownCertificate,
  StatusCode,
  StatusError,
  type TlsMaterial,
} from "@denvoy/base";

export type { ListenAddress, TlsMaterial } from "@denvoy/base";

/** Turns messages into bytes and back. `decode` throws on bytes that are not such a message. */
export interface Codec<T> {
  /** Returns the encoded message; its chunks may be shared and are never changed by the transport. */
  encode(message: T): Bytes;
  /** Returns the decoded message. The bytes belong to the message from then on. */
  decode(bytes: Uint8Array): T;
}

/** Passes messages through as bytes, for those who decode or encode themselves. */
export const rawCodec: Codec<Bytes> = {
  encode: (bytes) => bytes,
  decode: (bytes) => bytes,
};

/** Which sides of a call are streams. */
export type MethodKind = "unary" | "client-stream" | "server-stream" | "bidi-stream";

/** One RPC of a service. */
export interface MethodDefinition<In, Out> {
  /** Full name of the service, e.g. `envoy.service.discovery.v3.AggregatedDiscoveryService`. */
  readonly service: string;
  /** Name of the RPC, e.g. `StreamAggregatedResources`; the path is `/<service>/<method>`. */
  readonly method: string;
  /** Which sides are streams. */
  readonly kind: MethodKind;
  /** Codec of what the client sends. */
  readonly request: Codec<In>;
  /** Codec of what the server sends. */
  readonly response: Codec<Out>;
}

/** Headers or trailers: lower-case names; a `-bin` name has `Uint8Array` values, others strings. */
export type Metadata = ReadonlyMap<string, readonly (string | Uint8Array)[]>;

/** Who is at the other end of a connection. */
export interface Peer {
  /** `ip:port`, `[ip6]:port`, or `unix:<path of the listener>`. */
  readonly address: string;
  /** URI SANs of the verified client certificate; empty without one. */
  readonly uriSans: readonly string[];
  /** DNS SANs of the verified client certificate; empty without one. */
  readonly dnsSans: readonly string[];
  /** Subject of the verified client certificate, e.g. `CN=envoy-1`; absent without one. */
  readonly subject?: string;
  /** Which certificate the client showed, for whoever knows of revoked ones; absent without one. */
  readonly certificate?: ShownCertificate;
}

/** What a handler knows of its call. */
export interface CallContext {
  /** The other end. */
  readonly peer: Peer;
  /** Headers of the request, without those of HTTP/2 and gRPC itself. */
  readonly metadata: Metadata;
  /** Fires when the call is over for whatever reason: cancel, deadline, lost connection, end. */
  readonly signal: AbortSignal;
  /** Moment (ms since epoch) by which the client wants its answer; absent if it set none. */
  readonly deadlineMs?: number;
  /** Adds a header to the response; throws once the headers are sent (with the first message). */
  setHeader(name: string, value: string | Uint8Array): void;
  /** Adds a trailer to the response. */
  setTrailer(name: string, value: string | Uint8Array): void;
  /**
   * Compresses messages with gzip from now on, or no longer. It has an effect only for a client that
   * takes gzip, if it was first switched on before the first message, and on a transport that can:
   * grpc-js sends every message as it is. @default false
   */
  compressResponses(enabled: boolean): void;
}

/** Answers one request. A thrown StatusError is sent as it is, anything else as INTERNAL. */
export type UnaryHandler<In, Out> = (request: In, context: CallContext) => Out | Promise<Out>;

/** Reads a stream of requests, then answers once. */
export type ClientStreamHandler<In, Out> = (
  requests: AsyncIterable<In>,
  context: CallContext,
) => Promise<Out>;

/** Answers one request with a stream. The next message is asked for when the peer can take it. */
export type ServerStreamHandler<In, Out> = (
  request: In,
  context: CallContext,
) => AsyncIterable<Out>;

/**
 * Reads and writes streams at its own pace. `requests` is read at the handler's pace (what is not
 * read slows the peer by flow control); the next response is asked for only when the one before has
 * been taken by the transport, so a reader that stalls stops the handler, and holds one message.
 * When the call ends early, `requests` ends and the response iterator's `return` is called.
 */
export type BidiStreamHandler<In, Out> = (
  requests: AsyncIterable<In>,
  context: CallContext,
) => AsyncIterable<Out>;

/**
 * Answers unary calls that arrived together (in one read of one connection), one result for each in
 * the same order. A result may be a promise; a StatusError fails its call alone, a throw all of
 * them. Requests are at least one; the arrays belong to the handler.
 */
export type BatchHandler<In, Out> = (
  requests: readonly In[],
  contexts: readonly CallContext[],
) => readonly (Out | StatusError | Promise<Out>)[];

/** A method together with what answers it. Made by {@linkcode implement}. */
export interface MethodImplementation {
  /** What is answered. Messages are `never`/`unknown` here: the pairing was checked when made. */
  readonly definition: MethodDefinition<unknown, unknown>;
  /** What answers, of the handler type that belongs to `definition.kind`. */
  readonly handler:
    | UnaryHandler<unknown, unknown>
    | ClientStreamHandler<unknown, unknown>
    | ServerStreamHandler<unknown, unknown>
    | BidiStreamHandler<unknown, unknown>;
  /**
   * What answers calls of a unary method together, where a transport can; `handler` answers them one
   * by one elsewhere. Made by {@linkcode implementBatch}.
   */
  readonly batch?: BatchHandler<unknown, unknown>;
}

/**
 * Bounds that a peer cannot exceed; a breach ends its call or connection, nothing else. Those after
 * `keepaliveTimeoutMs` are kept by our own HTTP/2 server; the grpc-js adapter has bounds of its own
 * there.
 */
export interface ServerLimits {
  /** Largest request message in bytes; more is RESOURCE_EXHAUSTED. @default 32 MiB */
  readonly maxReceiveMessageBytes: number;
  /** Streams at once on one connection. @default 100000 */
  readonly maxConcurrentStreams: number;
  /** Size of one request's header list in bytes. @default 16 KiB */
  readonly maxHeaderListBytes: number;
  /** Connections at once. @default 100000 */
  readonly maxConnections: number;
  /** Interval between keepalive pings on an idle connection. @default 60 s */
  readonly keepaliveIntervalMs: number;
  /** A ping unanswered for this long ends the connection. @default 20 s */
  readonly keepaliveTimeoutMs: number;
  /** A connection that has not said its TLS and HTTP/2 hello by then is closed. @default 20 s */
  readonly handshakeTimeoutMs: number;
  /** A connection without calls for this long is drained. @default 1 h (grpc-js: never) */
  readonly maxConnectionIdleMs: number;
  /** A connection of this age is drained. @default 1 year (grpc-js: never) */
  readonly maxConnectionAgeMs: number;
  /** How long calls may go on once idleness or age drain a connection. @default 10 min */
  readonly connectionGraceMs: number;
  /** A peer that takes nothing of what is written for this long is cut off. @default 60 s */
  readonly writeTimeoutMs: number;
  /** Bytes of requests that wait unread on one stream before flow control stops it. @default 256 KiB */
  readonly streamWindowBytes: number;
  /** Bytes of requests that wait on one connection; more fail their call. @default 64 MiB */
  readonly maxBufferedBytes: number;
  /** CONTINUATION frames of one header block; more end the connection. @default 8 */
  readonly maxContinuationFrames: number;
  /** Streams reset per second, on average over 10 s; more end the connection. @default 1000 */
  readonly maxResetsPerSecond: number;
  /** Pings per second that no answer preceded, likewise. @default 100 */
  readonly maxPingsPerSecond: number;
  /** SETTINGS per second, likewise. @default 10 */
  readonly maxSettingsPerSecond: number;
  /** Frames per second that carry nothing or are ignored, likewise. @default 1000 */
  readonly maxEmptyFramesPerSecond: number;
}

/** How a connection ended, for counters. */
export interface ConnectionReport {
  /** Name of the HTTP/2 error code, e.g. `NO_ERROR`, `ENHANCE_YOUR_CALM`. */
  readonly code: string;
  /** Why, from a small fixed set of sentences apart from numbers in them. */
  readonly reason: string;
}

/**
 * Is told what a server's connections do; must not throw. Only our own HTTP/2 server tells it, but for
 * `certificateEnded`.
 */
export interface ServerObserver {
  /** A connection was accepted. */
  connectionOpened(): void;
  /** A connection is over: each that was opened, once. */
  connectionEnded(report: ConnectionReport): void;
  /** A connection was closed at once since `maxConnections` was reached. */
  connectionRefused(): void;
  /**
   * A connection was ended as its client certificate had expired or was revoked while it was open, or
   * `refused` as it is revoked.
   */
  certificateEnded?(why: CertificateEnd | "refused"): void;
}

/** What a server is made of. */
export interface ServerOptions {
  /** Where to listen. */
  readonly address: ListenAddress;
  /** Everything that is served; health and reflection are added by the server itself. */
  readonly methods: readonly MethodImplementation[];
  /** TLS keys; absent means cleartext HTTP/2 with prior knowledge. */
  readonly tls?: TlsMaterial;
  /** Bounds; those left out have their default. */
  readonly limits?: Partial<ServerLimits>;
  /** Where connection errors and failed handlers are logged. */
  readonly logger: Logger;
  /** Counts connections; absent means that nobody does. */
  readonly observer?: ServerObserver;
  /**
   * Wall clock, for the end of client certificates, in milliseconds since the epoch.
   * @default Date.now
   */
  readonly nowMs?: () => number;
}

/** A server that accepts calls. */
export interface GrpcServer {
  /** The address it listens on, with the real port: `ip:port` or `unix:<path>`. */
  readonly address: string;
  /**
   * Replaces the TLS keys for connections to come. Those that stand keep going, unless their client
   * certificate is among the revoked ones now: their calls end with UNAUTHENTICATED.
   */
  reloadTls(material: TlsMaterial): void;
  /** Sets what grpc.health.v1 answers for a service name (`""` is the whole server). */
  setServing(service: string, serving: boolean): void;
  /**
   * Stops accepting, sends GOAWAY, reports NOT_SERVING, lets calls end for at most `graceMs`, then
   * aborts the rest. Resolves when everything is closed; never rejects.
   */
  drain(graceMs: number): Promise<void>;
}

/** Makes servers; one per transport, all equal before the contract suite. */
export type ServerAdapter = (options: ServerOptions) => Promise<GrpcServer>;

/** Pairs a method with its handler; the types of both must agree. */
export function implement<In, Out>(
  definition: MethodDefinition<In, Out>,
  handler:
    | UnaryHandler<In, Out>
    | ClientStreamHandler<In, Out>
    | ServerStreamHandler<In, Out>
    | BidiStreamHandler<In, Out>,
): MethodImplementation {
  return { definition, handler } as unknown as MethodImplementation;
}

/** Pairs a unary method with what answers calls that arrive together. */
export function implementBatch<In, Out>(
  definition: MethodDefinition<In, Out>,
  batch: BatchHandler<In, Out>,
): MethodImplementation {
  const handler: UnaryHandler<In, Out> = (request, context) => {
    const [result] = batch([request], [context]);
    if (result instanceof StatusError) throw result;
    if (result !== undefined) return result;
    throw new StatusError(StatusCode.INTERNAL, "batch handler returned too few results");
  };
  return { definition, handler, batch } as unknown as MethodImplementation;
}
