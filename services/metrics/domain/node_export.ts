// SPDX-License-Identifier: Apache-2.0
/**
 * What is sent on of one node, and over which time: totals since its start, or what came since the
 * last time that was acknowledged. Nothing is queued: what could not be sent is part of the next try.
 * @module
 */
import { copyOfDistribution, differenceOf, type Distribution, sumOf } from "./distribution.ts";
import type { SeriesWithTotals } from "./fleet.ts";
import type { Label } from "./label.ts";
import type { NodeMetrics } from "./node_metrics.ts";
import type { FamilySamples, Sample } from "./sample.ts";
import { samplesOfGroups, samplesOfNodes } from "./samples.ts";
import type { SeriesKind, ShownSeries } from "./series.ts";

/** Whether points hold totals or what was added since the point before. */
export type Temporality = "cumulative" | "delta";

/** One value, with the time it covers. */
export interface ExportPoint {
  /** Its labels. */
  readonly labels: readonly Label[];
  /** Begin (ms since epoch). */
  readonly startMs: number;
  /** End (ms since epoch). */
  readonly endMs: number;
  /** The value of a counter or gauge. */
  readonly value: number;
  /** The value of a histogram. */
  readonly distribution?: Distribution;
}

/** The points of one metric. */
export interface ExportMetric {
  /** Name without tags, e.g. `cluster.upstream_rq_total`. */
  readonly name: string;
  /** `counter`, `gauge` or `histogram`. */
  readonly kind: SeriesKind;
  /** Its points. */
  readonly points: readonly ExportPoint[];
}

/** What is to be sent of a node. */
export interface NodeExport {
  /** The metrics. */
  readonly metrics: readonly ExportMetric[];
  /** Points in all. */
  readonly points: number;
  /** Series that are not sent: summaries, which OpenTelemetry's SDK has no type for. */
  readonly skipped: number;
  /** Notes that it need not be sent again. */
  commit(): void;
}

/** Tells what is to be sent of one node. */
export class NodeExporter {
  readonly #node: NodeMetrics;
  readonly #temporality: Temporality;
  readonly #sent = new Map<ShownSeries, number | Distribution>();
  #sentFlushMs = 0;
  /** Until when others have sent what the node counted; 0 when nobody has. */
  #carriedMs = 0;

  /** Nothing of the node has been sent. */
  constructor(node: NodeMetrics, temporality: Temporality) {
    this.#node = node;
    this.#temporality = temporality;
  }

  /** Whether the node has reported since it was sent last. */
  get isDue(): boolean {
    return this.#node.flushMs > this.#sentFlushMs;
  }

  /** Notes that another process has counted, and sent, this: no delta has it. */
  carry({ series, totals }: SeriesWithTotals): void {
    const { shown, kind } = series;
    if (shown === undefined || kind === "summary") return;
    this.#carriedMs = this.#node.seenMs;
    const before = this.#sent.get(shown);
    if (totals.kind === "scalar") {
      const sent = typeof before === "number" ? before : 0;
      this.#sent.set(shown, sent + totals.last + totals.before);
    } else this.#sent.set(shown, typeof before === "object" ? sumOf(before, totals) : totals);
  }

  /** Returns what is to be sent now. */
  take(): NodeExport {
    const endMs = this.#node.flushMs;
    const metrics: ExportMetric[] = [];
    const taken: (readonly [ShownSeries, number | Distribution])[] = [];
    let points = 0;
    let skipped = 0;
    for (const { family, samples } of this.#families()) {
      if (family.kind === "summary") {
        skipped += [...samples].length;
        continue;
      }
      const found: ExportPoint[] = [];
      for (const sample of samples) {
        const point = this.#point(sample, endMs);
        if (point === undefined) continue;
        found.push(point);
        if (this.#temporality === "delta") taken.push([sample.shown, copyOf(sample)]);
      }
      if (found.length === 0) continue;
      metrics.push({ name: family.statName, kind: family.kind, points: found });
      points += found.length;
    }
    return { metrics, points, skipped, commit: () => this.#commit(taken, endMs) };
  }

  #families(): Iterable<FamilySamples> {
    const nodes = [this.#node];
    return this.#temporality === "cumulative"
      ? samplesOfNodes(nodes)
      : samplesOfGroups([{ nodes }]);
  }

  #commit(taken: Iterable<readonly [ShownSeries, number | Distribution]>, endMs: number): void {
    this.#sentFlushMs = endMs;
    for (const [shown, value] of taken) this.#sent.set(shown, value);
  }

  #point({ shown, value, distribution }: Sample, endMs: number): ExportPoint | undefined {
    const { labels, family: { kind } } = shown;
    const startMs = Math.min(endMs, this.#startMs(kind));
    const times = { labels, startMs, endMs };
    if (distribution !== undefined) {
      const added = this.#added(distribution, this.#sent.get(shown));
      return added && { ...times, value: 0, distribution: added };
    }
    const before = this.#sent.get(shown);
    if (kind === "gauge" || this.#temporality === "cumulative") return { ...times, value };
    const added = value - (typeof before === "number" ? before : 0);
    return added > 0 ? { ...times, value: added } : undefined;
  }

  /** Deltas follow each other without a gap; what came before the node was known is in no histogram. */
  #startMs(kind: SeriesKind): number {
    const { startMs, sinceMs } = this.#node;
    if (this.#temporality === "delta") {
      const sentMs = this.#sentFlushMs > 0 ? this.#sentFlushMs : this.#carriedMs;
      if (sentMs > 0) return sentMs;
    }
    return kind === "histogram" ? Math.max(startMs ?? sinceMs, sinceMs) : startMs ?? sinceMs;
  }

  /** A copy: what is sent must not change while it is. */
  #added(now: Distribution, before: number | Distribution | undefined): Distribution | undefined {
    if (this.#temporality === "cumulative" || typeof before !== "object") {
      return this.#temporality === "delta" && now.count === 0 ? undefined : copyOfDistribution(now);
    }
    const added = differenceOf(now, before) ?? copyOfDistribution(now);
    return added.count === 0 ? undefined : added;
  }
}

function copyOf({ value, distribution }: Sample): number | Distribution {
  return distribution === undefined ? value : copyOfDistribution(distribution);
}
