// SPDX-License-Identifier: Apache-2.0
/**
 * The settings by which verdicts are reached.
 * @module
 */
import type { Agreement } from "./tally.ts";

/** How verdicts are reached. */
export interface VerdictSettings {
  /** How many of an endpoint's probers must find it healthy. */
  readonly agreement: Agreement;
  /** Reports in a row that must say healthy before a prober's opinion is that. */
  readonly rise: number;
  /** Reports in a row that must say unhealthy before a prober's opinion is that. */
  readonly fall: number;
  /** Time between two reports of a prober, in milliseconds. */
  readonly reportIntervalMs: number;
  /** A prober that fails all of at least so many endpoints is doubted; 0 for never. */
  readonly doubtFrom: number;
  /** Share of a cluster's endpoints that stay in load balancing whatever is found, 0 to 1. */
  readonly keepShare: number;
  /** Evictions within {@linkcode flapWindowMs} that make an endpoint count as flapping; 0: never. */
  readonly flapLimit: number;
  /** How far back evictions count, in milliseconds. */
  readonly flapWindowMs: number;
  /** How long a flapping endpoint must be found healthy before it comes back, in milliseconds. */
  readonly flapHoldMs: number;
}

/** Intervals without a report after which a prober's opinions are unknown. */
export const SILENT_INTERVALS = 3;

/** Returns after which silence a prober's opinions are unknown, in milliseconds. */
export function silenceMs({ reportIntervalMs }: VerdictSettings): number {
  return SILENT_INTERVALS * reportIntervalMs;
}
