// SPDX-License-Identifier: Apache-2.0
/**
 * Joins the configuration with its listeners: streams see it through their node's view, and hear of
 * each change that concerns them.
 * @module
 */
import type { NodeIdentityTemplate } from "@denvoy/base";
import {
  DISCOVERY_SERVICES,
  discoveryMethods,
  discoveryObserver,
  PollAnswerer,
  restRoutes,
} from "@denvoy/discovery";
import { type GrpcServer, serveGrpc } from "@denvoy/grpc";
import { type AnyRoute, grpcConnectionMetrics, grpcLimits, type Runtime } from "@denvoy/runtime";
import { DEFAULT_TUNING, Hub } from "@denvoy/xds";
import type { SdsSecrets } from "./adapters/sds_secrets.ts";
import type { AdsConfig } from "./config.ts";
import type { Configuration } from "./domain/configuration.ts";
import { clientStatusMethods } from "./handlers/client_status.ts";
import { clientStatusRoute } from "./handlers/client_status_route.ts";
import { nodePolls } from "./handlers/node_polls.ts";
import { nodeRoutes } from "./handlers/nodes_api.ts";
import { NodeSessions } from "./handlers/node_sessions.ts";
import { rejectionRoutes } from "./handlers/rejections_api.ts";
import { SecretStreams } from "./handlers/secret_streams.ts";
import { streamEvents } from "./handlers/stream_events.ts";
import { type AdsInstruments, typeLabel } from "./metrics.ts";
import { SdsHealth } from "./sds_health.ts";

/** What serving is made of. */
export interface ServingParts {
  /** The settings. */
  readonly config: AdsConfig;
  /** What the process gives. */
  readonly runtime: Runtime;
  /** What is served. */
  readonly configuration: Configuration;
  /** Where it is counted. */
  readonly instruments: AdsInstruments;
  /** Which certificate a node must show. */
  readonly identity: NodeIdentityTemplate | undefined;
  /** Where secrets of nodes come from that the catalog does not have. */
  readonly sds: SdsSecrets | undefined;
}

/** Streams, polls and status of one configuration. */
export class Serving {
  /** The streams. */
  readonly hub: Hub;
  /** Who they belong to. */
  readonly sessions: NodeSessions;
  readonly #parts: ServingParts;
  readonly #polls: PollAnswerer;
  readonly #secrets: SecretStreams | undefined;

  /** Follows the configuration from now on. */
  constructor(parts: ServingParts) {
    const { config, configuration, identity, runtime: { clock, logger }, instruments } = parts;
    const { views, publisher, rollouts, rolloutControl } = configuration;
    this.#parts = parts;
    this.hub = new Hub({
      clock,
      observer: streamEvents({
        instruments,
        logger,
        rollouts,
        rolloutControl,
        sessions: () => this.sessions,
      }),
      tuning: {
        maxWaitMs: config.orderingTimeoutMs,
        tellRemovals: config.tellRemovals,
        limits: { ...DEFAULT_TUNING.limits, maxNames: config.maxNames },
      },
      verdicts: { rollback: config.rollback },
      instance: clock.nowMs().toString(36),
    });
    const { hub } = this;
    this.sessions = new NodeSessions({
      hub,
      views,
      clock,
      logger,
      ...(identity && { identity }),
    });
    const { sessions } = this;
    this.#polls = new PollAnswerer({
      hub,
      views: nodePolls({ views, publisher, sessions }),
      clock,
    });
    publisher.listen((changes) => {
      for (const { view, keys } of changes) hub.changed(view, keys);
    });
    this.#secrets = this.#secretStreams();
  }

  /** Opens the gRPC listener; its TLS keys follow their files. */
  async listen(): Promise<GrpcServer> {
    const { config, runtime: { logger, metrics, tls, clock } } = this.#parts;
    const { hub, sessions } = this;
    const server = await serveGrpc({
      transport: config.grpcServer,
      address: config.grpcAddress,
      methods: [
        ...discoveryMethods({
          services: DISCOVERY_SERVICES,
          hub,
          sessions,
          polls: this.#polls,
          ...(this.#secrets && { beside: this.#secrets }),
        }),
        ...clientStatusMethods({ sessions, clock }),
      ],
      ...(tls && { tls: tls.current }),
      limits: grpcLimits(config),
      logger,
      observer: grpcConnectionMetrics(metrics),
    });
    tls?.subscribe((material) => server.reloadTls(material));
    return server;
  }

  /** The routes of the HTTP port that streams answer. */
  routes(): readonly AnyRoute[] {
    const { config, runtime: { clock } } = this.#parts;
    const { hub, sessions } = this;
    return [
      ...restRoutes({
        services: DISCOVERY_SERVICES,
        polls: this.#polls,
        waitMs: config.restWaitMs,
      }),
      clientStatusRoute({ sessions, clock }),
      ...nodeRoutes({ sessions, clock }),
      ...rejectionRoutes({ hub, sessions, clock }),
    ];
  }

  #secretStreams(): SecretStreams | undefined {
    const { config, configuration, identity, sds, instruments, runtime } = this.#parts;
    if (sds === undefined) return undefined;
    const { clock, logger, readiness } = runtime;
    const { views, publisher } = configuration;
    const { maxNames, rollback } = config;
    const addressOf = () => undefined;
    return new SecretStreams({
      openSource: (asking, listener) => sds.open(asking, listener),
      sessions: this.sessions,
      ...{ identity, views, publisher, maxNames, clock, logger },
      hub: {
        observer: discoveryObserver({ instruments, logger, typeLabel, addressOf }),
        tuning: { limits: { ...DEFAULT_TUNING.limits, maxNames } },
        verdicts: { rollback },
        instance: `s${clock.nowMs().toString(36)}`,
      },
      health: new SdsHealth(readiness.component("sds"), logger),
    });
  }
}
