// SPDX-License-Identifier: Apache-2.0
/**
 * The gRPC client of every service, of the command line and of the tests, on `@grpc/grpc-js`.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import { Channel, type ChannelOptions, connectivityState } from "@grpc/grpc-js";
import { ClientCall } from "./grpc_js/client_call.ts";
import { channelCredentials, nameOverride } from "./grpc_js/client_credentials.ts";
import { stopReconnecting } from "./grpc_js/reconnect_timers.ts";
import { defaultLimits } from "./limits.ts";
import type { Metadata, MethodDefinition } from "./port.ts";

/** Keys of a TLS client, as PEM. */
export interface ClientTls {
  /** Roots for the server's certificate; the system's where left out. */
  readonly serverCa?: string;
  /** Certificate chain to show, leaf first; needs `privateKey`. */
  readonly certificateChain?: string;
  /** Private key of the leaf. */
  readonly privateKey?: string;
  /** Name that the server's certificate must have. @default the host of the address */
  readonly serverName?: string;
}

/** What a client is made of. */
export interface ClientOptions {
  /** `host:port`, `[ip6]:port` or `unix:<path>`. */
  readonly address: string;
  /** Keys; absent means cleartext HTTP/2 with prior knowledge. */
  readonly tls?: ClientTls;
  /** Largest response message in bytes; more is RESOURCE_EXHAUSTED. @default 32 MiB */
  readonly maxReceiveMessageBytes?: number;
  /** Interval of keepalive pings in ms, also without calls; none where left out. */
  readonly keepaliveIntervalMs?: number;
}

/** What one call may carry. */
export interface CallOptions {
  /** Headers to send. */
  readonly metadata?: Metadata;
  /** The call fails with DEADLINE_EXCEEDED after this long; no deadline where left out. */
  readonly timeoutMs?: number;
  /** Cancels the call; it then fails with CANCELLED. */
  readonly signal?: AbortSignal;
  /** Gets the headers of the response; not called when the server sends none. */
  readonly onHeaders?: (headers: Metadata) => void;
  /** Gets the trailers of the response, also of one that failed. */
  readonly onTrailers?: (trailers: Metadata) => void;
}

/** Messages that a client sends, at the pace at which the server takes them. */
export type Outgoing<In> = AsyncIterable<In> | Iterable<In>;

/** Calls one server over one connection, which is made when first needed and again when lost. */
export interface GrpcClient extends Disposable, AsyncDisposable {
  /** Sends one request. Rejects with StatusError when the call fails. */
  unary<In, Out>(
    method: MethodDefinition<In, Out>,
    request: In,
    options?: CallOptions,
  ): Promise<Out>;
  /** Sends a stream. Rejects with StatusError when the call fails. */
  clientStream<In, Out>(
    method: MethodDefinition<In, Out>,
    requests: Outgoing<In>,
    options?: CallOptions,
  ): Promise<Out>;
  /** Reads a stream. It throws StatusError when the call fails; to leave it cancels the call. */
  serverStream<In, Out>(
    method: MethodDefinition<In, Out>,
    request: In,
    options?: CallOptions,
  ): AsyncIterableIterator<Out>;
  /**
   * Sends and reads at once. The stream throws StatusError when the call fails, or what `requests`
   * threw; to leave it cancels the call. When the call is over, `return` of `requests` is called.
   */
  bidiStream<In, Out>(
    method: MethodDefinition<In, Out>,
    requests: Outgoing<In>,
    options?: CallOptions,
  ): AsyncIterableIterator<Out>;
  /** Resolves when connected; rejects with UNAVAILABLE after `timeoutMs`, CANCELLED once closed. */
  waitForReady(timeoutMs: number): Promise<void>;
  /**
   * Cancels what is under way at once, then closes the connection. Resolves when that is done; waits
   * for an attempt to connect, at most a second, as it cannot be broken off. Never rejects.
   */
  close(): Promise<void>;
}

/**
 * Returns a client; it connects when first used.
 *
 * @throws Error when the keys do not fit together.
 *
 * @example
 * ```ts ignore
 * using client = connectGrpc({ address: "127.0.0.1:18000" });
 * const response = await client.unary(method, request, { timeoutMs: 5000 });
 * ```
 */
export function connectGrpc(options: ClientOptions): GrpcClient {
  return new GrpcJsClient(options);
}

const connectWaitMs = 1000;

class GrpcJsClient implements GrpcClient {
  readonly #channel: Channel;
  readonly #calls = new Set<{ cancel(reason: string): void }>();
  #closing: Promise<void> | undefined;

  constructor(options: ClientOptions) {
    const target = options.address.startsWith("unix:") ? options.address : `dns:${options.address}`;
    this.#channel = new Channel(target, channelCredentials(options), channelOptions(options));
  }

  unary<In, Out>(method: MethodDefinition<In, Out>, request: In, options: CallOptions = {}) {
    return this.#open(method, options).send([request]).readSingle();
  }

  clientStream<In, Out>(
    method: MethodDefinition<In, Out>,
    requests: Outgoing<In>,
    options: CallOptions = {},
  ) {
    return this.#open(method, options).send(requests).readSingle();
  }

  serverStream<In, Out>(method: MethodDefinition<In, Out>, request: In, options: CallOptions = {}) {
    return this.#open(method, options).send([request]).responses();
  }

  bidiStream<In, Out>(
    method: MethodDefinition<In, Out>,
    requests: Outgoing<In>,
    options: CallOptions = {},
  ) {
    return this.#open(method, options).send(requests).responses();
  }

  async waitForReady(timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      if (this.#closing !== undefined) throw closedError();
      const state = this.#channel.getConnectivityState(true);
      if (state === connectivityState.READY) return;
      if (await this.#nextState(state, deadline)) continue;
      throw new StatusError(StatusCode.UNAVAILABLE, `cannot connect within ${timeoutMs} ms`);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    for (const call of [...this.#calls]) call.cancel("client is closed");
    if (this.#channel.getConnectivityState(false) === connectivityState.CONNECTING) {
      await this.#nextState(connectivityState.CONNECTING, Date.now() + connectWaitMs);
    }
    stopReconnecting(this.#channel);
    this.#channel.close();
  }

  /** Resolves with whether the channel left `state` before `deadline` (ms since epoch). */
  #nextState(state: number, deadline: number): Promise<boolean> {
    return new Promise((resolve) =>
      this.#channel.watchConnectivityState(state, deadline, (error) => resolve(error === undefined))
    );
  }

  #open<In, Out>(method: MethodDefinition<In, Out>, options: CallOptions): ClientCall<In, Out> {
    if (this.#closing !== undefined) throw closedError();
    const call: ClientCall<In, Out> = new ClientCall(method, {
      ...options,
      channel: this.#channel,
      onEnd: () => this.#calls.delete(call),
    });
    this.#calls.add(call);
    return call;
  }
}

function closedError(): StatusError {
  return new StatusError(StatusCode.CANCELLED, "client is closed");
}

function channelOptions(options: ClientOptions): ChannelOptions {
  const keepalive = options.keepaliveIntervalMs;
  return {
    "grpc.max_receive_message_length": options.maxReceiveMessageBytes ??
      defaultLimits.maxReceiveMessageBytes,
    "grpc.max_send_message_length": -1,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_channelz": 0,
    "grpc.enable_http_proxy": 0,
    "grpc.service_config_disable_resolution": 1,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 5000,
    ...nameOverride(options),
    ...(keepalive === undefined ? {} : {
      "grpc.keepalive_time_ms": keepalive,
      "grpc.keepalive_permit_without_calls": 1,
    }),
  };
}
