// SPDX-License-Identifier: Apache-2.0
/**
 * Signals in the form of the Service Mesh Interface (metrics.smi-spec.io, v1alpha1).
 * @module
 */
import type { Signals, SignalTable } from "../domain/golden_signals.ts";

/** What the list covers. */
export interface TrafficWindow {
  /** Its end (ms since epoch). */
  readonly nowMs: number;
  /** Its length. */
  readonly windowSeconds: number;
}

const API_VERSION = "metrics.smi-spec.io/v1alpha1";

/** Returns a TrafficMetricsList of all services, and of all edges as those who ask see them. */
export function trafficMetrics(
  table: SignalTable,
  window: TrafficWindow,
): Readonly<Record<string, unknown>> {
  const services = table.present("service", window.nowMs).map(({ key, signals }) =>
    item({ resource: { kind: "Service", name: key.service }, window, signals })
  );
  const edges = table.present("edge", window.nowMs).map(({ key, signals }) =>
    item({
      resource: { kind: "Service", name: key.source },
      edge: { direction: "to", resource: { kind: "Service", name: key.destination } },
      window,
      signals,
    })
  );
  return {
    kind: "TrafficMetricsList",
    apiVersion: API_VERSION,
    metadata: {},
    items: [...services, ...edges],
  };
}

/** A Quantity of Kubernetes in its canonical form, to a thousandth: `12`, or `635m` for 0.635. */
function quantity(value: number): string {
  const thousandths = Math.round(value * 1000);
  return thousandths % 1000 === 0 ? `${thousandths / 1000}` : `${thousandths}m`;
}

interface Resource {
  readonly kind: string;
  readonly name: string;
}

interface Item {
  readonly resource: Resource;
  readonly edge?: { readonly direction: string; readonly resource: Resource };
  readonly window: TrafficWindow;
  readonly signals: Signals;
}

function item({ resource, edge, window, signals }: Item) {
  const { requests, failures, latencyMs } = signals;
  const latencies = Object.entries(latencyMs ?? {}).map(([name, value]) => ({
    name: `${name}_response_latency`,
    unit: "ms",
    value: quantity(value),
  }));
  return {
    kind: "TrafficMetrics",
    apiVersion: API_VERSION,
    metadata: { name: resource.name },
    resource,
    ...(edge !== undefined && { edge }),
    timestamp: new Date(window.nowMs).toISOString(),
    window: `${window.windowSeconds}s`,
    metrics: [
      ...latencies,
      { name: "success_count", value: requests - failures },
      { name: "failure_count", value: failures },
    ],
  };
}
