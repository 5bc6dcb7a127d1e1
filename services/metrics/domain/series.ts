// SPDX-License-Identifier: Apache-2.0
/**
 * What a series is, apart from its value: kind, name and labels as they came, and as what it is
 * shown. All nodes that report the same series share one object.
 * @module
 */
import type { Label } from "./label.ts";

/** What values mean: `histogram` and `summary` come for each interval, `counter` and `gauge` as they stand. */
export type SeriesKind = "counter" | "gauge" | "histogram" | "summary";

/** Why a sample or series is not kept. */
export type CutReason =
  | "rule"
  | "node_limit"
  | "fleet_limit"
  | "type_conflict"
  | "too_long"
  | "invalid_value"
  | "unsupported_type"
  | "summary";

/** All reasons, for metrics that show each. */
export const cutReasons: readonly CutReason[] = [
  "rule",
  "node_limit",
  "fleet_limit",
  "type_conflict",
  "too_long",
  "invalid_value",
  "unsupported_type",
  "summary",
];

/** Series of one name and kind, as they are shown. */
export interface Family {
  /** Name in Prometheus, e.g. `envoy_cluster_upstream_rq_total`. */
  readonly name: string;
  /** Name without tags, as OTLP has it, e.g. `cluster.upstream_rq_total`. */
  readonly statName: string;
  /** What its series are; a histogram takes the place of a summary of the same name. */
  kind: SeriesKind;
  /** Series that have it. */
  refs: number;
  /** Those of them that several reported series are shown as. */
  merged: number;
}

/** A series as it is shown; several that were reported may be shown as one. */
export interface ShownSeries {
  /** What it belongs to. */
  readonly family: Family;
  /** Its labels, after all rules. */
  readonly labels: readonly Label[];
  /** The labels in Prometheus text without braces, e.g. `envoy_cluster_name="be"`; may be empty. */
  readonly labelText: string;
  /** Series that are shown as it. */
  refs: number;
}

/** A series as it is reported. */
export interface Series {
  /** A small number that no other living series has. */
  readonly index: number;
  /** What its values mean. */
  readonly kind: SeriesKind;
  /** Name without tags. */
  readonly name: string;
  /** Labels as they came, or as they were found in the name. */
  readonly labels: readonly Label[];
  /** Identifies it among all series. */
  readonly key: string;
  /** As what it is shown; undefined when a rule cuts it. */
  shown: ShownSeries | undefined;
  /** Nodes that have it. */
  refs: number;
}
