// SPDX-License-Identifier: Apache-2.0
/**
 * What metrics counts of itself. Every series and label is named here.
 * @module
 */
import type { CounterSeries, Metrics } from "@denvoy/runtime";
import type { Fleet } from "./domain/fleet.ts";
import { cutReasons } from "./domain/series.ts";
import type { MetricsStreamObserver } from "./handlers/metrics_service.ts";

/** Returns what counts streams of MetricsService, and registers what is read from the fleet. */
export function observeFleet(metrics: Metrics, fleet: Fleet): MetricsStreamObserver {
  observeNodes(metrics, fleet);
  metrics.observeGauge("series", { help: "Series of all nodes." }, () => fleet.seriesCount);
  metrics.observeGauge("distinct_series", {
    help: "Series that differ by more than their node.",
  }, () => fleet.index.size);
  metrics.observeCounter("cut_samples_total", {
    help: "Samples that were not kept, by reason.",
    labels: ["reason"],
  }, () => {
    const cuts = fleet.cuts();
    return cutReasons.map((reason) => ({ value: cuts[reason], labels: { reason } }));
  });
  return streamCounters(metrics);
}

function observeNodes(metrics: Metrics, fleet: Fleet): void {
  const help = "Nodes, by whether they report (`live`) or are only remembered.";
  metrics.observeGauge("nodes", { help, labels: ["state"] }, () => {
    let live = 0;
    let all = 0;
    for (const node of fleet.nodes()) {
      all++;
      if (node.live) live++;
    }
    return [
      { value: live, labels: { state: "live" } },
      { value: all - live, labels: { state: "remembered" } },
    ];
  });
  metrics.observeCounter("refused_nodes_total", {
    help: "Streams of nodes that were not taken as there were too many.",
  }, () => fleet.refusedNodes);
  metrics.observeCounter("node_restarts_total", {
    help: "Restarts of nodes that are known.",
  }, () => [...fleet.nodes()].reduce((sum, { restarts }) => sum + restarts, 0));
  metrics.observeGauge("fallen_counters", {
    help:
      "Counters that fell while their Envoy ran; many mean that it sends deltas (`--counters`).",
  }, () => [...fleet.nodes()].reduce((sum, { fallen }) => sum + fallen, 0));
}

function streamCounters(metrics: Metrics): MetricsStreamObserver {
  const streams = metrics.gauge("streams", { help: "Open streams.", labels: ["service"] })
    .with({ service: "metrics" });
  const messages: CounterSeries = metrics.counter("messages_total", {
    help: "Messages of Envoys.",
  }).with();
  const samples = metrics.counter("samples_total", { help: "Samples of series that came." }).with();
  const bytes = metrics.counter("received_bytes_total", { help: "Size of the messages." }).with();
  return {
    opened: () => streams.add(1),
    closed: () => streams.add(-1),
    message(count, size) {
      messages.add();
      samples.add(count);
      bytes.add(size);
    },
  };
}
