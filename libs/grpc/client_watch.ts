// SPDX-License-Identifier: Apache-2.0
/**
 * Looks after the client certificates of a server's connections, for any transport: who is revoked is
 * refused, and a connection whose certificate ends or is revoked while it is open ends, too.
 * @module
 */
import { type CertificateEnd, ClientCertificates, StatusCode, StatusError } from "@denvoy/base";
import type { Peer, ServerOptions, TlsMaterial } from "./port.ts";

/** What a watch is made of. */
export interface ClientWatchOptions<C> {
  /** What the server is made of. */
  readonly server: ServerOptions;
  /** Ends the calls of a connection with `status`, and then the connection. */
  readonly end: (connection: C, status: StatusError) => void;
}

/** Revoked clients try again and again: at most one line is logged in this time. */
const LOG_MS = 1_000;

const MESSAGES: Readonly<Record<CertificateEnd, string>> = {
  expired: "the client certificate has expired: connect again with its successor",
  revoked: "the client certificate is revoked",
};

/** The connections of one server. `C` is what its transport keeps of one. */
export class ClientWatch<C> {
  readonly #options: ClientWatchOptions<C>;
  readonly #clients: ClientCertificates<C>;
  readonly #nowMs: () => number;
  #loggedMs = -Infinity;

  /** Nothing is open yet. */
  constructor(options: ClientWatchOptions<C>) {
    const { tls, nowMs = Date.now } = options.server;
    this.#options = options;
    this.#nowMs = nowMs;
    this.#clients = new ClientCertificates({ revoked: tls?.revoked, random: Math.random });
  }

  /** Tells whether a peer whose handshake is done must go away as its certificate is revoked. */
  refuses(peer: Peer): boolean {
    if (!this.#clients.isRevoked(peer.certificate)) return false;
    this.#options.server.observer?.certificateEnded?.("refused");
    this.#logRevoked("connection refused as its client certificate is revoked", peer);
    return true;
  }

  /** Follows a connection until it is released. */
  hold(connection: C, { certificate }: Peer): void {
    this.#clients.hold(connection, certificate);
  }

  /** The connection is over. */
  release(connection: C): void {
    this.#clients.release(connection);
  }

  /** Ends the connections whose certificate is revoked from now on. */
  reload({ revoked }: TlsMaterial): void {
    this.#endAll(this.#clients.replaceRevoked(revoked), "revoked");
  }

  /** Ends the connections whose certificate has ended; called now and then. */
  sweep(): void {
    this.#endAll(this.#clients.takeExpired(this.#nowMs()), "expired");
  }

  #endAll(connections: readonly C[], why: CertificateEnd): void {
    if (connections.length === 0) return;
    const { server: { logger, observer }, end } = this.#options;
    logger.info("connections end with their client certificates", {
      why,
      connections: connections.length,
    });
    for (const connection of connections) {
      observer?.certificateEnded?.(why);
      end(connection, new StatusError(StatusCode.UNAUTHENTICATED, MESSAGES[why]));
    }
  }

  #logRevoked(message: string, { address, certificate, uriSans, subject }: Peer): void {
    const nowMs = this.#nowMs();
    // The clock may have been set back since.
    if (Math.abs(nowMs - this.#loggedMs) < LOG_MS) return;
    this.#loggedMs = nowMs;
    const fields = { address, serial: certificate?.serial, uriSans, subject };
    this.#options.server.logger.warn(message, fields);
  }
}
