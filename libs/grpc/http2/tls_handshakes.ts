// SPDX-License-Identifier: Apache-2.0
/**
 * TLS on accepted connections, with ALPN `h2` and client certificates. `Deno.listenTls` neither asks
 * for client certificates nor takes new keys while it listens, and a listening server of node:tls
 * stops accepting for good once the process has run out of file descriptors. So connections are
 * accepted by Deno, and servers of node:tls that do not listen do the handshakes.
 * @module
 */
import { Duplex } from "node:stream";
import tls from "node:tls";
import type { Peer, TlsMaterial } from "../port.ts";
import { assertKeys, contextOf, provenOf } from "../tls_keys.ts";
import { NodeTransport } from "./node_transport.ts";
import type { Transport } from "./transport.ts";

/** A server whose keys have been read costs a millisecond to make: some are kept for later. */
const MOST_KEPT = 32;

/** Does the handshakes of one listener. */
export class TlsHandshakes {
  #material: TlsMaterial;
  #kept: tls.Server[] = [];

  /** @throws Error when the keys do not fit together */
  constructor(material: TlsMaterial) {
    assertKeys(material);
    this.#material = material;
  }

  /** Takes other keys for connections to come. @throws Error when they do not fit together */
  replaceKeys(material: TlsMaterial): void {
    assertKeys(material);
    this.#material = material;
    this.#kept = [];
  }

  /**
   * Returns the connection as it is within TLS, with the names of its peer. Rejects when the
   * handshake fails, also because `plain` is closed: that is how to give one up. Closing is left
   * to the caller then.
   */
  async accept(plain: Transport): Promise<Transport> {
    const material = this.#material;
    const server = this.#kept.pop() ?? newServer(material);
    // A server of a failed handshake is not kept: its event may still come.
    const socket = await handshake(server, plain);
    if (material === this.#material && this.#kept.length < MOST_KEPT) this.#kept.push(server);
    try {
      return new NodeTransport(socket, peerOf(plain.peer, socket, material));
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }
}

function newServer(material: TlsMaterial): tls.Server {
  const verify = material.clientCa !== undefined;
  return tls.createServer({
    ...contextOf(material),
    ALPNProtocols: ["h2"],
    requestCert: verify,
    rejectUnauthorized: verify,
    minVersion: "TLSv1.2",
  });
}

function handshake(server: tls.Server, plain: Transport): Promise<tls.TLSSocket> {
  const duplex = duplexOf(plain);
  return new Promise<tls.TLSSocket>((resolve, reject) => {
    const ended = () => reject(new Error("connection closed in its handshake"));
    duplex.once("end", ended).once("close", ended).on("error", reject);
    server.once("tlsClientError", reject);
    server.once("secureConnection", (socket) => {
      // Without a listener an error of a socket would end the process.
      socket.on("error", () => {});
      resolve(socket);
    });
    server.emit("connection", duplex);
  }).finally(() => server.removeAllListeners("tlsClientError"));
}

function peerOf(plain: Peer, socket: tls.TLSSocket, material: TlsMaterial): Peer {
  if (material.clientCa === undefined) return plain;
  return { address: plain.address, ...provenOf(socket) };
}

/** The connection as a stream of Node: read at the reader's pace, written at the connection's. */
function duplexOf(plain: Transport): Duplex {
  return new Duplex({
    read() {
      plain.read().then((chunk) => this.push(chunk ?? null), () => this.destroy());
    },
    write(chunk: Uint8Array, _encoding, done) {
      plain.write(chunk).then(() => done(), done);
    },
    final(done) {
      plain.closeWrite().then(() => done());
    },
    destroy(error, done) {
      plain.close();
      done(error);
    },
  });
}
