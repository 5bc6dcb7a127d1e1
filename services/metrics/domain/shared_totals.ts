// SPDX-License-Identifier: Apache-2.0
/**
 * Totals that replicas share: at any time each node has one owner, who counts and shows it.
 * @module
 */
import type { NodeMetrics } from "./node_metrics.ts";
import type { Series } from "./series.ts";
import type { NodeTotals } from "./totals.ts";

/**
 * How much a claim wants: `newest` has the newest stream of the node, and asks who owns it; `idle` leaves
 * a node alone of which its owner has a stream; `force` does not wait for the owner.
 */
export type ClaimKind = "newest" | "idle" | "force";

/** What came of a claim: `asked` means that its owner will give it away at once. */
export type ClaimOutcome =
  | { readonly kind: "taken"; readonly totals: NodeTotals | undefined }
  | { readonly kind: "asked" }
  | { readonly kind: "refused" };

/** What came of a save: `lost` means that another replica owns the node. */
export type SaveOutcome = "kept" | "lost";

/** What is written of a node, as it was at one moment. */
export interface NodeRecord {
  /** Its id. */
  readonly id: string;
  /** What is known of it beside series (JSON). */
  readonly about: string;
  /** Its series that have totals; the same list while they are the same. */
  readonly series: readonly Series[];
  /** Its totals (JSON). */
  readonly totals: string;
}

/** How a node is written. */
export interface SaveOptions {
  /** Whether it is given away with that. */
  readonly give: boolean;
  /** Whether we have a stream of it. */
  readonly open: boolean;
}

/** Keeps them. All but `record` reject while the store is away. */
export interface SharedTotals {
  /** Takes a node, or asks for it. One without totals is new. */
  claim(id: string, kind: ClaimKind): Promise<ClaimOutcome>;
  /** Returns what is to be written of a node. */
  record(node: NodeMetrics): NodeRecord;
  /** Writes a node that is ours. */
  save(record: NodeRecord, options: SaveOptions): Promise<SaveOutcome>;
  /** Gives a node away of which nothing is to be written. */
  give(id: string): Promise<void>;
  /** Says that this replica is there, which is due several times a second. */
  beat(): Promise<Beat>;
  /** Says that this replica is there no more, if that can be said, and closes the store. */
  close(): Promise<void>;
}

/** What a replica hears when it says that it is there. */
export interface Beat {
  /** Whether it had been silent for so long that others may have taken its nodes. */
  readonly wasGone: boolean;
  /** Its nodes that others ask for, by id. */
  readonly wanted: readonly string[];
}
