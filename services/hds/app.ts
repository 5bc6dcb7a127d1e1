// SPDX-License-Identifier: Apache-2.0
/**
 * The composition root of hds: where its parts are made, joined, and closed again.
 * @module
 */
import { join } from "node:path";
import { type Timer, VERSION } from "@denvoy/base";
import { type GrpcServer, serveGrpc } from "@denvoy/grpc";
import {
  grpcConnectionMetrics,
  grpcLimits,
  type RunningApp,
  type Runtime,
  type ServiceDefinition,
} from "@denvoy/runtime";
import { SqliteHealthStore } from "./adapters/sqlite_health_store.ts";
import { type HdsConfig, hdsSchema } from "./config.ts";
import type { ClusterSource } from "./domain/checked_cluster.ts";
import { MemoryHealthStore } from "./domain/memory_store.ts";
import type { HealthStore } from "./domain/store.ts";
import { healthDiscoveryMethods } from "./handlers/health_discovery.ts";
import { HealthControl } from "./health_control.ts";
import { apiRoutes } from "./http/api_routes.ts";
import { type HdsInstruments, hdsInstruments, observeHds } from "./metrics.ts";
import { assignmentPolicy, defaultCheckOf, verdictSettings } from "./settings.ts";
import { openSinks } from "./sinks.ts";
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

async function startHds(config: HdsConfig, runtime: Runtime): Promise<RunningApp> {
  await using opening = new AsyncDisposableStack();
  const { clock, metrics, logger } = runtime;
  const defaultCheck = defaultCheckOf(config);
  const store = opening.adopt(openStore(config), (open) => open.close());
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
  opening.use(await openSinks({ config, runtime, control, instruments }));
  opening.use(tickWithReports(control, { runtime, config }));
  const grpc = await listen({ config, runtime, control, instruments });
  opening.defer(() => grpc.drain(0));
  await runtime.serveHttp(apiRoutes({ control, apiClusters: sources.apiClusters }));

  const opened = opening.move();
  return {
    grpcAddress: grpc.address,
    async stop(graceMs) {
      const drained = grpc.drain(graceMs);
      // After the GOAWAY of the drain, so that nobody comes back by the same connection.
      control.fleet.endSessions();
      await drained;
      await opened.disposeAsync();
    },
  };
}

function openStore({ dataDir }: HdsConfig): HealthStore {
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

interface ListenParts {
  readonly config: HdsConfig;
  readonly runtime: Runtime;
  readonly control: HealthControl;
  readonly instruments: HdsInstruments;
}

async function listen({ config, runtime, control, instruments }: ListenParts): Promise<GrpcServer> {
  const { logger, metrics, tls } = runtime;
  const same = instruments.reports.with({ content: "same" });
  const changed = instruments.reports.with({ content: "changed" });
  const reportedBytes = instruments.reportedBytes.with();
  const server = await serveGrpc({
    transport: config.grpcServer,
    address: config.grpcAddress,
    methods: healthDiscoveryMethods({
      control,
      observer: {
        reported(report) {
          (report.same ? same : changed).add();
          reportedBytes.add(report.bytes);
        },
      },
    }),
    ...(tls && { tls: tls.current }),
    limits: grpcLimits(config),
    logger,
    observer: grpcConnectionMetrics(metrics),
  });
  tls?.subscribe((material) => server.reloadTls(material));
  return server;
}
