// SPDX-License-Identifier: Apache-2.0
/**
 * What a service measures of what it reads over xDS.
 * @module
 */
import type { Clock } from "@denvoy/base";
import type { Metrics } from "@denvoy/runtime";
import type { ClientTypeReport } from "@denvoy/xds";
import type { XdsClient } from "./xds_client_options.ts";

/** What is measured. */
export interface XdsClientMetricsParts {
  /** The clients as they are now: one, or one for each node. */
  readonly clients: () => Iterable<Pick<XdsClient, "report">>;
  /** Where time comes from. */
  readonly clock: Pick<Clock, "monotonicMs">;
}

/**
 * Registers `<service>_xds_client_…`: `streams{phase}`, `nacks_total{type}`, `resources{type}`,
 * `rejected_resources{type}` and `update_age_seconds{type}` (of the latest update).
 */
export function observeXdsClients(metrics: Metrics, parts: XdsClientMetricsParts): void {
  const streams = () => [...parts.clients()].flatMap((client) => client.report());
  const types = () => byType(streams().flatMap((stream) => stream.types));
  metrics.observeGauge("xds_client_streams", {
    help: "Streams to control planes that are read, by how they are.",
    labels: ["phase"],
  }, () => {
    const phases = streams().map(({ phase }) => phase);
    return ["connecting", "connected", "waiting"].map((phase) => ({
      value: phases.filter((each) => each === phase).length,
      labels: { phase },
    }));
  });
  const total = (count: (type: ClientTypeReport) => number) =>
    [...types()].map(([type, all]) => ({
      value: all.reduce((sum, one) => sum + count(one), 0),
      labels: { type },
    }));
  metrics.observeCounter("xds_client_nacks_total", {
    help: "Responses of control planes that were rejected, in whole or in part.",
    labels: ["type"],
  }, () => total(({ nacks }) => nacks));
  metrics.observeGauge("xds_client_resources", {
    help: "Resources of control planes that are in use.",
    labels: ["type"],
  }, () => total(({ resources }) => resources));
  metrics.observeGauge("xds_client_rejected_resources", {
    help: "Resources of control planes whose newest content is rejected.",
    labels: ["type"],
  }, () => total(({ rejected }) => rejected.length));
  metrics.observeGauge("xds_client_update_age_seconds", {
    help: "Time since a control plane last sent something of a type.",
    labels: ["type"],
  }, () => updateAges(types(), parts.clock.monotonicMs()));
}

function byType(reports: readonly ClientTypeReport[]): Map<string, ClientTypeReport[]> {
  const types = new Map<string, ClientTypeReport[]>();
  for (const report of reports) {
    const type = report.typeUrl.slice(report.typeUrl.lastIndexOf(".") + 1);
    types.set(type, [...types.get(type) ?? [], report]);
  }
  return types;
}

function updateAges(types: ReadonlyMap<string, readonly ClientTypeReport[]>, nowMs: number) {
  return [...types].flatMap(([type, reports]) => {
    const latest = Math.max(...reports.map(({ updatedAtMs }) => updatedAtMs ?? -Infinity));
    return latest === -Infinity ? [] : [{ value: (nowMs - latest) / 1000, labels: { type } }];
  });
}
