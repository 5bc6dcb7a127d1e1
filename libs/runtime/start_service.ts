// SPDX-License-Identifier: Apache-2.0
/**
 * Starts one service inside a process: configuration in, a handle with its addresses out. Touches
 * nothing global, so that several services can run side by side.
 * @module
 */
import {
  type Clock,
  formatProblem,
  type Logger,
  type Problem,
  ProblemError,
  TextPattern,
} from "@denvoy/base";
import { checkExposure, exposureWarnings } from "./check_exposure.ts";
import type { ConfigOf, Fields, Schema, SharedConfig } from "./config/schema.ts";
import { loadTlsFiles, type TlsFiles } from "./files/tls_files.ts";
import { loadTokenFiles, type TokenFiles } from "./files/token_files.ts";
import { serveApi } from "./http/api_server.ts";
import type { AnyRoute } from "./http/api/route.ts";
import { Readiness } from "./http/readiness.ts";
import type { HttpServer } from "./http/server/http_server.ts";
import { createLogger } from "./logs/logger.ts";
import { Metrics } from "./metrics/metrics.ts";
import { registerProcessMetrics } from "./metrics/process_metrics.ts";
import { registerTlsMetrics } from "./metrics/tls_metrics.ts";
import { listenFailure, startFailure } from "./start_failure.ts";
import { systemClock } from "./system_clock.ts";

/** What a service's `start` works with. */
export interface Runtime {
  /** Name of the service. */
  readonly service: string;
  /** Version of Denvoy. */
  readonly version: string;
  /** Its logger; every line names the service. */
  readonly logger: Logger;
  /** Its metrics. */
  readonly metrics: Metrics;
  /** Its components and how they are. */
  readonly readiness: Readiness;
  /** The system's clock. */
  readonly clock: Clock;
  /** Keys of both ports, kept up to date; absent without `--tls-cert`. */
  readonly tls: TlsFiles | undefined;
  /**
   * Serves the HTTP port with these routes and the standard ones; returns its address. Called at
   * most once, when the routes can answer; a service that does not call it has the standard routes.
   */
  serveHttp(routes: readonly AnyRoute[]): Promise<string>;
}

/** A service that runs. */
export interface RunningApp {
  /** Where gRPC listens, with the real port; absent if it does not. */
  readonly grpcAddress?: string;
  /** Other addresses by name, e.g. `debug`. */
  readonly addresses?: Readonly<Record<string, string>>;
  /** Stops accepting, lets calls end for at most `graceMs`, closes everything. Must not reject. */
  stop(graceMs: number): Promise<void>;
}

/** A service: its configuration and how it starts. */
export interface ServiceDefinition<F extends Fields = Fields> {
  /** Its configuration schema. */
  readonly schema: Schema<F>;
  /** Version of Denvoy. */
  readonly version: string;
  /**
   * Returns the setting without which there is nothing to serve, in the user's words (`--limits`);
   * undefined when nothing is missing. A start without it is refused, and `denvoy serve` that names
   * no service leaves it out. @default nothing ever is
   */
  missing?(config: ConfigOf<Schema<F>>): string | undefined;
  /** Starts it. Throws, best a ProblemError, when it cannot; what it had opened is then closed. */
  start(config: ConfigOf<Schema<F>>, runtime: Runtime): Promise<RunningApp>;
}

/** What can be replaced when a service is started inside another program. */
export interface StartOptions {
  /** Replaces the logger made from the configuration. */
  readonly logger?: Logger;
  /** Replaces the system's clock. */
  readonly clock?: Clock;
}

/** A service that was started. */
export interface ServiceHandle extends AsyncDisposable {
  /** Its name. */
  readonly service: string;
  /** Its addresses with real ports: `grpc`, `http`, and others that it named. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Its logger. */
  readonly logger: Logger;
  /** Its metrics. */
  readonly metrics: Metrics;
  /** How it is. */
  readonly readiness: Readiness;
  /** Drains and closes it within `graceMs`, by default the configured grace. Never rejects; idempotent. */
  stop(graceMs?: number): Promise<void>;
}

/**
 * Starts a service with a complete configuration.
 *
 * Rejects with ProblemError when the configuration exposes a port unprotected, or with what kept the
 * service from starting; everything opened until then is closed.
 */
export async function startService<F extends Fields>(
  definition: ServiceDefinition<F>,
  config: ConfigOf<Schema<F>>,
  options: StartOptions = {},
): Promise<ServiceHandle> {
  // ConfigOf holds the shared fields for every schema; the compiler cannot see it through generics.
  const shared = config as unknown as SharedConfig;
  assertUsable([...missingSetting(definition, config), ...checkExposure(shared)]);
  const { schema: { service } } = definition;
  const logger = options.logger?.with({ service }) ?? createLogger({
    level: shared.logLevel,
    format: shared.logFormat,
    fields: { service },
  });
  for (const warning of exposureWarnings(shared)) logger.warn(formatProblem(warning));
  const host = new ServiceHost({ definition, shared, logger, clock: options.clock ?? systemClock });
  return await host.start((runtime) => definition.start(config, runtime));
}

interface HostOptions {
  readonly definition: Pick<ServiceDefinition, "version"> & {
    readonly schema: Pick<Schema, "service" | "summary">;
  };
  readonly shared: SharedConfig;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Owns what a service is given, and closes it in the reverse order. */
class ServiceHost {
  readonly #options: HostOptions;
  readonly #service: string;
  readonly #metrics: Metrics;
  readonly #readiness: Readiness;
  readonly #owned = new AsyncDisposableStack();
  #tls: TlsFiles | undefined;
  #tokens: TokenFiles | undefined;
  #http: HttpServer | undefined;
  #app: RunningApp | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
    this.#service = options.definition.schema.service;
    this.#metrics = new Metrics({ service: this.#service, clock: options.clock });
    this.#readiness = new Readiness(options.clock);
    this.#readiness.registerMetrics(this.#metrics);
  }

  async start(start: (runtime: Runtime) => Promise<RunningApp>): Promise<ServiceHandle> {
    const { clock, definition: { version }, logger } = this.#options;
    try {
      this.#owned.use(
        registerProcessMetrics(this.#metrics, { clock, version, service: this.#service }),
      );
      await this.#loadFiles();
      this.#app = await start(this.#runtime());
      if (this.#http === undefined) await this.#serveHttp([]);
      const addresses = this.#addresses(this.#app);
      logger.info("service started", { version, ...addresses });
      return this.#handle(addresses);
    } catch (error) {
      await this.#stopOnce(0);
      const address = this.#options.shared.grpcAddress;
      throw startFailure(listenFailure(error, { flag: "--grpc-address", address }));
    }
  }

  async #loadFiles(): Promise<void> {
    const { shared, logger, clock } = this.#options;
    const { tlsCert, tlsKey, clientCa, tlsCrl, httpTokenFiles } = shared;
    const failures = this.#metrics.counter("file_reload_failures_total", {
      help: "Changed files that could not be used, so that the last good ones stayed.",
      labels: ["what"],
    });
    if (tlsCert !== undefined && tlsKey !== undefined) {
      const paths = {
        ...{ cert: tlsCert, key: tlsKey },
        ...(clientCa !== undefined && { clientCa }),
        ...(tlsCrl !== undefined && { crl: tlsCrl }),
      };
      this.#tls = this.#owned.use(
        await loadTlsFiles(paths, {
          ...{ logger, clock, health: this.#readiness.component("tls") },
          failures: failures.with({ what: "tls" }),
          ...(tlsCrl !== undefined && {
            lists: {
              health: this.#readiness.component("tls_crl"),
              failures: failures.with({ what: "tls_crl" }),
            },
          }),
        }),
      );
      registerTlsMetrics(this.#metrics, this.#tls);
    }
    if (httpTokenFiles.length > 0) {
      const health = this.#readiness.component("http_tokens");
      const counter = failures.with({ what: "http_tokens" });
      this.#tokens = this.#owned.use(
        await loadTokenFiles(httpTokenFiles, { logger, clock, health, failures: counter }),
      );
    }
  }

  #runtime(): Runtime {
    const { clock, definition: { version }, logger } = this.#options;
    return {
      service: this.#service,
      version,
      logger,
      clock,
      metrics: this.#metrics,
      readiness: this.#readiness,
      tls: this.#tls,
      serveHttp: (routes) => this.#serveHttp(routes),
    };
  }

  async #serveHttp(routes: readonly AnyRoute[]): Promise<string> {
    if (this.#http !== undefined) throw new TypeError("Cannot serve HTTP as it is served already");
    const { shared, definition, logger, clock } = this.#options;
    const address = shared.httpAddress;
    this.#http = await serveApi({
      address,
      routes,
      info: {
        title: `Denvoy ${this.#service}`,
        description: definition.schema.summary,
        version: definition.version,
      },
      ...(this.#tls !== undefined && { tls: this.#tls }),
      ...(this.#tokens !== undefined && { tokens: this.#tokens }),
      admins: shared.httpAdmins.map((pattern) => new TextPattern(pattern)),
      hosts: shared.httpHosts,
      openMetrics: shared.httpOpenMetrics,
      readiness: this.#readiness,
      metrics: this.#metrics,
      logger,
      clock,
    }).catch((error: unknown) => {
      throw listenFailure(error, { flag: "--http-address", address });
    });
    return this.#http.address;
  }

  #addresses(app: RunningApp): Readonly<Record<string, string>> {
    return {
      ...(app.grpcAddress !== undefined && { grpc: app.grpcAddress }),
      ...(this.#http !== undefined && { http: this.#http.address }),
      ...app.addresses,
    };
  }

  #handle(addresses: Readonly<Record<string, string>>): ServiceHandle {
    const { shared, logger } = this.#options;
    return {
      service: this.#service,
      addresses,
      logger,
      metrics: this.#metrics,
      readiness: this.#readiness,
      stop: (graceMs = shared.shutdownGraceMs) => this.#stopOnce(graceMs),
      [Symbol.asyncDispose]: () => this.#stopOnce(0),
    };
  }

  #stopOnce(graceMs: number): Promise<void> {
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  async #stopApp(graceMs: number): Promise<void> {
    if (this.#app === undefined) return;
    try {
      await withinMs(this.#app.stop(graceMs), graceMs + STOP_MARGIN_MS);
    } catch (error) {
      this.#options.logger.error("service did not stop cleanly", { error });
    }
  }

  /** HTTP goes last: `/readyz` tells load balancers meanwhile that the service drains. */
  async #stop(graceMs: number): Promise<void> {
    const { clock, logger } = this.#options;
    const endMs = clock.monotonicMs() + graceMs;
    this.#readiness.drain();
    await this.#stopApp(graceMs);
    await this.#http?.close(Math.max(0, endMs - clock.monotonicMs()));
    await this.#owned.disposeAsync();
    if (this.#app !== undefined) logger.info("service stopped");
  }
}

const STOP_MARGIN_MS = 2_000;

/** Rejects after `limitMs`. Its timer holds the process, unlike the clock's, so that a drain ends. */
async function withinMs(work: Promise<void>, limitMs: number): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`not done in ${limitMs} ms`)), limitMs);
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function missingSetting<F extends Fields>(
  definition: ServiceDefinition<F>,
  config: ConfigOf<Schema<F>>,
): readonly Problem[] {
  const path = definition.missing?.(config);
  const { service } = definition.schema;
  const message = `cannot start ${service} as it has nothing to serve without this setting`;
  return path === undefined ? [] : [{ severity: "error", path, message }];
}

function assertUsable(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new ProblemError(problems);
}
