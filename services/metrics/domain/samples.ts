// SPDX-License-Identifier: Apache-2.0
/**
 * Reads what nodes have reported, family by family: as each node has it, or summed over groups of
 * nodes. Values are those of the moment in which a family is reached; what is held meanwhile is an
 * index of 8 bytes a series.
 * @module
 */
import type { NodeMetrics } from "./node_metrics.ts";
import type { FamilySamples, Sample } from "./sample.ts";
import { SampleSum } from "./sample_sum.ts";
import type { Family, Series, ShownSeries } from "./series.ts";

/** Nodes that are summed. */
export interface NodeGroup {
  /** All nodes of it; also those that do not report now, for what they counted. */
  readonly nodes: readonly NodeMetrics[];
}

/** Which families are read. @default all */
export type FamilyFilter = (family: Family) => boolean;

/** Yields what each node shows; `group` is its number in `nodes`. */
export function* samplesOfNodes(
  nodes: readonly NodeMetrics[],
  wants?: FamilyFilter,
): Generator<FamilySamples> {
  const index = new FamilyIndex(nodes, { wants, includes: (node, slot) => node.isShown(slot) });
  for (const family of index.families()) {
    const places = index.places(family, (node, slot) => node.isShown(slot));
    yield { family, samples: family.merged > 0 ? merged(places) : plain(places) };
  }
}

/**
 * Yields sums over groups. Counters and histograms are sums of all that was ever counted, so that
 * they do not fall when a node starts anew or goes; gauges are sums of what nodes show now.
 * Summaries cannot be summed and are left out.
 */
export function* samplesOfGroups(
  groups: readonly NodeGroup[],
  wants?: FamilyFilter,
): Generator<FamilySamples> {
  const nodes = groups.flatMap((group) => group.nodes);
  const groupOf = groups.flatMap((group, number) => group.nodes.map(() => number));
  const index = new FamilyIndex(nodes, { wants, includes: isSummed });
  for (const family of index.families()) {
    if (family.kind === "summary") continue;
    const sums = new SampleSum();
    for (const { node, slot, number, series, shown } of index.places(family, isSummed)) {
      const group = groupOf[number] ?? 0;
      if (series.kind === "histogram") {
        sums.addDistribution({ shown, group }, node.series.distribution(slot).total);
      } else {
        const value = series.kind === "counter" ? node.total(slot) : node.series.last(slot);
        sums.addValue({ shown, group }, value);
      }
    }
    yield { family, samples: sums.samples() };
  }
}

function isSummed(node: NodeMetrics, slot: number, { kind }: Series): boolean {
  return kind === "counter" || kind === "histogram" || node.isShown(slot);
}

/** A value where it lies. */
interface Place {
  readonly node: NodeMetrics;
  readonly slot: number;
  /** Number of the node. */
  readonly number: number;
  readonly series: Series;
  readonly shown: ShownSeries;
}

type Includes = (node: NodeMetrics, slot: number, series: Series) => boolean;

/** Slots of all nodes, ordered by family: two passes and two columns, no object for a series. */
class FamilyIndex {
  readonly #nodes: readonly NodeMetrics[];
  readonly #ranges = new Map<Family, { readonly start: number; end: number }>();
  readonly #numbers: Uint32Array;
  readonly #slots: Uint32Array;

  constructor(
    nodes: readonly NodeMetrics[],
    { wants = () => true, includes }: {
      readonly wants: FamilyFilter | undefined;
      readonly includes: Includes;
    },
  ) {
    this.#nodes = nodes;
    const counts = new Map<Family, number>();
    const included = (node: NodeMetrics, slot: number): Family | undefined => {
      const series = node.series.seriesAt(slot);
      const shown = series === undefined ? undefined : shownOf(series);
      if (series === undefined || shown === undefined) return undefined;
      return includes(node, slot, series) ? shown.family : undefined;
    };
    for (const { node, slot } of slotsOf(nodes)) {
      const family = included(node, slot);
      if (family !== undefined) counts.set(family, (counts.get(family) ?? 0) + 1);
    }
    const total = this.#lay(counts, wants);
    this.#numbers = new Uint32Array(total);
    this.#slots = new Uint32Array(total);
    for (const { node, slot, number } of slotsOf(nodes)) {
      const range = this.#ranges.get(included(node, slot) as Family);
      if (range === undefined) continue;
      this.#numbers[range.end] = number;
      this.#slots[range.end++] = slot;
    }
  }

  /** Families in order of their names. */
  families(): readonly Family[] {
    return [...this.#ranges.keys()].sort((a, b) => a.name < b.name ? -1 : 1);
  }

  /** Values of a family that are still there. */
  *places(family: Family, includes: Includes): Generator<Place> {
    const { start, end } = this.#ranges.get(family) ?? { start: 0, end: 0 };
    for (let at = start; at < end; at++) {
      const number = this.#numbers[at] ?? 0;
      const slot = this.#slots[at] ?? 0;
      const node = this.#nodes[number];
      const series = node?.series.seriesAt(slot);
      const shown = series === undefined ? undefined : shownOf(series);
      if (node === undefined || series === undefined || shown?.family !== family) continue;
      if (includes(node, slot, series)) yield { node, slot, number, series, shown };
    }
  }

  #lay(counts: ReadonlyMap<Family, number>, wants: FamilyFilter): number {
    let total = 0;
    for (const [family, count] of counts) {
      if (!wants(family)) continue;
      this.#ranges.set(family, { start: total, end: total });
      total += count;
    }
    return total;
  }
}

function* slotsOf(nodes: readonly NodeMetrics[]) {
  for (const [number, node] of nodes.entries()) {
    for (let slot = 0; slot < node.series.slots; slot++) yield { node, slot, number };
  }
}

function shownOf({ shown, kind }: Series): ShownSeries | undefined {
  return shown?.family.kind === kind ? shown : undefined;
}

function* plain(places: Iterable<Place>): Generator<Sample> {
  for (const { node, slot, number, series, shown } of places) {
    const value = node.series.last(slot);
    if (series.kind === "counter" || series.kind === "gauge") yield { shown, group: number, value };
    else yield { shown, group: number, value, distribution: node.series.distribution(slot) };
  }
}

/** Rules may have made one of several series of a node. */
function merged(places: Iterable<Place>): Iterable<Sample> {
  const sums = new SampleSum();
  for (const sample of plain(places)) {
    if (sample.distribution === undefined) sums.addValue(sample, sample.value);
    else sums.addDistribution(sample, sample.distribution);
  }
  return sums.samples();
}
