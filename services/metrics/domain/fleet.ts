// SPDX-License-Identifier: Apache-2.0
/**
 * All Envoys that report, within bounds: who is there, who is gone, and what is kept of whom.
 * @module
 */
import type { CardinalityRules } from "./cardinality_rules.ts";
import type { NodeInfo } from "./node_info.ts";
import { type CounterMode, type CutCounts, emptyCuts, NodeMetrics } from "./node_metrics.ts";
import { discountFrom, retireInto } from "./retire.ts";
import { type CutReason, cutReasons, type Series } from "./series.ts";
import { SeriesIndex } from "./series_index.ts";
import type { SeriesTotals } from "./series_totals.ts";

/** Bounds and habits of a fleet. */
export interface FleetSettings {
  /** Series of one node at most. */
  readonly maxSeriesPerNode: number;
  /** Series of all nodes at most. */
  readonly maxSeries: number;
  /** Nodes at most, those that are only remembered included. */
  readonly maxNodes: number;
  /** A node that has not reported for this long is shown no more. */
  readonly expireMs: number;
  /** A node that has not reported for this long is forgotten. */
  readonly forgetMs: number;
  /** How the counters of a node come. */
  readonly counterMode: (info: NodeInfo) => CounterMode;
  /** Whether tags are looked for in names without labels. */
  readonly extractTags: boolean;
}

/** A series, and what was counted of it. */
export interface SeriesWithTotals {
  /** The series. */
  readonly series: Series;
  /** What was counted. */
  readonly totals: SeriesTotals;
}

/** The id under which the totals of forgotten nodes of a cluster stay; no Envoy may have it. */
const FORGOTTEN = "";

/** The nodes and their series. */
export class Fleet {
  /** All series, each once. */
  readonly index: SeriesIndex;
  readonly #settings: FleetSettings;
  readonly #nodes = new Map<string, NodeMetrics>();
  readonly #forgotten = new Map<string, NodeMetrics>();
  readonly #cutBefore: CutCounts = emptyCuts();
  #onCarried: (node: NodeMetrics, counted: SeriesWithTotals) => void = () => {};
  #series = 0;
  #refusedNodes = 0;

  /** Knows nobody. */
  constructor(settings: FleetSettings, rules: CardinalityRules) {
    this.#settings = settings;
    this.index = new SeriesIndex({ rules, extractTags: settings.extractTags });
  }

  /** Series of all nodes. */
  get seriesCount(): number {
    return this.#series;
  }

  /** Nodes that were not taken as there were too many. */
  get refusedNodes(): number {
    return this.#refusedNodes;
  }

  /** All nodes, also those that are only remembered. */
  nodes(): Iterable<NodeMetrics> {
    return this.#nodes.values();
  }

  /** What is left of nodes that were forgotten, one for each cluster: for sums over nodes. */
  forgotten(): Iterable<NodeMetrics> {
    return this.#forgotten.values();
  }

  /** Returns a node. */
  node(id: string): NodeMetrics | undefined {
    return this.#nodes.get(id);
  }

  /** Returns the node that reports; undefined when there is no room for it. */
  open(info: NodeInfo, nowMs: number): NodeMetrics | undefined {
    const mode = this.#settings.counterMode(info);
    let node = this.#nodes.get(info.id);
    if (node === undefined) {
      if (this.#nodes.size >= this.#settings.maxNodes && !this.#forgetOldest(nowMs)) {
        this.#refusedNodes++;
        return undefined;
      }
      node = new NodeMetrics(info, { mode, nowMs });
      this.#nodes.set(info.id, node);
    }
    node.beginStream(info, mode);
    return node;
  }

  /** Puts a node back that was remembered; it is not shown before it reports. */
  restore(info: NodeInfo, sinceMs: number): NodeMetrics {
    const mode = this.#settings.counterMode(info);
    const node = new NodeMetrics(info, { mode, nowMs: sinceMs });
    const known = info.id === FORGOTTEN ? this.#forgotten : this.#nodes;
    known.set(info.id === FORGOTTEN ? info.cluster : info.id, node);
    return node;
  }

  /** Calls `listener` with totals that are put into a node and that another process has counted. */
  listenCarried(listener: (node: NodeMetrics, counted: SeriesWithTotals) => void): void {
    this.#onCarried = listener;
  }

  /** Tells that such totals were put into a node. */
  carried(node: NodeMetrics, counted: SeriesWithTotals): void {
    if (node.info.id !== FORGOTTEN) this.#onCarried(node, counted);
  }

  /** Why a node may have no more series; undefined when it may. */
  full(node: NodeMetrics): CutReason | undefined {
    if (node.series.size >= this.#settings.maxSeriesPerNode) return "node_limit";
    return this.#series >= this.#settings.maxSeries ? "fleet_limit" : undefined;
  }

  /** Returns the slot of a series in a node, given to it if need be; -1 when there is no room. */
  slot(node: NodeMetrics, series: Series): number {
    const slot = node.series.slotOf(series);
    if (slot >= 0 || this.full(node) !== undefined) return slot;
    this.index.retain(series);
    this.#series++;
    return node.series.add(series);
  }

  /** Another replica has the node from now on and shows it. What was counted here stays in the sums. */
  handOver(node: NodeMetrics): void {
    if (this.#nodes.get(node.info.id) !== node) return;
    node.live = false;
    this.#forget(node, node.seenMs);
  }

  /** Takes what another replica has counted of a node out of the sums over nodes that this one shows. */
  discount(node: NodeMetrics, { series, totals }: SeriesWithTotals): void {
    const heir = this.#heir(node.info, node.seenMs);
    const slot = this.#inherits(heir, series) ? this.slot(heir, series) : -1;
    if (slot >= 0) discountFrom({ node: heir, slot }, totals);
  }

  /** Drops what is not shown any more to make room in a node; its counters stay in the sums. */
  dropStale(node: NodeMetrics): void {
    this.#retire(node, (slot) => node.isStale(slot));
  }

  /** Ends what has had its time. */
  tick(nowMs: number): void {
    const { expireMs, forgetMs, maxSeriesPerNode } = this.#settings;
    for (const node of this.#nodes.values()) {
      const quietMs = nowMs - node.seenMs;
      if (quietMs > expireMs) node.live = false;
      if (quietMs > forgetMs) this.#forget(node, nowMs);
      else if (node.series.size >= maxSeriesPerNode) this.dropStale(node);
    }
  }

  /** Samples that were not kept, of all nodes that ever reported. */
  cuts(): CutCounts {
    const sum = { ...this.#cutBefore };
    for (const node of this.#nodes.values()) addCuts(sum, node.cuts);
    return sum;
  }

  #forgetOldest(nowMs: number): boolean {
    let oldest: NodeMetrics | undefined;
    for (const node of this.#nodes.values()) {
      if (!node.live && node.seenMs < (oldest?.seenMs ?? Infinity)) oldest = node;
    }
    if (oldest === undefined) return false;
    this.#forget(oldest, nowMs);
    return true;
  }

  #forget(node: NodeMetrics, nowMs: number): void {
    this.#nodes.delete(node.info.id);
    addCuts(this.#cutBefore, node.cuts);
    this.#retire(node, () => true, nowMs);
  }

  #retire(node: NodeMetrics, isOld: (slot: number) => boolean, nowMs = node.seenMs): void {
    const heir = this.#heir(node.info, nowMs);
    for (let slot = 0; slot < node.series.slots; slot++) {
      const series = node.series.seriesAt(slot);
      if (series === undefined || !isOld(slot)) continue;
      const to = this.#inherits(heir, series) ? this.slot(heir, series) : -1;
      if (to >= 0) retireInto({ node: heir, slot: to }, { node, slot });
      node.series.remove(slot);
      this.#series--;
      this.index.release(series);
    }
  }

  #inherits(heir: NodeMetrics, { kind, shown }: Series): boolean {
    if (shown === undefined || (kind !== "counter" && kind !== "histogram")) return false;
    return heir.series.size < this.#settings.maxSeriesPerNode;
  }

  #heir({ cluster }: NodeInfo, nowMs: number): NodeMetrics {
    const known = this.#forgotten.get(cluster);
    if (known !== undefined) return known;
    const info = { id: FORGOTTEN, cluster, region: "", zone: "", subZone: "", version: "" };
    const heir = new NodeMetrics({ ...info, metadata: {} }, { mode: "cumulative", nowMs });
    this.#forgotten.set(cluster, heir);
    return heir;
  }
}

function addCuts(sum: CutCounts, more: CutCounts): void {
  for (const reason of cutReasons) sum[reason] += more[reason];
}
