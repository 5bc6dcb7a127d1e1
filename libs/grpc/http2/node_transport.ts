// SPDX-License-Identifier: Apache-2.0
/**
 * TLS connections. They come from node:tls, since Deno's own TLS listener neither asks for client
 * certificates nor takes new keys while it listens.
 * @module
 */
import type net from "node:net";
import type { Peer } from "../port.ts";
import type { Transport } from "./transport.ts";

interface WaitingRead {
  resolve(chunk: Uint8Array | undefined): void;
  reject(error: Error): void;
}

/** A socket of Node's kind as a transport. */
export class NodeTransport implements Transport {
  /** See {@linkcode Transport}. */
  readonly peer: Peer;
  readonly #socket: net.Socket;
  readonly #chunks: Uint8Array[] = [];
  #waiting: WaitingRead | undefined = undefined;
  #ended = false;

  /** Takes over `socket`. */
  constructor(socket: net.Socket, peer: Peer) {
    this.#socket = socket;
    this.peer = peer;
    socket.on("data", (chunk: Uint8Array) => this.#take(chunk));
    socket.on("end", () => this.#end());
    socket.on("close", () => this.#end());
  }

  /** See {@linkcode Transport}. The socket is paused while a chunk waits. */
  read(): Promise<Uint8Array | undefined> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) return Promise.resolve(chunk);
    if (this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      if (this.#socket.isPaused()) this.#socket.resume();
    });
  }

  /** See {@linkcode Transport}. */
  write(octets: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(octets, (error) => error ? reject(error) : resolve());
    });
  }

  /** See {@linkcode Transport}. */
  closeWrite(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed) return resolve();
      this.#socket.end(() => resolve());
    });
  }

  /** See {@linkcode Transport}. */
  close(): void {
    this.#socket.destroy();
    this.#end();
  }

  #take(chunk: Uint8Array): void {
    const own = new Uint8Array(chunk);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) return waiting.resolve(own);
    this.#chunks.push(own);
    this.#socket.pause();
  }

  #end(): void {
    this.#ended = true;
    this.#waiting?.resolve(undefined);
    this.#waiting = undefined;
  }
}
