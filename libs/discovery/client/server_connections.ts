// SPDX-License-Identifier: Apache-2.0
/**
 * The connections to servers, shared by all streams that need one at the same time. A connection is
 * made for its first stream and closed after its last; new keys count for the next one.
 * @module
 */
import { type ClientTls, connectGrpc, type GrpcClient } from "@denvoy/grpc";

/** Keys that may be replaced, e.g. those of `loadClientTls`. */
export interface CurrentTls {
  /** The keys for connections to come. */
  readonly current: ClientTls;
}

/** What connections are made of. */
export interface ServerConnectionsOptions {
  /** Servers as `host:port`, `[ip6]:port` or `unix:<path>`. */
  readonly servers: readonly string[];
  /** Keys; absent means cleartext. */
  readonly tls?: CurrentTls | undefined;
  /** Interval of keepalive pings in milliseconds. @default 30 s */
  readonly keepaliveIntervalMs?: number | undefined;
  /** Largest response in bytes. @default 32 MiB */
  readonly maxReceiveMessageBytes?: number | undefined;
}

/** A connection for one stream. */
export interface ConnectionLease {
  /** The connection. */
  readonly client: GrpcClient;
  /** Gives it back; twice is once. */
  release(): void;
}

interface Shared {
  readonly client: GrpcClient;
  readonly tls: ClientTls | undefined;
  users: number;
}

const KEEPALIVE_MS = 30_000;
/** gRPC servers take a ping each five minutes unless they say otherwise. */
const MAX_KEEPALIVE_MS = 600_000;

/** Connections by server. Dispose of them when no stream needs them. */
export class ServerConnections implements AsyncDisposable {
  /** The servers. */
  readonly servers: readonly string[];
  readonly #options: ServerConnectionsOptions;
  readonly #shared = new Map<number, Shared>();
  readonly #closing = new Set<Promise<void>>();
  /** Intervals of pings of servers that found them too many. */
  readonly #calmer = new Map<number, number>();

  /** Connects to nobody yet. */
  constructor(options: ServerConnectionsOptions) {
    this.#options = options;
    this.servers = options.servers;
  }

  /**
   * Returns the connection to a server, by its place in the list.
   * @throws Error when the keys do not fit together
   */
  lease(server: number): ConnectionLease {
    const shared = this.#current(server);
    shared.users++;
    let isHeld = true;
    return {
      client: shared.client,
      release: () => {
        if (isHeld && --shared.users === 0) this.#close(server, shared);
        isHeld = false;
      },
    };
  }

  /** Interval of pings to a server, in milliseconds, on connections to come. */
  keepaliveMs(server: number): number {
    return this.#calmer.get(server) ?? this.#options.keepaliveIntervalMs ?? KEEPALIVE_MS;
  }

  /**
   * Doubles the interval of pings to a server for connections to come: it has ended one for there
   * being too many of them (gRFC A8 "Client-side Keepalive").
   */
  calmDown(server: number): void {
    const intervalMs = this.keepaliveMs(server);
    this.#calmer.set(server, Math.max(intervalMs, Math.min(2 * intervalMs, MAX_KEEPALIVE_MS)));
  }

  /** Waits for connections that are being closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#closing);
  }

  #current(server: number): Shared {
    const tls = this.#options.tls?.current;
    const known = this.#shared.get(server);
    if (known !== undefined && known.tls === tls) return known;
    const made = { client: connectGrpc(this.#clientOptions(server, tls)), tls, users: 0 };
    this.#shared.set(server, made);
    return made;
  }

  #clientOptions(server: number, tls: ClientTls | undefined) {
    const { servers, maxReceiveMessageBytes } = this.#options;
    return {
      address: servers[server] ?? "",
      keepaliveIntervalMs: this.keepaliveMs(server),
      ...tls !== undefined && { tls },
      ...maxReceiveMessageBytes !== undefined && { maxReceiveMessageBytes },
    };
  }

  #close(server: number, shared: Shared): void {
    if (this.#shared.get(server) === shared) this.#shared.delete(server);
    const closing = shared.client.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}
