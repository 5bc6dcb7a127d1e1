// SPDX-License-Identifier: Apache-2.0
/**
 * What envoyproxy/ratelimit offers beside its service, for dashboards and scripts that know it: debug
 * port, Prometheus port, statsd.
 * @module
 */
import { type Problem, ProblemError } from "@denvoy/base";
import {
  type AnyRoute,
  type HttpServer,
  isLoopback,
  type ListenAddress,
  Metrics,
  type Runtime,
  serveApi,
} from "@denvoy/runtime";
import { StatsdExporter } from "./adapters/statsd_exporter.ts";
import type { RlsConfig } from "./config.ts";
import { referenceStats } from "./domain/reference_stats.ts";
import { debugRoutes, prometheusRoute, type ReferenceRouteParts } from "./http/reference_routes.ts";

/** What is opened with it. */
export interface ReferencePortsParts extends ReferenceRouteParts {
  /** The service's. */
  readonly runtime: Runtime;
}

/** Ports and exporter that were asked for. Dispose of it to close them. */
export class ReferencePorts implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  /** Their addresses with real ports, by name. */
  readonly addresses: Readonly<Record<string, string>>;

  /** Opens what the settings ask for. @throws ProblemError for an address that is exposed or taken */
  static async open(config: RlsConfig, parts: ReferencePortsParts): Promise<ReferencePorts> {
    await using stack = new AsyncDisposableStack();
    const addresses: Record<string, string> = {};
    const serve = async (name: string, address: ListenAddress, routes: readonly AnyRoute[]) => {
      refuseExposed(`--${name}-address`, { address, insecure: config.insecure });
      const server = stack.use(await servePort(parts.runtime, { name, address, routes }));
      addresses[name] = server.address;
    };
    const { debugAddress, prometheusAddress, prometheusPath } = config;
    if (debugAddress !== undefined) await serve("debug", debugAddress, debugRoutes(parts));
    if (prometheusAddress !== undefined) {
      await serve("prometheus", prometheusAddress, [prometheusRoute(prometheusPath, parts)]);
    }
    if (config.statsdAddress !== undefined) stack.use(statsdExporter(config, parts));
    return new ReferencePorts(stack.move(), addresses);
  }

  private constructor(
    stack: AsyncDisposableStack,
    addresses: Readonly<Record<string, string>>,
  ) {
    this.#stack = stack;
    this.addresses = addresses;
  }

  /** Closes everything; statsd is told the last values. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function statsdExporter(config: RlsConfig, { runtime, counts }: ReferencePortsParts) {
  const { statsdAddress: address, statsdProtocol: protocol } = config;
  if (address?.kind !== "tcp") {
    throw refusal("--statsd-address", "must be host:port: a path is given");
  }
  return new StatsdExporter({
    address: { hostname: address.hostname, port: address.port },
    protocol,
    format: config.statsdFormat,
    tags: config.statsdTags,
    intervalMs: config.statsdIntervalMs,
    stats: () => referenceStats(counts()),
    clock: runtime.clock,
    logger: runtime.logger,
  });
}

interface Port {
  readonly name: string;
  readonly address: ListenAddress;
  readonly routes: readonly AnyRoute[];
}

/** Its requests are counted for nobody: they are few, and the HTTP port has metrics of its own. */
async function servePort(
  { service, version, logger, clock, readiness }: Runtime,
  { name, address, routes }: Port,
): Promise<HttpServer> {
  try {
    return await serveApi({
      ...{ address, routes, logger, clock, readiness, hosts: [] },
      ownRoutesOnly: true,
      openMetrics: false,
      info: { title: `Denvoy ${service} ${name}`, description: "", version },
      metrics: new Metrics({ service: `${service}_${name}`, clock }),
    });
  } catch (error) {
    throw refusal(`--${name}-address`, error instanceof Error ? error.message : String(error));
  }
}

function refuseExposed(
  path: string,
  { address, insecure }: { readonly address: ListenAddress; readonly insecure: boolean },
): void {
  if (insecure || isLoopback(address)) return;
  throw refusal(
    path,
    "cannot listen wider than loopback in cleartext: listen on 127.0.0.1, or allow it with --insecure",
  );
}

function refusal(path: string, message: string): ProblemError {
  const problem: Problem = { severity: "error", path, message };
  return new ProblemError([problem]);
}
