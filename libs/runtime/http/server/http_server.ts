// SPDX-License-Identifier: Apache-2.0
/**
 * An HTTP/1.1 server on Deno's listeners that outlives whatever its clients do.
 *
 * `Deno.serve` would be shorter, but on Deno 2.9.5 it ends for good when the process is out of file
 * descriptors (200 connections under `ulimit -n 200` do it), has no limit on connections or on the
 * time that a request's head may take, and knows no client certificates and no new keys.
 * @module
 */
import { ClientCertificates, type Clock, type Logger, type Timer } from "@denvoy/base";
import { formatAddress, type ListenAddress } from "../../config/address.ts";
import { systemClock } from "../../system_clock.ts";
import type { TlsMaterial } from "../../tls_material.ts";
import { addressText, type ByteStream, PlainStream } from "./byte_stream.ts";
import { Connection } from "./connection.ts";
import { DEFAULT_HTTP_LIMITS, type HttpHandler, type HttpLimits } from "./message.ts";
import { acceptTls } from "./tls_stream.ts";

/** What an HTTP server is made of. */
export interface HttpServerOptions {
  /** Where to listen; TCP port 0 takes a free one. */
  readonly address: ListenAddress;
  /** Answers requests. */
  readonly handler: HttpHandler;
  /** TLS keys; absent means cleartext. */
  readonly tls?: TlsMaterial;
  /** Bounds; those left out have their default. */
  readonly limits?: Partial<HttpLimits>;
  /** Where trouble with the listener is logged. */
  readonly logger: Logger;
  /** Timeouts and dates. @default the system's */
  readonly clock?: Clock;
}

const SWEEP_MS = 500;
const ACCEPT_PAUSE_MS = 100;

/** A listening server. */
export class HttpServer implements AsyncDisposable {
  /** Where it listens, with the real port: `ip:port`, `[ip6]:port` or `unix:<path>`. */
  readonly address: string;
  readonly #options: HttpServerOptions;
  readonly #limits: HttpLimits;
  readonly #clock: Clock;
  readonly #listener: Deno.Listener;
  readonly #connections = new Map<Connection, Promise<void>>();
  readonly #draining = new AbortController();
  readonly #handshakes = new Map<Deno.Conn, Promise<void>>();
  readonly #accepting: Promise<void>;
  /** Closed to make room, and not yet gone: many may knock before the first of them is. */
  readonly #evicted = new WeakSet<Connection | Deno.Conn>();
  readonly #clients: ClientCertificates<Connection>;
  #tls: TlsMaterial | undefined;
  #sweeper: Timer;
  #closed = false;

  /** Listens and serves. Rejects if the address cannot be bound. */
  static async listen(options: HttpServerOptions): Promise<HttpServer> {
    const { address } = options;
    if (address.kind === "unix") await removeStaleSocket(address.path);
    const listener = address.kind === "unix"
      ? Deno.listen({ transport: "unix", path: address.path })
      : Deno.listen({ hostname: address.hostname, port: address.port });
    return new HttpServer(options, listener);
  }

  private constructor(options: HttpServerOptions, listener: Deno.Listener) {
    this.#options = options;
    this.#limits = { ...DEFAULT_HTTP_LIMITS, ...options.limits };
    this.#clock = options.clock ?? systemClock;
    this.#tls = options.tls;
    this.#clients = new ClientCertificates({
      revoked: options.tls?.revoked,
      random: Math.random,
    });
    this.#listener = listener;
    this.address = options.address.kind === "unix"
      ? formatAddress(options.address)
      : addressText(this.#listener.addr);
    this.#sweeper = this.#clock.after(SWEEP_MS, () => this.#sweep());
    this.#accepting = this.#acceptAll();
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#connections.size + this.#handshakes.size;
  }

  /**
   * Replaces the keys for connections to come, and closes those whose client certificate is among the
   * revoked ones now. No effect on a cleartext server.
   */
  reloadTls(material: TlsMaterial): void {
    if (this.#tls === undefined) return;
    this.#tls = material;
    for (const connection of this.#clients.replaceRevoked(material.revoked)) connection.close();
  }

  /**
   * Stops accepting, closes idle connections, lets answers under way end for at most `graceMs`
   * (endless ones are told by their `draining` signal), then closes the rest. Never rejects.
   */
  async close(graceMs = 0): Promise<void> {
    if (!this.#closed) this.#stopAccepting();
    // Not the clock's timer, which would let the process end before the grace is over.
    const forced = setTimeout(() => {
      for (const connection of this.#connections.keys()) connection.close();
    }, graceMs);
    await Promise.all([...this.#connections.values(), ...this.#handshakes.values()]);
    await this.#accepting;
    clearTimeout(forced);
    this.#sweeper.cancel();
  }

  /** Closes without grace. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #stopAccepting(): void {
    this.#closed = true;
    this.#listener.close();
    this.#draining.abort();
    for (const conn of this.#handshakes.keys()) closeQuietly(conn);
    for (const connection of this.#connections.keys()) {
      if (connection.state === "idle") connection.close();
    }
  }

  async #acceptAll(): Promise<void> {
    while (!this.#closed) {
      try {
        this.#admit(await this.#listener.accept());
      } catch (error) {
        if (this.#closed) return;
        // Out of file descriptors, or a connection that was gone before it was accepted.
        this.#options.logger.warn("cannot accept connection", { error, address: this.address });
        await new Promise<void>((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
      }
    }
  }

  #admit(conn: Deno.Conn): void {
    if (this.connections >= this.#limits.maxConnections && !this.#evict()) {
      return closeQuietly(conn);
    }
    const tls = this.#tls;
    if (tls === undefined) return this.#start(new PlainStream(conn));
    const handshake = acceptTls(conn, tls).then((stream) => this.#start(stream), () => {});
    this.#handshakes.set(conn, handshake.finally(() => this.#handshakes.delete(conn)));
  }

  #start(stream: ByteStream): void {
    if (this.#closed) return stream.close();
    const connection = new Connection(stream, {
      handler: this.#options.handler,
      limits: this.#limits,
      nowMs: () => this.#clock.monotonicMs(),
      dateMs: () => this.#clock.nowMs(),
      secure: this.#tls !== undefined,
      draining: this.#draining.signal,
    });
    const done = connection.run().finally(() => {
      this.#connections.delete(connection);
      this.#clients.release(connection);
    });
    this.#connections.set(connection, done);
    this.#clients.hold(connection, stream.certificate?.id);
  }

  /** Makes room by closing who has been waiting longest without a request; false when none is. */
  #evict(): boolean {
    if (this.#handshakes.size > this.#connections.size) {
      const oldest = this.#handshakes.keys().find((conn) => !this.#evicted.has(conn));
      if (oldest === undefined) return false;
      this.#evicted.add(oldest);
      closeQuietly(oldest);
      return true;
    }
    let oldest: Connection | undefined;
    for (const connection of this.#connections.keys()) {
      if (connection.state === "busy" || this.#evicted.has(connection)) continue;
      if (oldest === undefined || connection.sinceMs < oldest.sinceMs) oldest = connection;
    }
    if (oldest === undefined) return false;
    this.#evicted.add(oldest);
    oldest.close();
    return true;
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const connection of this.#connections.keys()) connection.sweep(nowMs);
    for (const connection of this.#clients.takeExpired(this.#clock.nowMs())) connection.close();
    this.#sweeper = this.#clock.after(SWEEP_MS, () => this.#sweep());
  }
}

/** A process that was killed leaves its socket behind, and nobody could bind the path again. */
async function removeStaleSocket(path: string): Promise<void> {
  try {
    if ((await Deno.lstat(path)).isSocket !== true) return;
    const conn = await Deno.connect({ transport: "unix", path }).catch(() => undefined);
    if (conn === undefined) await Deno.remove(path);
    else conn.close();
  } catch {
    // None there, or none of ours: binding will tell.
  }
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // Closed already.
  }
}
