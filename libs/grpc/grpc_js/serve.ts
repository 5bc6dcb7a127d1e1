// SPDX-License-Identifier: Apache-2.0
/**
 * The port's server on `@grpc/grpc-js`: composes listener, HTTP/2 access and calls, and drains them.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import {
  logVerbosity,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerOptions as GrpcJsServerOptions,
  setLogVerbosity,
} from "@grpc/grpc-js";
import type { Buffer } from "node:buffer";
import type net from "node:net";
import { ClientWatch } from "../client_watch.ts";
import { completeLimits } from "../limits.ts";
import type {
  GrpcServer,
  MethodImplementation,
  Peer,
  ServerLimits,
  ServerOptions,
  TlsMaterial,
} from "../port.ts";
import { type ServingStatus, withStandardMethods } from "../standard_methods.ts";
import { Http2Access } from "./http2_access.ts";
import { Listener } from "./listener.ts";
import { ServerCall } from "./server_call.ts";

// grpc-js writes to stderr for what any peer can send, e.g. a header with a bad value.
setLogVerbosity(logVerbosity.NONE);

/** After the grace, the time in which aborted calls may still tell their status. */
const abortFlushMs = 200;

/** How often client certificates are looked at. */
const sweepMs = 250;

/**
 * Serves on `@grpc/grpc-js`; see {@linkcode ServerOptions}.
 *
 * @throws Error when the address cannot be had, the keys do not fit together, a limit is not a
 * positive integer, or two methods have one path.
 */
export async function serveGrpcJs(options: ServerOptions): Promise<GrpcServer> {
  const server = new GrpcJsServer(options);
  await server.listen();
  return server;
}

class GrpcJsServer implements GrpcServer {
  readonly #options: ServerOptions;
  readonly #limits: ServerLimits;
  readonly #serving: ServingStatus;
  readonly #methods = new Map<string, MethodImplementation>();
  readonly #calls = new Set<ServerCall>();
  readonly #server: Server;
  readonly #access: Http2Access;
  /** Connections are told apart by their peers. */
  readonly #clients: ClientWatch<Peer>;
  #listener: Listener | undefined;
  #sweep: ReturnType<typeof setInterval> | undefined;
  #drained: Promise<void> | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#limits = completeLimits(options.limits);
    this.#clients = new ClientWatch({
      server: options,
      end: (peer, status) => this.#end(peer, status),
    });
    const { methods, serving } = withStandardMethods(options.methods);
    this.#serving = serving;
    const intercept: ServerInterceptor = (method, call) => this.#intercept(method.path, call);
    this.#server = new Server({ ...channelOptions(this.#limits), interceptors: [intercept] });
    for (const method of methods) this.#register(method);
    this.#access = this.#openAccess();
  }

  async listen(): Promise<void> {
    const { address, tls, logger } = this.#options;
    this.#listener = await Listener.open({
      address,
      tls,
      logger,
      maxConnections: this.#limits.maxConnections,
      handshakeTimeoutMs: this.#limits.handshakeTimeoutMs,
      onConnection: (socket, peer) => this.#accept(socket, peer),
    });
    if (tls?.clientCa === undefined) return;
    this.#sweep = setInterval(() => this.#clients.sweep(), sweepMs);
    Deno.unrefTimer(this.#sweep);
  }

  get address(): string {
    return this.#listening.address;
  }

  reloadTls(material: TlsMaterial): void {
    this.#listening.replaceKeys(material);
    this.#clients.reload(material);
  }

  setServing(service: string, serving: boolean): void {
    this.#serving.set(service, serving);
  }

  drain(graceMs: number): Promise<void> {
    this.#drained ??= this.#drain(graceMs);
    return this.#drained;
  }

  get #listening(): Listener {
    if (this.#listener === undefined) throw new Error("cannot use server before it listens");
    return this.#listener;
  }

  #accept(socket: net.Socket, peer: Peer): void {
    if (this.#clients.refuses(peer)) {
      socket.destroy();
      return;
    }
    this.#clients.hold(peer, peer);
    socket.once("close", () => this.#clients.release(peer));
    this.#access.accept(socket, peer);
  }

  #end(peer: Peer, status: StatusError): void {
    for (const call of [...this.#calls]) if (call.peer === peer) call.abort(status);
    this.#access.end(peer);
  }

  async #drain(graceMs: number): Promise<void> {
    clearInterval(this.#sweep);
    const closed = this.#listening.close();
    this.#serving.shutDown();
    this.#access.closeGracefully();
    if (!await this.#emptyWithin(graceMs)) {
      const status = new StatusError(StatusCode.UNAVAILABLE, "server is shutting down");
      for (const call of [...this.#calls]) call.abort(status);
      await this.#emptyWithin(abortFlushMs);
    }
    this.#access.destroy();
    this.#listening.cutConnections();
    await closed.catch((error) => this.#options.logger.warn("listener did not close", { error }));
    this.#server.forceShutdown();
  }

  async #emptyWithin(ms: number): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), ms));
    try {
      return await Promise.race([this.#access.whenEmpty().then(() => true), timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  #openAccess(): Http2Access {
    const injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
    return new Http2Access({
      server: this.#server,
      inject: (socket) => injector.injectConnection(socket),
      limits: this.#limits,
      logger: this.#options.logger,
    });
  }

  #register(implementation: MethodImplementation): void {
    const { service, method } = implementation.definition;
    const path = `/${service}/${method}`;
    if (this.#methods.has(path)) {
      throw new Error(`cannot serve method as its path must be unique: is ${path} twice`);
    }
    this.#methods.set(path, implementation);
    // The interceptor runs every call; what grpc-js itself knows of a method is only its path.
    this.#server.register(path, () => {}, passBuffer, passBuffer, "bidi");
  }

  #intercept(path: string, call: ConstructorParameters<typeof ServerInterceptingCall>[0]) {
    const implementation = this.#methods.get(path);
    if (implementation === undefined) throw new Error(`cannot run ${path} as it is not registered`);
    const running = new ServerCall(call, {
      implementation,
      peer: this.#access.currentPeer,
      logger: this.#options.logger,
      onEnd: (ended) => this.#calls.delete(ended),
    });
    this.#calls.add(running);
    return new ServerInterceptingCall(call, { start: () => running.start() });
  }
}

function channelOptions(limits: ServerLimits): GrpcJsServerOptions {
  return {
    "grpc.max_receive_message_length": limits.maxReceiveMessageBytes,
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": limits.maxConcurrentStreams,
    "grpc.keepalive_time_ms": limits.keepaliveIntervalMs,
    "grpc.keepalive_timeout_ms": limits.keepaliveTimeoutMs,
    "grpc.enable_channelz": 0,
  };
}

function passBuffer(message: Buffer): Buffer {
  return message;
}
