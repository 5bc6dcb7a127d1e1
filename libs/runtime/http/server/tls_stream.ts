// SPDX-License-Identifier: Apache-2.0
/**
 * TLS over an accepted connection, with client certificates.
 *
 * `Deno.listenTls` can neither ask for client certificates nor change its keys, and a listening
 * server of `node:tls` stops accepting for good once the process has run out of file descriptors. So
 * the accept loop is ours, and `node:tls` does the handshake on each connection it is handed, with
 * the keys of that moment.
 * @module
 */
import { Duplex } from "node:stream";
import { createServer, type TLSSocket } from "node:tls";
import {
  type CertificateNames,
  readCertificateNames,
  readShownCertificate,
  type ShownCertificate,
} from "@denvoy/base";
import type { TlsMaterial } from "../../tls_material.ts";
import { type ByteStream, type PeerCertificate, PlainStream } from "./byte_stream.ts";

const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * Returns the connection once its handshake is done. With roots for client certificates the client
 * is asked for one but may go without: who it is then is for the caller to judge.
 *
 * Rejects, with the connection closed, when the handshake fails or takes more than ten seconds.
 */
export async function acceptTls(conn: Deno.Conn, material: TlsMaterial): Promise<ByteStream> {
  const plain = new PlainStream(conn);
  const duplex = duplexOf(plain);
  try {
    const socket = await handshake(duplex, material);
    return new TlsStream(socket, plain.peerAddress);
  } catch (error) {
    duplex.destroy();
    plain.close();
    throw error;
  }
}

class TlsStream implements ByteStream {
  readonly peerAddress: string;
  readonly certificate: PeerCertificate | undefined;
  readonly #socket: TLSSocket;
  readonly #chunks: Uint8Array[] = [];
  #ended = false;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(socket: TLSSocket, peerAddress: string) {
    this.#socket = socket;
    this.peerAddress = peerAddress;
    this.certificate = certificateOf(socket);
    socket.on("data", (chunk: Uint8Array) => {
      socket.pause();
      this.#chunks.push(chunk);
      this.#wake?.();
    });
    socket.on("end", () => this.#note("ended"));
    socket.on("close", () => this.#note("closed"));
    socket.on("error", () => this.#note("closed"));
    socket.pause();
  }

  async read(): Promise<Uint8Array | undefined> {
    while (this.#chunks.length === 0 && !this.#ended && !this.#closed) {
      this.#socket.resume();
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) return chunk;
    if (this.#ended) return undefined;
    throw new Error("connection closed");
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new Error("connection closed"));
      const onClose = () => reject(new Error("connection closed"));
      this.#socket.once("close", onClose);
      this.#socket.write(bytes, (error) => {
        this.#socket.off("close", onClose);
        error ? reject(error) : resolve();
      });
    });
  }

  end(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed) return resolve();
      this.#socket.once("close", resolve);
      this.#socket.end(resolve);
    });
  }

  close(): void {
    this.#socket.destroy();
    this.#note("closed");
  }

  #note(what: "ended" | "closed"): void {
    if (what === "ended") this.#ended = true;
    else this.#closed = true;
    this.#wake?.();
  }
}

function handshake(duplex: Duplex, material: TlsMaterial): Promise<TLSSocket> {
  const server = createServer({
    key: material.privateKey,
    cert: material.certificateChain,
    ...(material.clientCa !== undefined && { ca: material.clientCa }),
    requestCert: material.clientCa !== undefined,
    rejectUnauthorized: false,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    minVersion: "TLSv1.2",
  });
  return new Promise((resolve, reject) => {
    server.on("secureConnection", (socket) => {
      // Without a listener an error between the handshake and the first read would be uncaught.
      socket.on("error", () => {});
      resolve(socket);
    });
    server.on("tlsClientError", reject);
    const onEnd = () => reject(new Error("connection closed in its handshake"));
    duplex.once("end", onEnd).once("close", onEnd).on("error", reject);
    server.emit("connection", duplex);
  });
}

/** The connection as a Node stream: reads at the reader's pace, writes at the connection's. */
function duplexOf(stream: PlainStream): Duplex {
  return new Duplex({
    read() {
      stream.read().then((bytes) => this.push(bytes ?? null), () => this.destroy());
    },
    write(chunk: Uint8Array, _encoding, done) {
      stream.write(chunk).then(() => done(), done);
    },
    final(done) {
      stream.end().then(() => done());
    },
    destroy(error, done) {
      stream.close();
      done(error);
    },
  });
}

/** The client's certificate, only if it chains to the configured roots. */
function certificateOf(socket: TLSSocket): PeerCertificate | undefined {
  if (!socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate();
  if (certificate?.fingerprint256 === undefined || !certificate.raw) return undefined;
  return { ...readNamed(certificate.raw), fingerprint: certificate.fingerprint256 };
}

/** A certificate that OpenSSL takes and our reader does not goes by its fingerprint. */
function readNamed(der: Uint8Array): CertificateNames & { readonly id?: ShownCertificate } {
  try {
    return { ...readCertificateNames(der), id: readShownCertificate(der) };
  } catch {
    return { uriSans: [], dnsSans: [], subject: "" };
  }
}
