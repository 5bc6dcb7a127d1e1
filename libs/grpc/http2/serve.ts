// SPDX-License-Identifier: Apache-2.0
/**
 * The port's server on our own HTTP/2: composes listeners, connections and methods, and drains them.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
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
import type { Routes } from "./call_head.ts";
import { ConnectionDriver } from "./connection_driver.ts";
import { Deadlines } from "./deadlines.ts";
import { listenPlain } from "./deno_transport.ts";
import { errorCodeName } from "./error_code.ts";
import type { ConnectionLimits } from "./limits.ts";
import { TlsHandshakes } from "./tls_handshakes.ts";
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
  readonly #handshakes = new Set<Transport>();
  readonly #tls: TlsHandshakes | undefined;
  readonly #clients: ClientWatch<ConnectionDriver>;
  #listener: TransportListener | undefined = undefined;
  #sweep: ReturnType<typeof setInterval> | undefined = undefined;
  #drained: Promise<void> | undefined = undefined;
  #whenEmpty: (() => void) | undefined = undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#limits = completeLimits(options.limits);
    this.#tls = options.tls === undefined ? undefined : new TlsHandshakes(options.tls);
    this.#clients = new ClientWatch({
      server: options,
      end: (driver, status) => driver.abortCalls(status, status.message),
    });
    this.#connectionLimits = connectionLimits(this.#limits);
    const { methods, serving } = withStandardMethods(options.methods);
    this.#serving = serving;
    this.#routes = routesOf(methods);
  }

  async listen(): Promise<void> {
    const { address, logger } = this.#options;
    const onConnection = (plain: Transport) => this.#accept(plain);
    this.#listener = await listenPlain({ address, logger, onConnection });
    this.#sweep = setInterval(() => this.#tick(), sweepMs(this.#limits));
    Deno.unrefTimer(this.#sweep);
  }

  get address(): string {
    if (this.#listener === undefined) throw new Error("cannot use server before it listens");
    return this.#listener.address;
  }

  reloadTls(material: TlsMaterial): void {
    if (this.#tls === undefined) {
      throw new Error("cannot replace TLS keys as the server must have been started with TLS");
    }
    this.#tls.replaceKeys(material);
    this.#clients.reload(material);
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
    for (const plain of this.#handshakes) plain.close();
    for (const driver of this.#drivers) driver.drain();
    if (!await this.#emptyWithin(graceMs)) {
      const status = new StatusError(StatusCode.UNAVAILABLE, "server is shutting down");
      for (const driver of [...this.#drivers]) driver.abortCalls(status);
      await this.#emptyWithin(ABORT_FLUSH_MS);
    }
    for (const driver of [...this.#drivers]) driver.cut();
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

  #accept(plain: Transport): void {
    const connections = this.#drivers.size + this.#handshakes.size;
    if (connections >= this.#limits.maxConnections || this.#drained !== undefined) {
      this.#options.observer?.connectionRefused();
      return plain.close();
    }
    if (this.#tls === undefined) this.#serve(plain);
    else this.#secure(plain, this.#tls);
  }

  async #secure(plain: Transport, tls: TlsHandshakes): Promise<void> {
    this.#handshakes.add(plain);
    const timer = setTimeout(() => plain.close(), this.#limits.handshakeTimeoutMs);
    try {
      const secure = await tls.accept(plain);
      if (this.#drained === undefined && !this.#clients.refuses(secure.peer)) this.#serve(secure);
      else secure.close();
    } catch (error) {
      plain.close();
      const reason = error instanceof Error ? error.message : String(error);
      const fields = { peer: plain.peer.address, error: reason };
      this.#options.logger.debug("TLS handshake failed", fields);
    } finally {
      clearTimeout(timer);
      this.#handshakes.delete(plain);
    }
  }

  #serve(transport: Transport): void {
    const { observer, logger } = this.#options;
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
    this.#clients.hold(driver, transport.peer);
    observer?.connectionOpened();
    this.#run(driver, transport.peer);
  }

  async #run(driver: ConnectionDriver, peer: Peer): Promise<void> {
    const end = await driver.run();
    this.#drivers.delete(driver);
    this.#clients.release(driver);
    const report = { code: errorCodeName(end.code), reason: end.reason };
    this.#options.observer?.connectionEnded(report);
    this.#options.logger.debug("connection ended", { peer: peer.address, ...report });
    if (this.#drivers.size === 0) this.#whenEmpty?.();
  }

  #tick(): void {
    const nowMs = performance.now();
    for (const driver of this.#drivers) driver.tick(nowMs);
    this.#clients.sweep();
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
