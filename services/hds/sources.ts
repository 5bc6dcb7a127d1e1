// SPDX-License-Identifier: Apache-2.0
/**
 * Opens the sources of clusters: files, ads and the API; and follows host names.
 * @module
 */
import { formatProblem, type Logger } from "@denvoy/base";
import { loadClientTls, observeXdsClients } from "@denvoy/discovery";
import {
  type ComponentHealth,
  type Runtime,
  TextFileSource,
  type TextFileState,
} from "@denvoy/runtime";
import { AdsSource } from "./adapters/ads_source.ts";
import { NameResolver } from "./adapters/name_resolver.ts";
import { ApiClusters } from "./api_clusters.ts";
import type { HdsConfig } from "./config.ts";
import type { CheckedCluster, ClusterSource } from "./domain/checked_cluster.ts";
import { readClusterTexts } from "./domain/cluster_document.ts";
import type { ClusterReadOptions } from "./domain/cluster_reader.ts";
import type { DefaultCheck } from "./domain/health_check.ts";
import type { HealthControl } from "./health_control.ts";
import type { HdsInstruments } from "./metrics.ts";
import { envoyFactsOf } from "./settings.ts";

/** What sources are opened with. */
export interface SourceParts {
  /** The settings. */
  readonly config: HdsConfig;
  /** What the process gives. */
  readonly runtime: Runtime;
  /** What takes clusters. */
  readonly control: HealthControl;
  /** Where loads are counted. */
  readonly instruments: HdsInstruments;
  /** The check of clusters that have none. */
  readonly defaultCheck: DefaultCheck;
}

/** Open sources. */
export interface OpenSources extends AsyncDisposable {
  /** Clusters that the API was given. */
  readonly apiClusters: ApiClusters;
}

/** Problems that `/readyz` shows; the log has all. */
const SHOWN_PROBLEMS = 10;

/** Opens all sources. @throws ProblemError when files are wrong and that is not allowed */
export async function openSources(parts: SourceParts): Promise<OpenSources> {
  await using opening = new AsyncDisposableStack();
  const { config, control } = parts;
  const names = opening.use(followNames(parts));
  if (config.clusters !== undefined) opening.use(await openFiles(config.clusters, parts));
  const apiClusters = new ApiClusters({
    store: control.store,
    read: readOptions("api", parts),
    onClusters: (clusters) => control.setClusters("api", clusters),
  });
  if (config.ads.length > 0) opening.use(await openAds(parts));
  await names.refresh();
  const opened = opening.move();
  return { apiClusters, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function followNames({ config, runtime: { clock, logger }, control }: SourceParts): NameResolver {
  const resolver = new NameResolver({
    names: () => control.pool.hostNames(),
    onNames: (names) => control.setNames(names),
    refreshMs: config.dnsRefreshMs,
    clock,
    logger,
  });
  control.listen(({ added }) => {
    if (added.length > 0) void resolver.refresh();
  });
  return resolver;
}

/** Clusters of files by their names. */
type FileClusters = ReadonlyMap<string, CheckedCluster>;

async function openFiles(
  path: string,
  parts: SourceParts,
): Promise<TextFileSource<FileClusters>> {
  const { config, runtime: { clock, logger, readiness }, control, instruments } = parts;
  const options = readOptions("files", parts);
  const health = readiness.component("files");
  const source = new TextFileSource<FileClusters>({
    ...{ path, what: "cluster file", logger, clock },
    parse(texts) {
      const { clusters: value, problems } = readClusterTexts(texts, options);
      return { value, problems };
    },
    onState(state) {
      if (state.kind === "ok") control.setClusters("files", state.value);
      instruments.fileLoads.add(1, { outcome: state.kind === "ok" ? "applied" : "refused" });
      tellFiles(state, { health, logger });
    },
  });
  await source.load({ allowInvalid: config.allowInvalid });
  return source;
}

async function openAds(parts: SourceParts): Promise<AsyncDisposable> {
  await using opening = new AsyncDisposableStack();
  const { config, runtime: { clock, logger, readiness, metrics }, control } = parts;
  const { adsCa: ca, adsCert: cert, adsKey: key } = config;
  const hasTls = ca !== undefined || cert !== undefined;
  const tls = hasTls
    ? opening.use(await loadClientTls({ ca, cert, key }, { logger, clock }))
    : undefined;
  const health = readiness.component("ads");
  // Without it Envoys go on with what they have; that is no reason to be taken out.
  health.degraded("has not been heard of yet");
  const source = opening.use(
    new AdsSource({
      servers: config.ads,
      node: { id: config.adsNode, cluster: config.adsCluster },
      ...{ tls, clock, logger, health, read: readOptions("ads", parts) },
      onClusters: (clusters) => control.setClusters("ads", clusters),
      onServed: (served) => control.tellServed(served),
    }),
  );
  observeXdsClients(metrics, { clients: () => [source.client], clock });
  const opened = opening.move();
  return { [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function readOptions(
  source: ClusterSource,
  { config, defaultCheck }: SourceParts,
): ClusterReadOptions {
  const facts = envoyFactsOf(config);
  return { source, defaultCheck, moreExtensions: config.extensions, envoyFacts: facts };
}

function tellFiles(
  state: TextFileState<FileClusters>,
  { health, logger }: { readonly health: ComponentHealth; readonly logger: Logger },
): void {
  if (state.kind === "ok") {
    const { files, value: { size: clusters } } = state;
    logger.info("took over cluster files", { files, clusters });
    health.ok(`${clusters} clusters in ${files} files`);
    return;
  }
  const errors = state.problems.filter(({ severity }) => severity === "error");
  const shown = errors.slice(0, SHOWN_PROBLEMS).map(formatProblem);
  health.degraded(["the last good state is checked", ...shown].join("\n"));
}
