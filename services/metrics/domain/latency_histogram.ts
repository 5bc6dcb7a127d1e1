// SPDX-License-Identifier: Apache-2.0
/**
 * The port to what keeps latencies.
 * @module
 */

/** Latencies in milliseconds. */
export interface LatencyQuantiles {
  /** Half are at most this. */
  readonly p50: number;
  /** 90 % are at most this. */
  readonly p90: number;
  /** 99 % are at most this. */
  readonly p99: number;
}

/** Keeps latencies with a relative error of 1 % at most, in bounded memory. */
export interface LatencyHistogram {
  /** Counts one, in microseconds. */
  record(latencyUs: number): void;
  /** Adds those of another one. */
  add(other: LatencyHistogram): void;
  /** Forgets all. */
  reset(): void;
  /** Returns the quantiles; undefined without latencies. */
  quantiles(): LatencyQuantiles | undefined;
}
