// SPDX-License-Identifier: Apache-2.0
/**
 * MetricsService as a whole: from the streams of Envoys to `/fleet/metrics`.
 * @module
 */
import { ProblemError, TextPattern } from "@denvoy/base";
import type { MethodImplementation } from "@denvoy/grpc";
import type { AnyRoute, Runtime } from "@denvoy/runtime";
import type { MetricsConfig } from "./config.ts";
import { CardinalityRules } from "./domain/cardinality_rules.ts";
import { Fleet } from "./domain/fleet.ts";
import { NodeLabels } from "./domain/node_labels.ts";
import { metricsMethods } from "./handlers/metrics_service.ts";
import { fleetMetricsRoute } from "./http/fleet_metrics_route.ts";
import { nodeRoutes } from "./http/node_routes.ts";
import { observeFleet } from "./metrics.ts";
import { openOtlp } from "./open_otlp.ts";
import { followRules } from "./open_rules.ts";
import { openTotals } from "./open_totals.ts";
import { nodeAuthorization } from "./node_authorization.ts";
import { repeat } from "./repeat.ts";

/** MetricsService and what is read from it; dispose of it last. */
export interface FleetMetrics extends AsyncDisposable {
  /** The nodes. */
  readonly fleet: Fleet;
  /** Labels that tell nodes apart. */
  readonly nodeLabels: NodeLabels;
  /** Its RPC. */
  readonly methods: readonly MethodImplementation[];
  /** Its routes. */
  readonly routes: readonly AnyRoute[];
}

const TICK_MS = 1_000;

/** Opens it. @throws ProblemError when a setting makes no sense */
export async function openFleetMetrics(
  config: MetricsConfig,
  runtime: Runtime,
): Promise<FleetMetrics> {
  await using opening = new AsyncDisposableStack();
  const { clock, logger, metrics } = runtime;
  const nodeLabels = new NodeLabels(checkedFields(config.nodeLabels));
  const rules = config.rules === undefined ? undefined : await followRules(config.rules, runtime);
  opening.use(rules);
  const fleet = new Fleet(fleetSettings(config), rules?.current ?? CardinalityRules.none);
  rules?.subscribe((changed) => fleet.index.setRules(changed));
  // It hears of totals that are put back, and sends what is left before they are given away.
  await using sending = new AsyncDisposableStack();
  sending.use(openOtlp(config, { fleet, runtime }));
  const claims = opening.use(openTotals(config, { fleet, runtime }));
  opening.use(sending.move());
  opening.use(repeat(runtime, { everyMs: TICK_MS, work: () => fleet.tick(clock.nowMs()) }));
  const methods = metricsMethods({
    ...{ fleet, claims },
    metadataPaths: nodeLabels.metadataPaths,
    authorize: nodeAuthorization(config),
    nowMs: () => clock.nowMs(),
    seed: crypto.getRandomValues(new Int32Array(1))[0] ?? 0,
    observer: observeFleet(metrics, fleet),
    logger,
  });
  const scraped = metrics.counter("scrape_bytes_total", {
    help: "Bytes of `/fleet/metrics` before compression, by what they were summed over.",
    labels: ["by"],
  });
  const routes = [
    fleetMetricsRoute({
      fleet,
      nodeLabels,
      open: config.openFleetMetrics,
      onScrape: ({ rollUp, bytes }) => scraped.add(bytes, { by: rollUp }),
    }),
    ...nodeRoutes({ fleet }),
  ];
  const opened = opening.move();
  return { fleet, nodeLabels, methods, routes, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function fleetSettings(config: MetricsConfig) {
  const { maxSeriesPerNode, maxSeries, maxNodes, expireMs, forgetMs } = config;
  const deltaNodes = config.deltaNodes.map((pattern) => new TextPattern(pattern));
  return {
    ...{ maxSeriesPerNode, maxSeries, maxNodes, expireMs, forgetMs },
    counterMode: ({ id }: { readonly id: string }) =>
      deltaNodes.some((pattern) => pattern.matches(id)) ? "delta" : config.counters,
    extractTags: config.extractTags === "auto",
  };
}

function checkedFields(fields: readonly string[]): readonly string[] {
  const problems = fields.map(NodeLabels.problem).filter((problem) => problem !== undefined);
  if (problems.length === 0) return fields;
  throw new ProblemError(
    problems.map((message) => ({ severity: "error", path: "--node-label", message })),
  );
}
