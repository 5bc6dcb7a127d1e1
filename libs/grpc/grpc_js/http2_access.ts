// SPDX-License-Identifier: Apache-2.0
/**
 * Stands between node:http2 and grpc-js's server: knows the sessions and their peers, keeps
 * requests that grpc-js would answer wrongly away from it, and catches what `respond` throws on a
 * stream that is gone, which on Deno would end the process.
 *
 * It reads one private member of grpc-js (`http2Servers`); the version is pinned, and a version
 * without it fails at start. What it cannot guard against is an abort inside the native nghttp2.
 * @module
 */
import type { Logger } from "@denvoy/base";
import type { Server } from "@grpc/grpc-js";
import type http2 from "node:http2";
import type net from "node:net";
import { clampTimeout } from "./timeout.ts";
import type { Peer, ServerLimits } from "../port.ts";

type StreamListener = (
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
  ...rest: unknown[]
) => void;

interface Connection {
  readonly peer: Peer;
  readonly socket: net.Socket;
  streams: number;
  /** Takes no more streams. */
  isOver: boolean;
}

/** A peer that does not close its side this long after the server has closed its own is cut. */
const lingerMs = 500;

/** What the access is made of. */
export interface Http2AccessOptions {
  /** The server whose connections these are; has exactly one connection injector. */
  readonly server: Server;
  /** Hands a connection to grpc-js. */
  inject(socket: net.Socket): void;
  /** Bounds of headers. */
  readonly limits: ServerLimits;
  /** Where connection errors are logged. */
  readonly logger: Logger;
}

/** The sessions of one grpc-js server. */
export class Http2Access {
  readonly #options: Http2AccessOptions;
  readonly #sessions = new Map<http2.ServerHttp2Session, Connection>();
  #arriving: Connection | undefined;
  #currentPeer: Peer | undefined;
  #whenEmpty: (() => void)[] = [];
  #closing = false;

  /** Takes grpc-js's place as the listener of its HTTP/2 server. */
  constructor(options: Http2AccessOptions) {
    this.#options = options;
    const http2Server = http2ServerOf(options.server);
    const [answer] = http2Server.listeners("stream") as StreamListener[];
    if (answer === undefined) throw new Error("cannot guard grpc-js as it must listen to streams");
    http2Server.removeAllListeners("stream");
    http2Server.on("stream", ((...args) => this.#onStream(answer, args)) as StreamListener);
    http2Server.on("session", (session) => this.#onSession(session));
    http2Server.on("sessionError", (error: Error) => this.#debug("HTTP/2 session failed", error));
    http2Server.on("error", (error: Error) => this.#debug("HTTP/2 server failed", error));
  }

  /** Starts HTTP/2 on a connection. */
  accept(socket: net.Socket, peer: Peer): void {
    this.#arriving = { peer, socket, streams: 0, isOver: false };
    try {
      this.#options.inject(socket);
    } catch (error) {
      socket.destroy();
      this.#debug("HTTP/2 session could not start", error);
    } finally {
      this.#arriving = undefined;
    }
  }

  /** The peer of the stream that is being handed to grpc-js right now. */
  get currentPeer(): Peer {
    if (this.#currentPeer === undefined) throw new Error("cannot name peer outside of a stream");
    return this.#currentPeer;
  }

  /** Sends GOAWAY on each connection: calls under way go on, new ones are for another server. */
  closeGracefully(): void {
    this.#closing = true;
    for (const [session, connection] of this.#sessions) {
      session.close();
      if (connection.streams === 0) linger(connection);
    }
  }

  /** Ends the connection of a peer once it has had a moment to read how its calls ended. */
  end(peer: Peer): void {
    for (const connection of this.#sessions.values()) {
      if (connection.peer !== peer) continue;
      connection.isOver = true;
      linger(connection);
    }
  }

  /** Ends each connection with what is on it. */
  destroy(): void {
    for (const { socket } of this.#sessions.values()) socket.destroy();
  }

  /** Resolves when no connection is left. */
  whenEmpty(): Promise<void> {
    if (this.#sessions.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenEmpty.push(resolve));
  }

  #onSession(session: http2.ServerHttp2Session): void {
    if (this.#arriving === undefined) return session.destroy();
    const connection = this.#arriving;
    this.#sessions.set(session, connection);
    session.on("error", (error: Error) => this.#debug("HTTP/2 session failed", error));
    session.once("close", () => this.#forget(session));
    connection.socket.once("close", () => this.#forget(session));
    if (this.#closing) session.close();
  }

  #forget(session: http2.ServerHttp2Session): void {
    if (!this.#sessions.delete(session)) return;
    if (this.#sessions.size > 0) return;
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  #onStream(answer: StreamListener, args: Parameters<StreamListener>): void {
    const [stream, headers] = args;
    stream.on("error", (error: Error) => this.#debug("stream failed", error));
    this.#guard(stream);
    this.#currentPeer = this.#countStream(stream);
    try {
      if (this.#currentPeer === undefined) return stream.close();
      const refusal = this.#refusalOf(headers);
      if (refusal !== undefined) {
        return stream.respond({ ":status": refusal }, { endStream: true });
      }
      answer(stream, clampDeadline(headers), ...args.slice(2));
    } catch (error) {
      this.#debug("stream could not be answered", error);
      stream.destroy();
    } finally {
      this.#currentPeer = undefined;
    }
  }

  /** Returns the peer of a stream that begins; notes when the stream ends. */
  #countStream(stream: http2.ServerHttp2Stream): Peer | undefined {
    const session = stream.session as http2.ServerHttp2Session | undefined;
    const connection = session && this.#sessions.get(session);
    if (session === undefined || connection === undefined || connection.isOver) return undefined;
    connection.streams++;
    stream.once("close", () => {
      connection.streams--;
      if (this.#closing && connection.streams === 0) linger(connection);
    });
    return connection.peer;
  }

  /** Returns the HTTP status for a request that is none of gRPC's, or too large to look at. */
  #refusalOf(headers: http2.IncomingHttpHeaders): number | undefined {
    if (headerListBytes(headers) > this.#options.limits.maxHeaderListBytes) return 431;
    // grpc-js takes application/grpc-web for gRPC, and lacks the constant for 415 on Deno.
    const type = headers["content-type"] ?? "";
    return /^application\/grpc($|[+;])/.test(type) ? undefined : 415;
  }

  #guard(stream: http2.ServerHttp2Stream): void {
    const respond = stream.respond.bind(stream);
    const sendTrailers = stream.sendTrailers.bind(stream);
    stream.respond = (...args) => this.#attempt(stream, () => respond(...args));
    stream.sendTrailers = (...args) => this.#attempt(stream, () => sendTrailers(...args));
  }

  #attempt(stream: http2.ServerHttp2Stream, send: () => void): void {
    try {
      send();
    } catch (error) {
      this.#debug("stream was gone before its answer", error);
      stream.destroy();
    }
  }

  #debug(message: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.logger.debug(message, { error: reason });
  }
}

/** On Deno a session without streams waits for its peer to close; a mute one would keep it. */
function linger({ socket }: Connection): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(timer));
}

function http2ServerOf(server: Server): http2.Http2Server {
  const servers: unknown = Reflect.get(server, "http2Servers");
  if (!(servers instanceof Map) || servers.size !== 1) {
    throw new Error("cannot guard grpc-js as its member http2Servers must be a map of one server");
  }
  const [http2Server] = servers.keys();
  return http2Server;
}

/** Size as RFC 9113, section 6.5.2 counts it: name, value and 32 bytes for each field. */
function headerListBytes(headers: http2.IncomingHttpHeaders): number {
  let total = 0;
  for (const [name, value] of Object.entries(headers)) {
    const values = Array.isArray(value) ? value : [value ?? ""];
    for (const one of values) total += name.length + one.length + 32;
  }
  return total;
}

function clampDeadline(headers: http2.IncomingHttpHeaders): http2.IncomingHttpHeaders {
  const timeout = headers["grpc-timeout"];
  if (typeof timeout === "string") headers["grpc-timeout"] = clampTimeout(timeout);
  return headers;
}
