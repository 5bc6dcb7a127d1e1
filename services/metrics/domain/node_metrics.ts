// SPDX-License-Identifier: Apache-2.0
/**
 * What one Envoy has reported: its totals, across its restarts and in both modes of counters.
 * @module
 */
import { type Interval } from "./histogram_state.ts";
import type { NodeInfo } from "./node_info.ts";
import { NodeSeries } from "./node_series.ts";
import { type CutReason, cutReasons, type Series } from "./series.ts";

/** Whether counters come as they stand or as what was added since the last flush. */
export type CounterMode = "cumulative" | "delta";

/** Samples that were not kept, by why. */
export type CutCounts = Record<CutReason, number>;

/**
 * Envoy sends every stat that it has in every flush; one that is missing for longer was evicted and
 * is shown no more.
 */
const STALE_FLUSHES = 5;
/** How much later a start must be to be another one: uptime is in whole seconds. */
const START_TOLERANCE_MS = 5_000;

/** The reports of one node. */
export class NodeMetrics {
  /** Its values. */
  readonly series = new NodeSeries();
  /** Samples that were not kept. */
  readonly cuts: CutCounts = emptyCuts();
  /** What it says of itself; as of its last stream. */
  info: NodeInfo;
  /** How its counters come. */
  mode: CounterMode;
  /** Whether it reports; false for one that is only remembered. */
  live = false;
  /** When it last reported (ms since epoch, our clock). */
  seenMs = 0;
  /** When its process started (ms since epoch, its clock); undefined while unknown. */
  startMs: number | undefined;
  /** When it flushed last (ms since epoch, its clock). */
  flushMs = 0;
  /** When we, or a replica before us, first heard of it (ms since epoch, our clock). */
  sinceMs: number;
  /** Starts of its process that we noticed, beside the first. */
  restarts = 0;
  /** Counters that fell within one stream: a sign that they are deltas, if they are not taken as such. */
  fallen = 0;
  #flush = 0;
  #uptime = -1;
  /** Values as they were when the present stream began. */
  #previous: Float64Array = new Float64Array(0);
  #isFirstUptime = true;

  /** Knows no series. */
  constructor(
    info: NodeInfo,
    { mode, nowMs }: { readonly mode: CounterMode; readonly nowMs: number },
  ) {
    this.info = info;
    this.mode = mode;
    this.sinceMs = nowMs;
    this.seenMs = nowMs;
  }

  /** The node has opened a stream. */
  beginStream(info: NodeInfo, mode: CounterMode): void {
    this.info = info;
    this.mode = mode;
    this.#previous = this.series.copyLast();
    this.#isFirstUptime = true;
  }

  /** All samples of one flush have one timestamp (`timestamp_ms`), which nothing else marks. */
  beginSample(timestampMs: number): void {
    if (timestampMs === this.flushMs && this.#flush > 0) return;
    this.flushMs = timestampMs;
    this.#flush++;
  }

  /** Takes a counter; its value is finite and not negative. */
  counter(slot: number, value: number): void {
    const last = this.series.last(slot);
    if (this.mode === "delta") return this.series.setLast(slot, last + value, this.#flush);
    if (value < last) this.#fall(slot, last);
    this.series.setLast(slot, value, this.#flush);
  }

  /** Takes a gauge. */
  gauge(slot: number, value: number): void {
    this.series.setLast(slot, value, this.#flush);
  }

  /** Takes an interval of a histogram. */
  histogram(slot: number, interval: Interval): void {
    this.series.distribution(slot).addHistogram(interval);
    this.series.touch(slot, this.#flush);
  }

  /** Takes an interval of a summary. */
  summary(slot: number, interval: Interval): void {
    this.series.distribution(slot).addSummary(interval);
    this.series.touch(slot, this.#flush);
  }

  /** Takes `server.uptime` (seconds): it tells a restart, which zeroes all that Envoy has. */
  uptime(seconds: number): void {
    const startMs = this.flushMs - seconds * 1000;
    const known = this.startMs;
    const later = known !== undefined && startMs > known + START_TOLERANCE_MS;
    if (seconds < this.#uptime || (this.#isFirstUptime && later)) this.#restart();
    if (known === undefined || seconds < this.#uptime || later) this.startMs = startMs;
    this.#uptime = seconds;
    this.#isFirstUptime = false;
  }

  /** Whether its process is not the one that started at `startMs` but a later one, as far as is known. */
  isYoungerThan(startMs: number | undefined): boolean {
    return this.startMs !== undefined && startMs !== undefined &&
      this.startMs > startMs + START_TOLERANCE_MS;
  }

  /** Whether a slot holds a value of the present: its node reports, and reports it. */
  isShown(slot: number): boolean {
    const flush = this.series.flush(slot);
    return this.live && flush > 0 && this.#flush - flush <= STALE_FLUSHES;
  }

  /** Whether a slot may be given away when there is no room. */
  isStale(slot: number): boolean {
    return this.#flush - this.series.flush(slot) > STALE_FLUSHES;
  }

  /** All that a counter counted, across restarts of the node. */
  total(slot: number): number {
    return this.series.before(slot) + this.series.last(slot);
  }

  /** A fall in a stream that has seen its process's uptime is none of a restart. */
  #fall(slot: number, last: number): void {
    if (!this.#isFirstUptime) this.fallen++;
    this.series.addBefore(slot, last);
    if (slot < this.#previous.length) this.#previous[slot] = 0;
  }

  /**
   * Envoy started anew. What this flush has brought already is of the new process; what it has not
   * is of the old one and stands no more. Envoy sends histograms after gauges, and so after uptime.
   */
  #restart(): void {
    this.restarts++;
    for (let slot = 0; slot < this.series.slots; slot++) {
      const series = this.series.seriesAt(slot);
      if (series === undefined) continue;
      if (this.series.flush(slot) === this.#flush) this.#splitAtRestart(slot, series);
      else this.#endProcess(slot, series);
    }
    this.#previous = new Float64Array(0);
  }

  #splitAtRestart(slot: number, { kind }: Series): void {
    const previous = this.#previous[slot] ?? 0;
    if (kind !== "counter" || previous === 0) return;
    this.series.addBefore(slot, previous);
    if (this.mode === "cumulative") return;
    this.series.setLast(slot, this.series.last(slot) - previous, this.#flush);
  }

  #endProcess(slot: number, { kind }: Series): void {
    if (kind === "counter") this.series.addBefore(slot, this.series.last(slot));
    if (kind === "histogram" || kind === "summary") this.series.distribution(slot).endProcess();
    this.series.setLast(slot, 0, 0);
  }
}

/** Returns counts of nothing. */
export function emptyCuts(): CutCounts {
  return Object.fromEntries(cutReasons.map((reason) => [reason, 0])) as CutCounts;
}
