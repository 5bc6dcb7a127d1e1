// SPDX-License-Identifier: Apache-2.0
/**
 * Joins the secrets with the listeners: streams see them through their caller's view, and hear of
 * each change that concerns them.
 * @module
 */
import {
  discoveryMethods,
  discoveryObserver,
  PollAnswerer,
  restRoutes,
  SECRET_DISCOVERY_SERVICES,
} from "@denvoy/discovery";
import { type GrpcServer, type ListenAddress, serveGrpc, type TlsMaterial } from "@denvoy/grpc";
import { type AnyRoute, grpcConnectionMetrics, grpcLimits, type Runtime } from "@denvoy/runtime";
import { DEFAULT_TUNING, Hub } from "@denvoy/xds";
import type { SdsConfig } from "./config.ts";
import type { VisibleSecrets } from "./domain/caller_view.ts";
import type { Audit } from "./handlers/audit.ts";
import type { CallerIdentity } from "./handlers/caller_identity.ts";
import { secretPolls } from "./handlers/secret_polls.ts";
import { SecretSessions } from "./handlers/secret_sessions.ts";
import type { SdsInstruments } from "./metrics.ts";

/** What serving is made of. */
export interface ServingParts {
  /** The settings. */
  readonly config: SdsConfig;
  /** What the process gives. */
  readonly runtime: Runtime;
  /** What is served. */
  readonly secrets: VisibleSecrets;
  /** Finds out who callers are. */
  readonly identity: CallerIdentity;
  /** Told of grants and refusals. */
  readonly audit: Audit;
  /** Where it is counted. */
  readonly instruments: SdsInstruments;
  /** Paths of the unix sockets of workloads. */
  readonly sockets: Iterable<string>;
}

/** Streams and polls of secrets. */
export class Serving {
  /** The streams. */
  readonly hub: Hub;
  /** Who they belong to. */
  readonly sessions: SecretSessions;
  readonly #parts: ServingParts;
  readonly #polls: PollAnswerer;

  /** Follows the secrets from now on. */
  constructor(parts: ServingParts) {
    const { config, runtime: { clock, logger }, instruments, secrets, identity, audit } = parts;
    const { maxNames } = config;
    this.#parts = parts;
    this.hub = new Hub({
      clock,
      observer: discoveryObserver({
        instruments,
        logger,
        typeLabel: () => "secrets",
        addressOf: (stream) => this.sessions.addressOf(stream),
      }),
      tuning: { tellRemovals: true, limits: { ...DEFAULT_TUNING.limits, maxNames } },
      // An older key or bundle could have been revoked: it never takes the place of a newer one.
      verdicts: { rollback: false },
      instance: clock.nowMs().toString(36),
    });
    const { hub } = this;
    this.sessions = new SecretSessions({ ...secrets, hub, identity, audit, clock, maxNames });
    const views = secretPolls(this.sessions, secrets.book);
    this.#polls = new PollAnswerer({ hub, views, clock });
  }

  /** Opens the gRPC listeners; the TLS keys of the first follow their files. */
  async listen(): Promise<readonly [main: GrpcServer, ...sockets: GrpcServer[]]> {
    const { config, runtime: { tls }, sockets } = this.#parts;
    const main = await this.#listenAt(config.grpcAddress, tls?.current);
    tls?.subscribe((material) => main.reloadTls(material));
    const others: GrpcServer[] = [];
    try {
      for (const path of sockets) others.push(await this.#listenAt({ kind: "unix", path }));
      return [main, ...others];
    } catch (error) {
      await Promise.all([main, ...others].map((server) => server.drain(0)));
      throw error;
    }
  }

  /** The routes of the HTTP port that poll for secrets. */
  routes(): readonly AnyRoute[] {
    const services = SECRET_DISCOVERY_SERVICES;
    return restRoutes({ services, polls: this.#polls, waitMs: 0, access: "open" });
  }

  #listenAt(address: ListenAddress, tls?: TlsMaterial): Promise<GrpcServer> {
    const { config, runtime: { logger, metrics } } = this.#parts;
    const { hub, sessions } = this;
    const polls = this.#polls;
    return serveGrpc({
      transport: config.grpcServer,
      address,
      methods: discoveryMethods({
        services: SECRET_DISCOVERY_SERVICES,
        hub,
        sessions,
        polls,
        withoutNodeExtensions: true,
      }),
      ...(tls && { tls }),
      limits: grpcLimits(config),
      logger,
      ...(address === config.grpcAddress && { observer: grpcConnectionMetrics(metrics) }),
    });
  }
}
