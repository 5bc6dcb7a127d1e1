// SPDX-License-Identifier: Apache-2.0
/**
 * Connections over TCP and unix sockets, on Deno's own listeners. TLS, where asked for, is put on
 * them by tls_handshakes.ts.
 * @module
 */
import type { Logger } from "@denvoy/base";
import type { ListenAddress, Peer } from "../port.ts";
import { removeSocketFile, removeStaleSocket } from "../unix_socket.ts";
import type { Transport, TransportListener } from "./transport.ts";

const SMALLEST_READ_BYTES = 2_048;
const LARGEST_READ_BYTES = 65_536;
const ACCEPT_PAUSE_MS = 50;
/** A fleet connects at once after a restart; what the queue does not hold loses a second or more. */
const BACKLOG = 4_096;

/** A connection as Deno gives it. */
export class DenoTransport implements Transport {
  /** See {@linkcode Transport}. */
  readonly peer: Peer;
  readonly #connection: Deno.Conn;
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(SMALLEST_READ_BYTES);
  #closed = false;

  /** Takes over `connection`. */
  constructor(connection: Deno.Conn, peer: Peer) {
    this.#connection = connection;
    this.peer = peer;
  }

  /** The buffer grows with what comes, so that an idle connection holds little. */
  async read(): Promise<Uint8Array | undefined> {
    const length = await this.#connection.read(this.#buffer);
    if (length === null) return undefined;
    const chunk = this.#buffer.slice(0, length);
    this.#adapt(length);
    return chunk;
  }

  /** See {@linkcode Transport}. */
  async write(octets: Uint8Array): Promise<void> {
    let written = await this.#connection.write(octets);
    while (written < octets.byteLength) {
      written += await this.#connection.write(octets.subarray(written));
    }
  }

  /** See {@linkcode Transport}. */
  async closeWrite(): Promise<void> {
    try {
      await this.#connection.closeWrite();
    } catch {
      // The peer has gone already: then nobody reads what it would say.
    }
  }

  /** See {@linkcode Transport}. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  #adapt(length: number): void {
    const size = this.#buffer.byteLength;
    if (length === size && size < LARGEST_READ_BYTES) this.#buffer = new Uint8Array(size * 4);
    else if (length * 16 < size && size > SMALLEST_READ_BYTES) {
      this.#buffer = new Uint8Array(size / 4);
    }
  }
}

/** What a listener is made of. */
export interface DenoListenerOptions {
  /** Where to listen. */
  readonly address: ListenAddress;
  /** Where failures to accept are logged. */
  readonly logger: Logger;
  /** Takes a connection. */
  onConnection(transport: Transport): void;
}

/** Listens. @throws Error when the address cannot be had */
export async function listenPlain(options: DenoListenerOptions): Promise<TransportListener> {
  const { address } = options;
  if (address.kind === "unix") {
    await removeStaleSocket(address.path);
    return new DenoListener(Deno.listen({ transport: "unix", path: address.path }), options);
  }
  const { hostname, port } = address;
  return new DenoListener(Deno.listen({ hostname, port, tcpBacklog: BACKLOG }), options);
}

class DenoListener implements TransportListener {
  readonly address: string;
  readonly #listener: Deno.Listener;
  readonly #options: DenoListenerOptions;
  readonly #accepting: Promise<void>;
  #closed = false;

  constructor(listener: Deno.Listener, options: DenoListenerOptions) {
    this.#listener = listener;
    this.#options = options;
    this.address = formatDenoAddress(listener.addr);
    this.#accepting = this.#accept();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
    await this.#accepting;
    const { address } = this.#options;
    if (address.kind === "unix") await removeSocketFile(address.path);
  }

  /** An error of one accept, such as too many open files, passes: the next may do. */
  async #accept(): Promise<void> {
    while (!this.#closed) {
      try {
        this.#take(await this.#listener.accept());
      } catch (error) {
        if (this.#closed) return;
        this.#options.logger.warn("connection could not be accepted", { error });
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
      }
    }
  }

  #take(connection: Deno.Conn): void {
    if ("setNoDelay" in connection) (connection as Deno.TcpConn).setNoDelay(true);
    const address = connection.remoteAddr.transport === "tcp"
      ? formatDenoAddress(connection.remoteAddr)
      : this.address;
    const peer: Peer = { address, uriSans: [], dnsSans: [] };
    this.#options.onConnection(new DenoTransport(connection, peer));
  }
}

function formatDenoAddress(address: Deno.Addr): string {
  if (address.transport === "tcp" || address.transport === "udp") {
    const { hostname, port } = address;
    return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  }
  return `unix:${"path" in address ? address.path : ""}`;
}
