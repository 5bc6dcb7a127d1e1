// SPDX-License-Identifier: Apache-2.0
/**
 * A socket of node:tls as a transport.
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
  #onClose: (() => void) | undefined = undefined;
  #ended = false;

  /** Takes over `socket`. */
  constructor(socket: net.Socket, peer: Peer) {
    this.#socket = socket;
    this.peer = peer;
    socket.on("data", (chunk: Uint8Array) => this.#take(chunk));
    socket.on("end", () => this.#end());
    socket.on("close", () => this.#close());
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
      if (this.#socket.destroyed) return reject(new Error("connection closed"));
      // A socket that closes may forget the callbacks of its writes.
      this.#onClose = () => reject(new Error("connection closed"));
      this.#socket.write(octets, (error) => {
        this.#onClose = undefined;
        if (error) reject(error);
        else resolve();
      });
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
    this.#close();
  }

  #take(chunk: Uint8Array): void {
    const own = new Uint8Array(chunk);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) return waiting.resolve(own);
    this.#chunks.push(own);
    this.#socket.pause();
  }

  #close(): void {
    this.#end();
    this.#onClose?.();
    this.#onClose = undefined;
  }

  #end(): void {
    this.#ended = true;
    this.#waiting?.resolve(undefined);
    this.#waiting = undefined;
  }
}
