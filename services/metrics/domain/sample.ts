// SPDX-License-Identifier: Apache-2.0
/**
 * Values on their way out, whatever becomes of them there.
 * @module
 */
import type { Distribution } from "./distribution.ts";
import type { Family, ShownSeries } from "./series.ts";

/** One value of a family. */
export interface Sample {
  /** Its series. */
  readonly shown: ShownSeries;
  /** Number of its node, or group of nodes, in the list that was asked for. */
  readonly group: number;
  /** The value of a counter or gauge. */
  readonly value: number;
  /** The totals of a histogram or summary. */
  readonly distribution?: Distribution;
}

/** The values of one family. */
export interface FamilySamples {
  /** The family. */
  readonly family: Family;
  /** Its values; read once, before the next family is asked for. */
  readonly samples: Iterable<Sample>;
}
