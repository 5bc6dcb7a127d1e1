// SPDX-License-Identifier: Apache-2.0
/**
 * The composition root of hds: where its parts are made, joined, and closed again.
 * @module
 */
import { join } from "node:path";
import { type Timer, VERSION } from "@denvoy/base";
import { mainRedisSettings, openRedisLink } from "@denvoy/redis";
import {
  type ComponentHealth,
  formatAddress,
  grpcConnectionMetrics,
  type RunningApp,
  type Runtime,
  type ServiceDefinition,
} from "@denvoy/runtime";
import { RedisHealthStore } from "./adapters/redis_health_store.ts";
import { SqliteHealthStore } from "./adapters/sqlite_health_store.ts";
import type { ApiClusters } from "./api_clusters.ts";
import { type HdsConfig, hdsSchema } from "./config.ts";
import type { ClusterSource } from "./domain/checked_cluster.ts";
import { MemoryHealthStore } from "./domain/memory_store.ts";
import type { HealthStore } from "./domain/store.ts";
import { type EdgeParts, type Edges, openEdges } from "./edges.ts";
import { HealthControl } from "./health_control.ts";
import { apiRoutes } from "./http/api_routes.ts";
import { Leadership } from "./leadership.ts";
import { type HdsInstruments, hdsInstruments, observeHds } from "./metrics.ts";
import { assignmentPolicy, defaultCheckOf, verdictSettings } from "./settings.ts";
import { openSources } from "./sources.ts";

/** The service, for `main.ts` and for `denvoy serve`. */
export const hds: ServiceDefinition<typeof hdsSchema.own> = {
  schema: hdsSchema,
  version: VERSION,
  start: startHds,
};

/** The `--data-dir` of a service that is to forget everything when it stops. */
const NO_DATA_DIR = ":memory:";
const MAX_TICK_MS = 1000;
/** So long a start waits for Redis; without it there is nothing that could be gone on with. */
const FIRST_ANSWER_MS = 3000;

async function startHds(config: HdsConfig, runtime: Runtime): Promise<RunningApp> {
  await using opening = new AsyncDisposableStack();
  const { clock, metrics, logger } = runtime;
  const connections = grpcConnectionMetrics(metrics);
  const defaultCheck = defaultCheckOf(config);
  const store = opening.adopt(await openStore(config, runtime), async (open) => await open.close());
  const control = opening.use(
    new HealthControl({
      policy: assignmentPolicy(config),
      verdicts: verdictSettings(config),
      sources: sourcesOf(config),
      ...{ store, clock, logger },
    }),
  );
  const instruments = hdsInstruments(metrics);
  observeHds(metrics, control);
  countChanges(control, instruments);

  const sources = opening.use(
    await openSources({ config, runtime, control, instruments, defaultCheck }),
  );
  opening.use(tickWithReports(control, { runtime, config }));
  const sinkHealth = sinkHealths(runtime);
  const edgeParts = { config, runtime, control, instruments, sinkHealth, connections };
  const { apiClusters } = sources;
  const edges = store instanceof RedisHealthStore
    ? await lead(store, { edges: edgeParts, apiClusters })
    : await openEdges(edgeParts);
  opening.defer(() => edges.close(0));
  await runtime.serveHttp(apiRoutes({ control, apiClusters }));

  const opened = opening.move();
  return {
    grpcAddress: edges.grpcAddress,
    async stop(graceMs) {
      await edges.close(graceMs);
      await opened.disposeAsync();
    },
  };
}

/** Components of readiness can be made once only, and sinks may be opened again. */
function sinkHealths({ readiness }: Runtime): (sink: string) => ComponentHealth {
  const healths = new Map<string, ComponentHealth>();
  return (sink) => {
    const health = healths.get(sink) ?? readiness.component(`${sink}_sink`);
    healths.set(sink, health);
    return health;
  };
}

/** Opens the edges now if this replica leads, else whenever it does. */
async function lead(
  store: RedisHealthStore,
  { edges, apiClusters }: { readonly edges: EdgeParts; readonly apiClusters: ApiClusters },
): Promise<Edges> {
  const { config, runtime: { logger, metrics, readiness }, control } = edges;
  const health = readiness.component("redis");
  const open = () => openEdges(edges);
  const leadership = new Leadership({ control, apiClusters, health, logger, open });
  metrics.observeGauge("leading", {
    help: "1 while this replica leads those that share a Redis, else 0.",
  }, () => Number(leadership.leads));
  await leadership.take(store.news);
  store.listen((news) => void leadership.take(news));
  return {
    grpcAddress: leadership.grpcAddress ?? formatAddress(config.grpcAddress),
    close: (graceMs) => leadership.close(graceMs),
  };
}

async function openStore(config: HdsConfig, { clock }: Runtime): Promise<HealthStore> {
  const { dataDir, redisUrl: url } = config;
  if (url !== undefined) {
    const link = openRedisLink(mainRedisSettings({ ...config, url }, "denvoy-hds"));
    const { keyPrefix = "", leaderTtlMs: leaseMs } = config;
    const replica = crypto.randomUUID();
    const store = new RedisHealthStore({ link, replica, keyPrefix, leaseMs, clock });
    await store.opened(FIRST_ANSWER_MS);
    return store;
  }
  if (dataDir === NO_DATA_DIR) return new MemoryHealthStore();
  Deno.mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  return new SqliteHealthStore(join(dataDir, "hds.db"));
}

function sourcesOf({ clusters, ads }: HdsConfig): readonly ClusterSource[] {
  const fromFiles: readonly ClusterSource[] = clusters === undefined ? [] : ["files"];
  const fromAds: readonly ClusterSource[] = ads.length === 0 ? [] : ["ads"];
  return [...fromFiles, ...fromAds, "api"];
}

function countChanges(control: HealthControl, { changes }: HdsInstruments): void {
  control.listen((update) => {
    for (const { after } of update.changes) changes.add(1, { health: after });
  });
}

/** Does what time brings, at least twice in a report interval, until it is disposed of. */
function tickWithReports(
  control: HealthControl,
  { runtime: { clock, logger }, config }: { runtime: Runtime; config: HdsConfig },
): Disposable {
  const intervalMs = Math.min(MAX_TICK_MS, config.reportIntervalMs / 2);
  let timer: Timer;
  const schedule = () => timer = clock.after(intervalMs, tick);
  const tick = () => {
    try {
      control.tick();
    } catch (error) {
      logger.error("cannot do what is due", { error });
    }
    schedule();
  };
  schedule();
  return { [Symbol.dispose]: () => timer.cancel() };
}
