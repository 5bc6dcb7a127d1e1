// SPDX-License-Identifier: Apache-2.0
/**
 * Where limits come from: files, an ADS server, or both, joined to those that are in force.
 * @module
 */
import { loadClientTls, observeXdsClients, type XdsClientOptions } from "@denvoy/discovery";
import { type ComponentHealth, type Runtime, TextFileSource } from "@denvoy/runtime";
import { LIMIT_FILE } from "./adapters/limit_files.ts";
import { XdsLimitSource } from "./adapters/xds_limit_source.ts";
import type { RlsConfig } from "./config.ts";
import { combineLimits } from "./domain/limit_resources.ts";
import type { DomainLimits } from "./domain/limit_rule.ts";
import { type LimitSet, readLimitSet } from "./domain/limit_set.ts";
import type { LimitsInForce } from "./limits_in_force.ts";
import { checkXdsAddresses } from "./xds_settings.ts";

/** What sources work with. */
export interface LimitSourceParts {
  /** What the process gives. */
  readonly runtime: Runtime;
  /** Where limits go. */
  readonly limits: LimitsInForce;
}

/**
 * Loads the limits of files, connects to the server that serves others, and follows both until it is
 * disposed of. A server need not be there at the start.
 * @throws ProblemError when files have errors, unless that is allowed, or a setting has
 */
export async function openLimitSources(
  config: RlsConfig,
  parts: LimitSourceParts,
): Promise<AsyncDisposable> {
  checkXdsAddresses(config.limitsXds);
  await using opening = new AsyncDisposableStack();
  const joint = new LimitJoint(parts, config);
  if (config.limits !== undefined) {
    opening.use(await loadFiles(config, parts, (set) => joint.takeFiles(set)));
  }
  if (config.limitsXds.length > 0) await openServer(config, { ...parts, opening, joint });
  return opening.move();
}

/** Joins what comes from either side. */
class LimitJoint {
  /** Why resources do not count, by name. */
  hidden: ReadonlyMap<string, string> = new Map();
  /** Told when files changed. */
  onFiles: () => void = () => {};
  readonly #parts: LimitSourceParts;
  readonly #mergeDomains: boolean;
  #files: LimitSet | undefined;
  #resources: ReadonlyMap<string, DomainLimits> = new Map();

  constructor(parts: LimitSourceParts, { mergeDomains }: Pick<RlsConfig, "mergeDomains">) {
    this.#parts = parts;
    this.#mergeDomains = mergeDomains;
  }

  takeFiles(set: LimitSet): void {
    this.#files = set;
    this.#join();
    this.onFiles();
  }

  takeResources(resources: ReadonlyMap<string, DomainLimits>): void {
    this.#resources = resources;
    this.#join();
  }

  #join(): void {
    const { set, hidden } = combineLimits({
      files: this.#files,
      resources: this.#resources,
      mergeDomains: this.#mergeDomains,
    });
    this.#logHidden(hidden);
    this.hidden = hidden;
    this.#parts.limits.take(set);
  }

  #logHidden(hidden: ReadonlyMap<string, string>): void {
    const { logger } = this.#parts.runtime;
    for (const [name, detail] of hidden) {
      if (this.hidden.get(name) === detail) continue;
      logger.warn("limits of a resource do not count", { name, detail });
    }
  }
}

async function loadFiles(
  { limits: path = "", mergeDomains, allowInvalid }: RlsConfig,
  { runtime: { logger, clock }, limits }: LimitSourceParts,
  onLimits: (set: LimitSet) => void,
): Promise<TextFileSource<LimitSet>> {
  const source = new TextFileSource<LimitSet>({
    ...{ path, what: LIMIT_FILE, logger, clock },
    parse(texts) {
      const { set, problems } = readLimitSet(texts, { mergeDomains });
      return { value: set, problems };
    },
    onState(state) {
      if (state.kind === "ok") {
        const { value, files } = state;
        onLimits(value);
        logger.info("took over limits", { files, domains: [...value.domains.keys()].length });
      }
      limits.follow(state);
    },
  });
  await source.load({ allowInvalid });
  return source;
}

interface ServerParts extends LimitSourceParts {
  readonly opening: AsyncDisposableStack;
  readonly joint: LimitJoint;
}

async function openServer(config: RlsConfig, parts: ServerParts): Promise<void> {
  const { runtime, limits, opening, joint } = parts;
  const client = await clientOptions(config, parts);
  const source = opening.use(
    new XdsLimitSource({
      client,
      hidden: () => joint.hidden,
      onLimits: (resources) => joint.takeResources(resources),
      health: serverHealth(config, { runtime, limits }),
    }),
  );
  joint.onFiles = () => source.reportHealth();
  observeXdsClients(runtime.metrics, { clients: () => [source.client], clock: runtime.clock });
}

/** Without files the server is all that there is. */
function serverHealth(
  { limits: path }: RlsConfig,
  { runtime, limits }: LimitSourceParts,
): ComponentHealth {
  return path === undefined ? limits.health : runtime.readiness.component("limits_xds");
}

async function clientOptions(
  config: RlsConfig,
  { runtime: { logger, clock }, opening }: ServerParts,
): Promise<Omit<XdsClientOptions, "health">> {
  const { limitsXdsCa: ca, limitsXdsCert: cert, limitsXdsKey: key } = config;
  const { limitsXdsServerName: serverName, limitsXdsMetadata: metadata } = config;
  const isTls = config.limitsXdsTls || [ca, cert, key, serverName].some((one) => one !== undefined);
  const tls = isTls
    ? opening.use(await loadClientTls({ ca, cert, key, serverName }, { logger, clock }))
    : undefined;
  const { limitsXdsRetryMs: initialMs, limitsXdsRetryMaxMs: maxMs } = config;
  const headers = Object.entries(config.limitsXdsHeaders);
  return {
    servers: config.limitsXds,
    node: { id: config.limitsXdsNode, cluster: config.limitsXdsCluster, metadata },
    ...tls !== undefined && { tls },
    headers: new Map(headers.map(([name, value]) => [name.toLowerCase(), [value]])),
    tuning: { mode: config.limitsXdsMode, backoff: { initialMs, maxMs, factor: 2 } },
    maxReceiveMessageBytes: config.limitsXdsMaxMessageBytes,
    clock,
    logger,
  };
}
