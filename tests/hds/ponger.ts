// SPDX-License-Identifier: Apache-2.0
/**
 * Servers of bytes, for checks that are no HTTP.
 * @module
 */

/** Keys of a server, in PEM. */
export interface ServerKeys {
  /** Certificate chain. */
  readonly cert: string;
  /** Private key. */
  readonly key: string;
}

/** Serves connections on a free port, in cleartext or with keys over TLS, until it is disposed of. */
class ByteServer implements AsyncDisposable {
  readonly #listener: Deno.TcpListener | Deno.TlsListener;
  readonly #serve: (connection: Deno.Conn) => Promise<void>;
  readonly #connections = new Set<Deno.Conn>();
  readonly #accepting: Promise<void>;

  constructor(
    serve: (connection: Deno.Conn) => Promise<void>,
    tls?: ServerKeys & { readonly alpnProtocols?: string[] },
  ) {
    const where = { hostname: "127.0.0.1", port: 0 };
    this.#listener = tls === undefined ? Deno.listen(where) : Deno.listenTls({ ...where, ...tls });
    this.#serve = serve;
    this.#accepting = this.#accept();
  }

  /** Its port on 127.0.0.1. */
  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of [...this.#connections]) this.#close(connection);
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    const serving: Promise<void>[] = [];
    for await (const connection of this.#listener) serving.push(this.#answer(connection));
    await Promise.all(serving);
  }

  async #answer(connection: Deno.Conn): Promise<void> {
    this.#connections.add(connection);
    try {
      await this.#serve(connection);
    } catch {
      // Envoy has hung up: the probe is over.
    }
    this.#close(connection);
  }

  #close(connection: Deno.Conn): void {
    if (!this.#connections.delete(connection)) return;
    try {
      connection.close();
    } catch {
      // Its handshake has failed.
    }
  }
}

/** Answers whatever it is sent as Redis answers PING. */
export class Ponger extends ByteServer {
  /** With keys it speaks TLS. */
  constructor(tls?: ServerKeys) {
    const pong = new TextEncoder().encode("+PONG\r\n");
    super(async (connection) => {
      while (await connection.read(new Uint8Array(1024)) !== null) await connection.write(pong);
    }, tls);
  }
}

/** Speaks TLS before a server of cleartext; refuses whoever does not offer HTTP/2 by ALPN. */
export class InsistingProxy extends ByteServer {
  /** Passes on to this port. */
  constructor(port: number, tls: ServerKeys) {
    super(async (connection) => {
      const { alpnProtocol } = await (connection as Deno.TlsConn).handshake();
      if (alpnProtocol !== "h2") return;
      using behind = await Deno.connect({ hostname: "127.0.0.1", port });
      await Promise.race([
        connection.readable.pipeTo(behind.writable),
        behind.readable.pipeTo(connection.writable),
      ]);
    }, { ...tls, alpnProtocols: ["h2"] });
  }
}
