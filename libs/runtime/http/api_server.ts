// SPDX-License-Identifier: Apache-2.0
/**
 * The HTTP port of a service: its own routes and the standard ones, behind the guard, tokens and TLS
 * of its configuration.
 * @module
 */
import type { Clock, Logger, TextPattern } from "@denvoy/base";
import type { ListenAddress } from "../config/address.ts";
import type { TlsFiles } from "../files/tls_files.ts";
import type { TokenFiles } from "../files/token_files.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { createApiHandler } from "./api/api_handler.ts";
import { asksForIdentity } from "./api/authentication.ts";
import type { OpenApiInfo } from "./api/openapi.ts";
import type { AnyRoute } from "./api/route.ts";
import { withStandardRoutes } from "./api/standard_routes.ts";
import type { Readiness } from "./readiness.ts";
import { HttpServer } from "./server/http_server.ts";
import type { HttpLimits } from "./server/message.ts";

/** What the HTTP port of a service is made of. */
export interface ApiServerOptions {
  /** Where to listen. */
  readonly address: ListenAddress;
  /** The service's own routes. */
  readonly routes: readonly AnyRoute[];
  /** Serves these routes alone: no health, metrics or description. @default false */
  readonly ownRoutesOnly?: boolean;
  /** What `/openapi.json` says about the service. */
  readonly info: OpenApiInfo;
  /** Keys; absent means cleartext. With roots for client certificates these are asked for. */
  readonly tls?: TlsFiles;
  /** Tokens; absent means that none are asked for. */
  readonly tokens?: TokenFiles;
  /** Whose client certificates may use the API, by URI SAN, or DNS SAN where there is none. @default nobody's */
  readonly admins?: readonly TextPattern[];
  /** Names by which the server may be called, beside loopback names and IP addresses. */
  readonly hosts: readonly string[];
  /** Serves `/metrics` without a token or client certificate. */
  readonly openMetrics: boolean;
  /** Shown by `/readyz`. */
  readonly readiness: Readiness;
  /** Shown by `/metrics`; requests are counted there too. */
  readonly metrics: Metrics;
  /** Where failures are logged. */
  readonly logger: Logger;
  /** Time. */
  readonly clock: Clock;
  /** Bounds; those left out have their default. */
  readonly limits?: Partial<HttpLimits>;
}

/** Serves the HTTP port of a service. Rejects if the address cannot be bound. */
export async function serveApi(options: ApiServerOptions): Promise<HttpServer> {
  const { address, tls, tokens, metrics, logger, clock, limits } = options;
  const authentication = {
    tokens: () => tokens?.current,
    certificates: tls?.current.clientCa !== undefined,
    admins: options.admins ?? [],
    revoked: () => tls?.current.revoked,
  };
  const routes = options.ownRoutesOnly === true
    ? options.routes
    : withStandardRoutes(options.routes, {
      readiness: options.readiness,
      metrics,
      info: options.info,
      openMetrics: options.openMetrics,
      asksForIdentity: () => asksForIdentity(authentication),
    });
  const own = address.kind === "tcp" ? [address.hostname] : [];
  const hosts = [...own, ...options.hosts];
  const handler = createApiHandler({ routes, hosts, authentication, logger, metrics, clock });
  const server = await HttpServer.listen({
    address,
    handler,
    logger,
    clock,
    ...(tls !== undefined && { tls: tls.current }),
    ...(limits !== undefined && { limits }),
  });
  tls?.subscribe((material) => server.reloadTls(material));
  metrics.observeGauge("http_connections", { help: "Open connections to the HTTP API." }, () => {
    return server.connections;
  });
  return server;
}
