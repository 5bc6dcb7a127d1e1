// SPDX-License-Identifier: Apache-2.0
/**
 * A connection as the HTTP server sees it: bytes in, bytes out, and who is at the other end. TCP and
 * Unix sockets are Deno's; TLS is in tls_stream.ts.
 * @module
 */
import type { CertificateNames, ShownCertificate } from "@denvoy/base";

/** What a verified client certificate says. */
export interface PeerCertificate extends CertificateNames {
  /** SHA-256 of the certificate, in hexadecimal with colons. */
  readonly fingerprint: string;
  /** Which certificate it is, for whoever knows of revoked ones; absent where its names are none. */
  readonly id?: ShownCertificate;
}

/** One connection. At most one read and one write are under way at a time. */
export interface ByteStream {
  /** `ip:port`, `[ip6]:port` or `unix`. */
  readonly peerAddress: string;
  /** The client's certificate if it showed one that chains to the configured roots. */
  readonly certificate: PeerCertificate | undefined;
  /** The next bytes; undefined once the peer has ended its side. Rejects when the connection broke. */
  read(): Promise<Uint8Array | undefined>;
  /** Resolves when the transport has taken all bytes: a peer that does not read delays it. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the sending side; the peer may still send. Never rejects. */
  end(): Promise<void>;
  /** Closes at once, also under a pending read or write, which then reject. Never throws. */
  close(): void;
}

const READ_BYTES = 16_384;

/** A connection without TLS. */
export class PlainStream implements ByteStream {
  /** See {@linkcode ByteStream.peerAddress}. */
  readonly peerAddress: string;
  /** None without TLS. */
  readonly certificate = undefined;
  readonly #conn: Deno.Conn;

  /** Owns `conn` from then on. */
  constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.peerAddress = addressText(conn.remoteAddr);
  }

  /** See {@linkcode ByteStream.read}. */
  async read(): Promise<Uint8Array | undefined> {
    const buffer = new Uint8Array(READ_BYTES);
    const size = await this.#conn.read(buffer);
    return size === null ? undefined : buffer.subarray(0, size);
  }

  /** See {@linkcode ByteStream.write}. */
  async write(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) rest = rest.subarray(await this.#conn.write(rest));
  }

  /** See {@linkcode ByteStream.end}. */
  async end(): Promise<void> {
    try {
      await this.#conn.closeWrite();
    } catch {
      // The peer was faster.
    }
  }

  /** See {@linkcode ByteStream.close}. */
  close(): void {
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
  }
}

/** Returns `ip:port`, `[ip6]:port` or `unix`. */
export function addressText(address: Deno.Addr): string {
  if (address.transport !== "tcp" && address.transport !== "udp") return "unix";
  const host = address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname;
  return `${host}:${address.port}`;
}
