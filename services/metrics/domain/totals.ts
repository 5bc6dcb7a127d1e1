// SPDX-License-Identifier: Apache-2.0
/**
 * What must survive a restart of ours: totals that no Envoy will send again. Of cumulative counters
 * that is what earlier processes of a node counted; of histograms and of deltas, everything.
 * @module
 */
import type { Fleet } from "./fleet.ts";
import type { Label } from "./label.ts";
import type { NodeInfo } from "./node_info.ts";
import type { NodeMetrics } from "./node_metrics.ts";
import type { Series, SeriesKind } from "./series.ts";
import type { SeriesTotals } from "./series_totals.ts";

/** A series in a form that lasts. */
export interface SeriesName {
  /** What its values mean. */
  readonly kind: SeriesKind;
  /** Name without tags. */
  readonly name: string;
  /** Its labels. */
  readonly labels: readonly Label[];
}

/** Totals of a node. */
export interface NodeTotals {
  /** The node. */
  readonly info: NodeInfo;
  /** When its process started (ms since epoch, its clock). */
  readonly startMs: number | undefined;
  /** When it was first heard of (ms since epoch, our clock). */
  readonly sinceMs: number;
  /** When it reported last (ms since epoch, our clock). */
  readonly seenMs: number;
  /** Its series. */
  readonly series: Iterable<readonly [SeriesName, SeriesTotals]>;
}

/** Keeps totals. */
export interface TotalsStore {
  /** Writes a node's totals in place of those it had. @throws StatusError when that failed */
  save(nodes: readonly NodeMetrics[]): void;
  /** Returns all totals; those that are damaged are left out. */
  load(): Iterable<NodeTotals>;
  /** Removes nodes that are not among these. */
  keep(nodes: Iterable<NodeMetrics>): void;
  /** Closes the store. */
  close(): void;
}

/** Returns the totals of a series; none for what is not worth keeping. */
export function totalsOf(node: NodeMetrics, slot: number): readonly SeriesTotals[] {
  const kind = node.series.seriesAt(slot)?.kind;
  if (kind === undefined || kind === "gauge") return [];
  if (kind === "counter") {
    return [{ kind: "scalar", last: node.series.last(slot), before: node.series.before(slot) }];
  }
  const { count, sum, bounds, values, before } = node.series.distribution(slot);
  const present: SeriesTotals = { kind: "distribution", count, sum, bounds, values };
  return before === undefined ? [present] : [present, { kind: "ended", ...before }];
}

/** Puts totals back; the node is shown when it reports. */
export function restoreTotals(fleet: Fleet, totals: NodeTotals): NodeMetrics {
  const node = fleet.restore(totals.info, totals.sinceMs);
  node.seenMs = totals.seenMs;
  node.startMs = totals.startMs;
  for (const [name, values] of totals.series) {
    const series = fleet.index.find(name, fleet.full(node));
    if (typeof series === "string") continue;
    const slot = fleet.slot(node, series);
    if (slot < 0) continue;
    restoreSlot(node, { slot, series, values });
    fleet.carried(node, { series, totals: values });
  }
  return node;
}

/**
 * Puts totals of another replica under what this one has counted of the node meanwhile, if anything.
 * Sums over nodes stay what this replica has counted, so that those of all replicas add up.
 */
export function takeOverTotals(fleet: Fleet, totals: NodeTotals): NodeMetrics {
  const node = fleet.node(totals.info.id) ?? fleet.restore(totals.info, totals.sinceMs);
  const isEnded = node.isYoungerThan(totals.startMs);
  node.startMs ??= totals.startMs;
  node.sinceMs = Math.min(node.sinceMs, totals.sinceMs);
  for (const [name, values] of totals.series) {
    const series = fleet.index.find(name, fleet.full(node));
    if (typeof series === "string") continue;
    const isKnown = node.series.slotOf(series) >= 0;
    const slot = fleet.slot(node, series);
    if (slot < 0) continue;
    fleet.discount(node, { series, totals: values });
    fleet.carried(node, { series, totals: values });
    if (isKnown || isEnded) layUnder(node, { slot, series, values, isEnded });
    else restoreSlot(node, { slot, series, values });
  }
  return node;
}

interface SlotTotals {
  readonly slot: number;
  readonly series: Series;
  readonly values: SeriesTotals;
}

/** What the values are of: a process that has ended, or the one whose values the slot has. */
function layUnder(
  node: NodeMetrics,
  { slot, series, values, isEnded }: SlotTotals & { readonly isEnded: boolean },
): void {
  if (values.kind !== "scalar") {
    if (series.kind === "summary") return;
    const state = node.series.distribution(slot);
    if (isEnded || values.kind === "ended") state.addBefore(values);
    else state.addEarlier(values);
    return;
  }
  const last = node.series.last(slot);
  node.series.addBefore(slot, values.before);
  if (isEnded || (node.mode === "cumulative" && last < values.last)) {
    node.series.addBefore(slot, values.last);
  } else if (node.mode === "delta") {
    node.series.setLast(slot, last + values.last, node.series.flush(slot));
  }
}

function restoreSlot(node: NodeMetrics, { slot, series, values }: SlotTotals): void {
  if (values.kind === "scalar") {
    node.series.setLast(slot, values.last, 0);
    node.series.addBefore(slot, values.before);
    return;
  }
  const { count, sum } = values;
  const state = node.series.distribution(slot);
  if (values.kind === "ended") return state.addBefore(values);
  const bounds = Float64Array.from(values.bounds);
  const interval = { count, sum, bounds, values: values.values, length: bounds.length };
  if (series.kind === "histogram") state.addHistogram(interval);
  else state.addSummary(interval);
}
