// SPDX-License-Identifier: Apache-2.0
/**
 * Envoys as scripts: what they flush is put on the wire and taken in, without a network.
 * @module
 */
import { type Init, messageCodec, type MessageOf } from "@denvoy/proto";
import { CardinalityRules } from "./domain/cardinality_rules.ts";
import { exposition, type ExpositionFormat } from "./domain/exposition.ts";
import { Fleet, type FleetSettings } from "./domain/fleet.ts";
import { NodeLabels } from "./domain/node_labels.ts";
import type { NodeInfo } from "./domain/node_info.ts";
import type { NodeMetrics } from "./domain/node_metrics.ts";
import { samplesOfGroups, samplesOfNodes } from "./domain/samples.ts";
import { MetricsIngest } from "./handlers/metrics_ingest.ts";
import { SeriesCache } from "./handlers/series_cache.ts";

type Family = Init<MessageOf<"io.prometheus.client.MetricFamily">>;

const codec = messageCodec("envoy.service.metrics.v3.StreamMetricsMessage");

/** A histogram of an interval: bounds and samples up to each. */
export interface TestHistogram {
  /** Samples. */
  readonly count: number;
  /** Their sum. */
  readonly sum: number;
  /** Samples up to each upper bound. */
  readonly buckets: readonly (readonly [bound: number, count: number])[];
}

/** What one flush holds, by full stat names. */
export interface TestFlush {
  /** Counters. */
  readonly counters?: Readonly<Record<string, number>>;
  /** Gauges. */
  readonly gauges?: Readonly<Record<string, number>>;
  /** Histograms. */
  readonly histograms?: Readonly<Record<string, TestHistogram>>;
  /** Summaries: quantiles and their values. */
  readonly summaries?: Readonly<Record<string, TestHistogram>>;
  /** Families as they are, after the others. */
  readonly families?: readonly Family[];
  /** `timestamp_ms` of all samples. @default 5 s after the flush before */
  readonly atMs?: number;
}

/** Returns settings with room for everything. */
export function testSettings(more: Partial<FleetSettings> = {}): FleetSettings {
  return {
    maxSeriesPerNode: 1_000,
    maxSeries: 10_000,
    maxNodes: 100,
    expireMs: 60_000,
    forgetMs: 3_600_000,
    counterMode: () => "cumulative",
    extractTags: true,
    ...more,
  };
}

/** Returns what is known of a node that says nothing but its id. */
export function testNode(id: string, cluster = "edge"): NodeInfo {
  return { id, cluster, region: "", zone: "", subZone: "", version: "", metadata: {} };
}

/** A fleet and its Envoys. */
export class TestFleet {
  /** The fleet. */
  readonly fleet: Fleet;
  readonly #cache = new SeriesCache({ seed: 7 });
  readonly #streams = new Map<string, MetricsIngest>();
  /** The time of the next flush; advances by 5 s with each. */
  nowMs = Date.UTC(2026, 0, 1);

  /** `more` replaces parts of {@linkcode testSettings}. */
  constructor(more: Partial<FleetSettings> = {}, rules: CardinalityRules = CardinalityRules.none) {
    this.fleet = new Fleet(testSettings(more), rules);
  }

  /** Opens a stream of an Envoy, as it does when it starts and when its old stream was lost. */
  open(id: string, cluster?: string): NodeMetrics {
    const node = this.fleet.open(testNode(id, cluster), this.nowMs);
    if (node === undefined) throw new Error("the fleet is full");
    this.#streams.set(id, new MetricsIngest({ fleet: this.fleet, node, cache: this.#cache }));
    return node;
  }

  /** Sends a flush on the last stream of an Envoy, opened if need be. */
  flush(id: string, flush: TestFlush): void {
    if (!this.#streams.has(id)) this.open(id);
    this.take(id, encodeFlush(flush, flush.atMs ?? this.nowMs));
    this.nowMs += 5_000;
  }

  /** Sends bytes on the last stream of an Envoy. */
  take(id: string, bytes: Uint8Array): void {
    this.#streams.get(id)?.take(bytes, this.nowMs);
  }

  /** Returns the text of all nodes, or of sums over each `node.cluster`. */
  text(options: { readonly sums?: boolean; readonly format?: ExpositionFormat } = {}): string {
    const { sums = false, format = "prometheus" } = options;
    const labels = new NodeLabels();
    const all = [...this.fleet.nodes()];
    const groups = Map.groupBy([...all, ...this.fleet.forgotten()], ({ info }) => info.cluster);
    const families = sums
      ? samplesOfGroups([...groups.values()].map((nodes) => ({ nodes })))
      : samplesOfNodes(all);
    const groupLabels = sums ? [...groups.keys()] : all.map(({ info }) => labels.textOf(info));
    const kinds = new Map([...this.fleet.index.families()].map(({ name, kind }) => [name, kind]));
    const shown = sums ? groupLabels.map((cluster) => `c="${cluster}"`) : groupLabels;
    return [...exposition(families, { format, groupLabels: shown, kinds })].join("");
  }
}

/** Returns the message of a flush; `id` is that of its node, in the first message of a stream. */
export function encodeFlush(
  flush: TestFlush,
  timestampMs: number,
  { id }: { readonly id?: string } = {},
): Uint8Array {
  const identifier = id === undefined ? {} : { identifier: { node: { id, cluster: "edge" } } };
  return codec.encode({ ...identifier, envoyMetrics: familiesOf(flush, timestampMs) });
}

function familiesOf(flush: TestFlush, timestampMs: number): readonly Family[] {
  const of = (table: Readonly<Record<string, number>> = {}, kind: "counter" | "gauge") =>
    Object.entries(table).map(([name, value]): Family => ({
      name,
      type: kind === "counter" ? 0 : 1,
      metric: [{ timestampMs, [kind]: { value } }],
    }));
  const histograms = Object.entries(flush.histograms ?? {}).map(([name, one]): Family => ({
    name,
    type: 4,
    metric: [{
      timestampMs,
      histogram: {
        sampleCount: one.count,
        sampleSum: one.sum,
        bucket: one.buckets.map(([upperBound, cumulativeCount]) => ({
          upperBound,
          cumulativeCount,
        })),
      },
    }],
  }));
  const summaries = Object.entries(flush.summaries ?? {}).map(([name, one]): Family => ({
    name,
    type: 2,
    metric: [{
      timestampMs,
      summary: {
        sampleCount: one.count,
        sampleSum: one.sum,
        quantile: one.buckets.map(([quantile, value]) => ({ quantile, value })),
      },
    }],
  }));
  return [
    ...of(flush.counters, "counter"),
    ...of(flush.gauges, "gauge"),
    ...summaries,
    ...histograms,
    ...flush.families ?? [],
  ];
}
