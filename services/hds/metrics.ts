// SPDX-License-Identifier: Apache-2.0
/**
 * What hds counts of itself. Every series and label is named here.
 * @module
 */
import type { Counter, Histogram, Metrics } from "@denvoy/runtime";
import { healths } from "./domain/health.ts";
import type { HealthControl } from "./health_control.ts";

/** The instruments that events are counted in. */
export interface HdsInstruments {
  /** Reports of Envoys, by whether they differ from the one before. */
  readonly reports: Counter<"content">;
  /** Bytes of those. */
  readonly reportedBytes: Counter;
  /** Changes of verdicts, by what endpoints are from then on. */
  readonly changes: Counter<"health">;
  /** Batches of verdicts that were handed on, by sink and outcome. */
  readonly publications: Counter<"sink" | "outcome">;
  /** From a change to its being taken over. */
  readonly publishTime: Histogram<"sink">;
  /** Loads of cluster files, by outcome. */
  readonly fileLoads: Counter<"outcome">;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Makes the instruments. */
export function hdsInstruments(metrics: Metrics): HdsInstruments {
  return {
    reports: metrics.counter("reports_total", {
      help: "Reports of Envoys, by content: same as the one before, or changed.",
      labels: ["content"],
    }),
    reportedBytes: metrics.counter("reported_bytes_total", { help: "Bytes of reports." }),
    changes: metrics.counter("verdict_changes_total", {
      help: "Changes of verdicts, by what the endpoint is from then on.",
      labels: ["health"],
    }),
    publications: metrics.counter("publications_total", {
      help: "Batches of verdicts for ads, file or webhook, by outcome: taken or failed.",
      labels: ["sink", "outcome"],
    }),
    publishTime: metrics.histogram("publish_time_seconds", {
      help: "Time from a change of a verdict until a sink has taken it.",
      labels: ["sink"],
      buckets: SECONDS,
    }),
    fileLoads: metrics.counter("file_loads_total", {
      help: "Looks at the cluster files, by outcome: applied or refused.",
      labels: ["outcome"],
    }),
  };
}

/** Adds gauges whose values are read at each scrape. */
export function observeHds(metrics: Metrics, control: HealthControl): void {
  observeEndpoints(metrics, control);
  observeProbers(metrics, control);
}

function observeEndpoints(metrics: Metrics, { table, pool, fleet }: HealthControl): void {
  metrics.observeGauge("endpoints", {
    help: "Endpoints that are checked, by verdict.",
    labels: ["health"],
  }, () => {
    const counts = new Map(healths.map((health) => [health, 0]));
    for (const { health } of table.endpoints()) counts.set(health, (counts.get(health) ?? 0) + 1);
    return [...counts].map(([health, value]) => ({ value, labels: { health } }));
  });
  metrics.observeGauge("held_endpoints", {
    help: "Endpoints whose verdict is not what probers found, by reason.",
    labels: ["reason"],
  }, () => {
    const counts = new Map([["kept-share", 0], ["flapping", 0], ["order", 0], ["doubted", 0]]);
    for (const { reason } of table.endpoints()) {
      const count = counts.get(reason);
      if (count !== undefined) counts.set(reason, count + 1);
    }
    return [...counts].map(([reason, value]) => ({ value, labels: { reason } }));
  });
  metrics.observeGauge(
    "checked_clusters",
    { help: "Clusters that are checked." },
    () => pool.clusters.size,
  );
  metrics.observeGauge("short_endpoints", {
    help: "Endpoints that fewer Envoys check than should.",
  }, () => fleet.assignment.short);
}

function observeProbers(metrics: Metrics, control: HealthControl): void {
  const { table, fleet } = control;
  metrics.observeGauge("probers", {
    help: "Envoys that probe, by state: fresh, silent for three intervals, or doubted.",
    labels: ["state"],
  }, () => {
    const counts = { fresh: 0, silent: 0, doubted: 0 };
    for (const { prober } of fleet.probers()) {
      const state = table.proberState(prober.name);
      counts[!state?.isFresh ? "silent" : state.isDoubted ? "doubted" : "fresh"]++;
    }
    return Object.entries(counts).map(([state, value]) => ({ value, labels: { state } }));
  });
  metrics.observeGauge("probers_per_endpoint", {
    help: "Envoys that check an endpoint: the least, the mean, the most.",
    labels: ["of"],
  }, () => {
    const counts = [...table.endpoints()].map(({ probers }) => probers.length);
    const sum = counts.reduce((total, count) => total + count, 0);
    const least = counts.reduce((a, b) => Math.min(a, b), counts[0] ?? 0);
    const most = counts.reduce((a, b) => Math.max(a, b), 0);
    const mean = counts.length === 0 ? 0 : sum / counts.length;
    return [
      { value: least, labels: { of: "least" } },
      { value: mean, labels: { of: "mean" } },
      { value: most, labels: { of: "most" } },
    ];
  });
  metrics.observeGauge("report_lag_seconds", {
    help: "Age of the last report of the Envoy that has been silent for longest.",
  }, () => {
    const ages = [...fleet.probers()].map(({ prober }) =>
      control.nowMs() - (table.proberState(prober.name)?.lastMs ?? control.nowMs())
    );
    return ages.reduce((a, b) => Math.max(a, b), 0) / 1000;
  });
}
