// SPDX-License-Identifier: Apache-2.0
/**
 * How services are doing: `/v1/services`, `/v1/edges`, `/v1/routes`, `/v1/series`, and the same for
 * tools that know the Service Mesh Interface.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import { type AnyRoute, json, notFound, route } from "@denvoy/runtime";
import {
  type SignalKey,
  type Signals,
  type SignalStep,
  type SignalTable,
  STEP_MS,
  STEPS,
} from "../domain/golden_signals.ts";
import { trafficMetrics } from "./traffic_metrics.ts";

/** What the routes read. */
export interface SignalRoutesParts {
  /** The signals. */
  readonly table: SignalTable;
  /** The time (ms since epoch). */
  readonly nowMs: () => number;
}

const TAG = "signals";
const WINDOW_SECONDS = 60;
const list = { type: "array", items: { type: "object" } };

/** Returns the routes. */
export function signalRoutes(parts: SignalRoutesParts): readonly AnyRoute[] {
  return [
    presentRoute("service", { ...parts, path: "/v1/services", field: "services" }),
    presentRoute("edge", { ...parts, path: "/v1/edges", field: "edges" }),
    presentRoute("route", { ...parts, path: "/v1/routes", field: "routes" }),
    seriesRoute(parts),
    smiRoute(parts),
  ];
}

function presentRoute(
  kind: SignalKey["kind"],
  { table, nowMs, path, field }: SignalRoutesParts & {
    readonly path: string;
    readonly field: string;
  },
): AnyRoute {
  return route({
    method: "GET",
    path,
    summary: `Requests, success and latency of the last minute, by ${kind}; the busiest first`,
    description: "From the access logs of Envoys. A request has succeeded with a status below 500.",
    tag: TAG,
    responses: {
      200: {
        doc: `\`${field}\`, and the seconds that they cover.`,
        schema: { type: "object", properties: { [field]: list } },
      },
    },
    handle() {
      const found = table.present(kind, nowMs())
        .toSorted((a, b) => b.signals.requests - a.signals.requests)
        .map(({ key, signals }) => ({ ...keyJson(key), ...signalsJson(signals, WINDOW_SECONDS) }));
      return json({ window_seconds: WINDOW_SECONDS, [field]: found });
    },
  });
}

function seriesRoute({ table, nowMs }: SignalRoutesParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/series",
    summary: "The last hour of a service, an edge or a route, in steps of 10 seconds",
    tag: TAG,
    query: {
      service: { type: "string", doc: "A service." },
      source: { type: "string", doc: "Of an edge or a route: who asks." },
      destination: { type: "string", doc: "Of an edge or a route: who is asked." },
      route: { type: "string", doc: "Of a route: its name." },
      since: {
        type: "string",
        doc: "Only steps that began at this time or later (RFC 3339), e.g. the `start` of a step.",
      },
      steps: {
        type: "integer",
        min: 1,
        max: STEPS,
        default: STEPS,
        doc: "Only the last so many steps.",
      },
    },
    responses: {
      200: {
        doc: "`steps`, oldest first.",
        schema: { type: "object", properties: { steps: list } },
      },
      400: { doc: "It names no series, or `since` or `steps` makes no sense." },
      404: { doc: "Nothing was logged of it in the last hour." },
    },
    handle({ query }) {
      const key = keyOf(query);
      const range = rangeOf(query);
      const steps = table.series(key, nowMs());
      if (steps === undefined) {
        return notFound("nothing was logged of it in the last hour");
      }
      return json({
        ...keyJson(key),
        step_seconds: STEP_MS / 1000,
        steps: within(steps, range).map(({ startMs, ...signals }) => ({
          start: new Date(startMs).toISOString(),
          ...signalsJson(signals, STEP_MS / 1000),
        })),
      });
    },
  });
}

function smiRoute({ table, nowMs }: SignalRoutesParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/traffic-metrics",
    summary: "The last minute of all services and edges as SMI TrafficMetrics (v1alpha1)",
    tag: TAG,
    responses: { 200: { doc: "A TrafficMetricsList.", schema: { type: "object" } } },
    handle: () => json(trafficMetrics(table, { nowMs: nowMs(), windowSeconds: WINDOW_SECONDS })),
  });
}

interface SeriesQuery {
  readonly service: string | undefined;
  readonly source: string | undefined;
  readonly destination: string | undefined;
  readonly route: string | undefined;
}

function keyOf({ service, source, destination, route }: SeriesQuery): SignalKey {
  if (service !== undefined && source === undefined && destination === undefined) {
    return { kind: "service", service };
  }
  if (service === undefined && source !== undefined && destination !== undefined) {
    if (route === undefined) return { kind: "edge", source, destination };
    return { kind: "route", source, route, destination };
  }
  throw new StatusError(
    StatusCode.INVALID_ARGUMENT,
    'give either "service", or "source" and "destination", with "route" for a route',
  );
}

interface StepRange {
  readonly sinceMs: number;
  readonly count: number;
}

/** RFC 3339 with its zone: a time without one would be read in the zone of this machine. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

function rangeOf({ since, steps: count }: {
  readonly since: string | undefined;
  readonly steps: number;
}): StepRange {
  if (since === undefined) return { sinceMs: -Infinity, count };
  const sinceMs = TIME.test(since) ? Date.parse(since) : NaN;
  if (Number.isNaN(sinceMs)) {
    throw new StatusError(
      StatusCode.INVALID_ARGUMENT,
      '"since" must be a time such as 2026-01-01T10:00:00Z (a + in it is %2B)',
    );
  }
  return { sinceMs, count };
}

function within(steps: readonly SignalStep[], { sinceMs, count }: StepRange) {
  return steps.slice(-count).filter(({ startMs }) => startMs >= sinceMs);
}

function keyJson(key: SignalKey) {
  const { kind: _kind, ...fields } = key;
  return fields;
}

function signalsJson({ requests, failures, latencyMs }: Signals, seconds: number) {
  return {
    requests,
    requests_per_second: requests / seconds,
    failures,
    success_rate: requests === 0 ? undefined : (requests - failures) / requests,
    p50_ms: latencyMs?.p50,
    p90_ms: latencyMs?.p90,
    p99_ms: latencyMs?.p99,
  };
}
