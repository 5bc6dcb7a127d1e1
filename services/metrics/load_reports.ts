// SPDX-License-Identifier: Apache-2.0
/**
 * LoadReportingService as a whole: from the reports of Envoys to `/v1/load`, and to weights in ads.
 * @module
 */
import type { MethodImplementation } from "@denvoy/grpc";
import type { AnyRoute, ComponentHealth, Runtime } from "@denvoy/runtime";
import { AdsWeights } from "./adapters/ads_weights.ts";
import type { MetricsConfig } from "./config.ts";
import { LoadTable } from "./domain/load_table.ts";
import { weightsOf } from "./domain/load_weights.ts";
import { loadReportingMethods } from "./handlers/load_reporting_service.ts";
import { loadRoutes } from "./http/load_routes.ts";
import { nodeAuthorization } from "./node_authorization.ts";
import { repeat } from "./repeat.ts";

/** LoadReportingService and what is read from it. */
export interface LoadReports extends AsyncDisposable {
  /** Its RPC. */
  readonly methods: readonly MethodImplementation[];
  /** Its routes. */
  readonly routes: readonly AnyRoute[];
}

const TICK_MS = 1_000;
const ADS_TIMEOUT_MS = 5_000;

/** Opens it. */
export function openLoadReports(config: MetricsConfig, runtime: Runtime): LoadReports {
  const { clock, metrics } = runtime;
  const opened = new AsyncDisposableStack();
  const table = new LoadTable(config.maxLoadEntries);
  const streams = metrics.gauge("load_streams", { help: "Open streams of load reports." });
  const reports = metrics.counter("load_reports_total", { help: "Load reports of Envoys." });
  metrics.observeCounter("cut_load_reports_total", {
    help: "Clusters in load reports that there was no room for.",
  }, () => table.cut);
  opened.use(repeat(runtime, { everyMs: TICK_MS, work: () => table.tick(clock.nowMs()) }));
  opened.use(offerWeights(config, { runtime, table }));
  const methods = loadReportingMethods({
    request: {
      clusters: config.loadClusters,
      intervalMs: config.loadIntervalMs,
      endpoints: config.loadGranularity === "endpoint",
    },
    onReport(node, clusters) {
      reports.add(1);
      table.report(node.id, clusters, clock.nowMs());
    },
    authorize: nodeAuthorization(config),
    onStream() {
      streams.add(1);
      return () => streams.add(-1);
    },
  });
  const routes = loadRoutes(() => table.clusters(clock.nowMs()));
  return { methods, routes, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function offerWeights(
  { adsUrl, adsTokenFile, offerWeightsMs }: MetricsConfig,
  { runtime, table }: { readonly runtime: Runtime; readonly table: LoadTable },
): AsyncDisposable | undefined {
  if (adsUrl === undefined) return undefined;
  const { clock, readiness, metrics } = runtime;
  const token = () =>
    adsTokenFile === undefined ? undefined : Deno.readTextFileSync(adsTokenFile).trim();
  const ads = new AdsWeights({ url: adsUrl, token, timeoutMs: ADS_TIMEOUT_MS });
  const health = readiness.component("ads");
  const changed = metrics.counter("offered_weights_total", {
    help: "Weights of endpoints that were changed in ads.",
  });
  health.ok();
  return repeat(runtime, {
    everyMs: offerWeightsMs,
    work: async () => changed.add(await offerAll(ads, { table, health, nowMs: clock.nowMs() })),
  });
}

async function offerAll(
  ads: AdsWeights,
  { table, health, nowMs }: {
    readonly table: LoadTable;
    readonly health: ComponentHealth;
    readonly nowMs: number;
  },
): Promise<number> {
  let changed = 0;
  try {
    for (const cluster of table.clusters(nowMs)) {
      const weights = weightsOf(cluster);
      if (weights.length > 0) changed += await ads.offer(cluster.service, weights);
    }
    health.ok();
  } catch (error) {
    health.degraded(
      `cannot offer weights to ads: ${error instanceof Error ? error.message : error}`,
    );
  }
  return changed;
}
