// SPDX-License-Identifier: Apache-2.0
/**
 * The port's server on our own HTTP/2: composes listeners, connections and methods, and drains them.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import type net from "node:net";
import { Listener } from "../grpc_js/listener.ts";
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
import type { Routes } from "./call_head.ts";
import { ConnectionDriver } from "./connection_driver.ts";
import { Deadlines } from "./deadlines.ts";
import { listenCleartext } from "./deno_transport.ts";
import { errorCodeName } from "./error_code.ts";
import type { ConnectionLimits } from "./limits.ts";
import { NodeTransport } from "./node_transport.ts";
import type { Transport, TransportListener } from "./transport.ts";

/** After the grace, the time in which aborted calls may still tell their status. */
const ABORT_FLUSH_MS = 200;

const SHORTEST_SWEEP_MS = 5;
const LONGEST_SWEEP_MS = 250;

/**
 * Serves on our own HTTP/2; see {@linkcode ServerOptions}.
 *
 * @throws Error when the address cannot be had, the keys do not fit together, a limit is not a
 * positive integer, or two methods have one path.
 */
export async function serveHttp2(options: ServerOptions): Promise<GrpcServer> {
  const server = new Http2Server(options);
  await server.listen();
  return server;
}

class Http2Server implements GrpcServer {
  readonly #options: ServerOptions;
  readonly #limits: ServerLimits;
  readonly #connectionLimits: ConnectionLimits;
  readonly #serving: ServingStatus;
  readonly #routes: Routes;
  readonly #deadlines = new Deadlines();
  readonly #drivers = new Set<ConnectionDriver>();
  #listener: TransportListener | undefined = undefined;
  #tlsListener: Listener | undefined = undefined;
  #sweep: ReturnType<typeof setInterval> | undefined = undefined;
  #drained: Promise<void> | undefined = undefined;
  #whenEmpty: (() => void) | undefined = undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#limits = completeLimits(options.limits);
    this.#connectionLimits = connectionLimits(this.#limits);
    const { methods, serving } = withStandardMethods(options.methods);
    this.#serving = serving;
    this.#routes = routesOf(methods);
  }

  async listen(): Promise<void> {
    const { address, logger, tls } = this.#options;
    const onConnection = (transport: Transport) => this.#accept(transport);
    if (tls === undefined) {
      this.#listener = await listenCleartext({ address, logger, onConnection });
    } else {
      this.#tlsListener = await Listener.open({
        address,
        tls,
        logger,
        maxConnections: this.#limits.maxConnections,
        onConnection: (socket: net.Socket, peer: Peer) =>
          onConnection(new NodeTransport(socket, peer)),
      });
      this.#listener = this.#tlsListener;
    }
    this.#sweep = setInterval(() => this.#tick(), sweepMs(this.#limits));
    Deno.unrefTimer(this.#sweep);
  }

  get address(): string {
    if (this.#listener === undefined) throw new Error("cannot use server before it listens");
    return this.#listener.address;
  }

  reloadTls(material: TlsMaterial): void {
    if (this.#tlsListener === undefined) {
      throw new Error("cannot replace TLS keys as the server must have been started with TLS");
    }
    this.#tlsListener.replaceKeys(material);
  }

  setServing(service: string, serving: boolean): void {
    this.#serving.set(service, serving);
  }

  drain(graceMs: number): Promise<void> {
    this.#drained ??= this.#drain(graceMs);
    return this.#drained;
  }

  async #drain(graceMs: number): Promise<void> {
    const closed = this.#listener?.close().catch((error) =>
      this.#options.logger.warn("listener did not close", { error })
    );
    this.#serving.shutDown();
    for (const driver of this.#drivers) driver.drain();
    if (!await this.#emptyWithin(graceMs)) {
      const status = new StatusError(StatusCode.UNAVAILABLE, "server is shutting down");
      for (const driver of [...this.#drivers]) driver.abortCalls(status);
      await this.#emptyWithin(ABORT_FLUSH_MS);
    }
    for (const driver of [...this.#drivers]) driver.cut();
    this.#tlsListener?.cutConnections();
    await this.#emptyWithin(ABORT_FLUSH_MS);
    clearInterval(this.#sweep);
    await closed;
  }

  async #emptyWithin(ms: number): Promise<boolean> {
    if (this.#drivers.size === 0) return true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), ms));
    const empty = new Promise<true>((resolve) => this.#whenEmpty = () => resolve(true));
    try {
      return await Promise.race([empty, timeout]);
    } finally {
      this.#whenEmpty = undefined;
      clearTimeout(timer);
    }
  }

  #accept(transport: Transport): void {
    const { observer, logger } = this.#options;
    if (this.#drivers.size >= this.#limits.maxConnections || this.#drained !== undefined) {
      observer?.connectionRefused();
      return transport.close();
    }
    const driver = new ConnectionDriver({
      transport,
      routes: this.#routes,
      surroundings: {
        peer: transport.peer,
        logger,
        deadlines: this.#deadlines,
        maxMessageBytes: this.#limits.maxReceiveMessageBytes,
        maxBufferedBytes: this.#limits.maxBufferedBytes,
        bufferedBytes: 0,
      },
      limits: this.#connectionLimits,
      lifetime: this.#limits,
      logger,
    });
    this.#drivers.add(driver);
    observer?.connectionOpened();
    this.#run(driver, transport.peer);
  }

  async #run(driver: ConnectionDriver, peer: Peer): Promise<void> {
    const end = await driver.run();
    this.#drivers.delete(driver);
    const report = { code: errorCodeName(end.code), reason: end.reason };
    this.#options.observer?.connectionEnded(report);
    this.#options.logger.debug("connection ended", { peer: peer.address, ...report });
    if (this.#drivers.size === 0) this.#whenEmpty?.();
  }

  #tick(): void {
    const nowMs = performance.now();
    for (const driver of this.#drivers) driver.tick(nowMs);
  }
}

function routesOf(methods: readonly MethodImplementation[]): Routes {
  const routes = new Map<string, MethodImplementation>();
  for (const implementation of methods) {
    const { service, method } = implementation.definition;
    const path = `/${service}/${method}`;
    if (routes.has(path)) {
      throw new Error(`cannot serve method as its path must be unique: is ${path} twice`);
    }
    routes.set(path, implementation);
  }
  return routes;
}

function connectionLimits(limits: ServerLimits): ConnectionLimits {
  return {
    maxConcurrentStreams: limits.maxConcurrentStreams,
    maxHeaderListBytes: limits.maxHeaderListBytes,
    maxContinuationFrames: limits.maxContinuationFrames,
    streamWindowBytes: limits.streamWindowBytes,
    connectionWindowBytes: limits.streamWindowBytes * 4,
    maxOutputBytes: 1_048_576,
    floodRates: {
      "reset": limits.maxResetsPerSecond,
      "ping": limits.maxPingsPerSecond,
      "settings": limits.maxSettingsPerSecond,
      "empty-frame": limits.maxEmptyFramesPerSecond,
    },
  };
}

/** Often enough for the shortest bound, and no more often than that needs. */
function sweepMs(limits: ServerLimits): number {
  const shortest = Math.min(
    limits.handshakeTimeoutMs,
    limits.keepaliveIntervalMs,
    limits.keepaliveTimeoutMs,
    limits.maxConnectionIdleMs,
    limits.maxConnectionAgeMs,
    limits.connectionGraceMs,
    limits.writeTimeoutMs,
  );
  return Math.min(LONGEST_SWEEP_MS, Math.max(SHORTEST_SWEEP_MS, shortest / 4));
}
