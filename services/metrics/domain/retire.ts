// SPDX-License-Identifier: Apache-2.0
/**
 * Keeps what counted in sums over nodes when its node is forgotten: a sum that fell would look like
 * a restart to whoever computes rates from it.
 * @module
 */
import { copyOfDistribution, negative } from "./distribution.ts";
import type { NodeMetrics } from "./node_metrics.ts";
import type { SeriesTotals } from "./series_totals.ts";

/** A value of a node. */
export interface Place {
  /** The node. */
  readonly node: NodeMetrics;
  /** The slot in its series. */
  readonly slot: number;
}

/** Adds the totals at `from` to those at `to`; both hold the same series. */
export function retireInto(to: Place, from: Place): void {
  const series = from.node.series.seriesAt(from.slot);
  if (series?.kind === "counter") {
    to.node.series.addBefore(to.slot, from.node.total(from.slot));
  }
  if (series?.kind !== "histogram") return;
  const { total } = from.node.series.distribution(from.slot);
  to.node.series.distribution(to.slot).addBefore(copyOfDistribution(total));
}

/** Takes totals away from those at `from`, which may be less than nothing then. */
export function discountFrom({ node, slot }: Place, totals: SeriesTotals): void {
  if (totals.kind === "scalar") node.series.addBefore(slot, -(totals.last + totals.before));
  else node.series.distribution(slot).addBefore(negative(totals));
}
