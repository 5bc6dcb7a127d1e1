// SPDX-License-Identifier: Apache-2.0
/**
 * Accepts connections: TCP or unix, cleartext or TLS. It is our own and not grpc-js's, so that
 * connections are counted, certificates can be replaced under it, and the peer is known.
 * @module
 */
import net from "node:net";
import tls from "node:tls";
import type { Logger } from "@denvoy/base";
import { defaultLimits } from "../limits.ts";
import type { ListenAddress, Peer, TlsMaterial } from "../port.ts";
import { assertKeys, contextOf, provenOf } from "../tls_keys.ts";
import { removeSocketFile, removeStaleSocket } from "../unix_socket.ts";

/** What a listener is made of. */
export interface ListenerOptions {
  /** Where to listen. */
  readonly address: ListenAddress;
  /** Keys; absent means cleartext. */
  readonly tls: TlsMaterial | undefined;
  /** Connections at once; one more is closed at once. */
  readonly maxConnections: number;
  /** A TLS handshake that takes longer is given up. @default 20 s */
  readonly handshakeTimeoutMs?: number;
  /** Where connection errors are logged. */
  readonly logger: Logger;
  /** Takes a connection that is ready for HTTP/2. */
  onConnection(socket: net.Socket, peer: Peer): void;
}

type Proven = Omit<Peer, "address">;

const nothingProven: Proven = { uriSans: [], dnsSans: [] };

/** Listens, and hands over connections that are ready. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: net.Server | tls.Server;
  readonly #sockets = new Set<net.Socket>();
  #full = false;

  private constructor(options: ListenerOptions) {
    this.#options = options;
    this.#server = options.tls === undefined ? this.#plain() : this.#secure(options.tls);
    this.#server.on("connection", (socket: net.Socket) => this.#admit(socket));
  }

  /**
   * Starts to listen.
   *
   * @throws Error when the address cannot be had or the keys do not fit together.
   */
  static async open(options: ListenerOptions): Promise<Listener> {
    const listener = new Listener(options);
    if (options.address.kind === "unix") await removeStaleSocket(options.address.path);
    await listener.#listen();
    return listener;
  }

  /** The address with the real port. */
  get address(): string {
    const { address } = this.#options;
    if (address.kind === "unix") return `unix:${address.path}`;
    const bound = this.#server.address();
    if (bound === null || typeof bound === "string") return formatAddress(address);
    return formatAddress({ hostname: bound.address, port: bound.port });
  }

  /**
   * Takes other keys for connections to come.
   *
   * @throws Error when the listener has no TLS, when the keys do not fit together, or when client
   * certificates would begin or cease to be asked for, which a running listener cannot change.
   */
  replaceKeys(material: TlsMaterial): void {
    if (!(this.#server instanceof tls.Server)) {
      throw new Error("cannot replace TLS keys as the server must have been started with TLS");
    }
    if ((material.clientCa === undefined) !== (this.#options.tls?.clientCa === undefined)) {
      throw new Error(
        "cannot replace TLS keys as clientCa must be given at start and at reload, or at neither",
      );
    }
    assertKeys(material);
    this.#server.setSecureContext(contextOf(material));
  }

  /** Accepts no more; resolves when the last connection is closed. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    if (this.#options.address.kind === "unix") await removeSocketFile(this.#options.address.path);
  }

  /** Cuts every connection that is still there. */
  cutConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #plain(): net.Server {
    return net.createServer((socket) => this.#handOver(socket, nothingProven));
  }

  #secure(material: TlsMaterial): tls.Server {
    assertKeys(material);
    const verify = material.clientCa !== undefined;
    const server = tls.createServer({
      ...contextOf(material),
      ALPNProtocols: ["h2"],
      requestCert: verify,
      rejectUnauthorized: verify,
      handshakeTimeout: this.#options.handshakeTimeoutMs ?? defaultLimits.handshakeTimeoutMs,
      minVersion: "TLSv1.2",
    });
    server.on("secureConnection", (socket) => this.#handOverSecure(socket, verify));
    server.on("tlsClientError", (error: Error) => {
      this.#options.logger.debug("TLS handshake failed", { error: error.message });
    });
    return server;
  }

  #listen(): Promise<void> {
    const { address } = this.#options;
    const place = address.kind === "unix"
      ? { path: address.path }
      : { host: address.hostname, port: address.port };
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(place, () => {
        this.#server.off("error", reject);
        this.#server.on("error", (error: Error) => this.#warn("listener failed", error));
        resolve();
      });
    });
  }

  #admit(socket: net.Socket): void {
    // Without a listener an error of a socket would end the process.
    socket.on("error", (error: Error) => this.#debug("connection failed", error));
    if (this.#sockets.size >= this.#options.maxConnections) return this.#refuse(socket);
    this.#full = false;
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #refuse(socket: net.Socket): void {
    socket.destroy();
    if (this.#full) return;
    this.#full = true;
    this.#options.logger.warn("connections refused as the limit is reached", {
      maxConnections: this.#options.maxConnections,
    });
  }

  #handOverSecure(socket: tls.TLSSocket, verified: boolean): void {
    socket.on("error", (error: Error) => this.#debug("connection failed", error));
    try {
      this.#handOver(socket, verified ? provenOf(socket) : nothingProven);
    } catch (error) {
      socket.destroy();
      this.#warn("client certificate could not be read", error);
    }
  }

  #handOver(socket: net.Socket, proven: Proven): void {
    if (socket.destroyed) return;
    socket.setNoDelay(true);
    this.#options.onConnection(socket, { address: this.#addressOf(socket), ...proven });
  }

  #addressOf(socket: net.Socket): string {
    const { address } = this.#options;
    if (address.kind === "unix") return `unix:${address.path}`;
    return formatAddress({ hostname: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 });
  }

  #debug(message: string, error: Error): void {
    this.#options.logger.debug(message, { error: error.message });
  }

  #warn(message: string, error: unknown): void {
    this.#options.logger.warn(message, { error });
  }
}

/** Returns `host:port`, with brackets around an IPv6 address. */
export function formatAddress(address: { hostname: string; port: number }): string {
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
