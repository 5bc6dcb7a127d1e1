// SPDX-License-Identifier: Apache-2.0
/**
 * Latencies in an HdrHistogram: from a microsecond to an hour, with two significant digits.
 * @module
 */
import { build, type Histogram } from "hdr-histogram-js";
import type { LatencyHistogram, LatencyQuantiles } from "../domain/latency_histogram.ts";

const MAX_US = 3_600_000_000;

/** Keeps latencies; about 14 KB. */
export class HdrLatencyHistogram implements LatencyHistogram {
  readonly #histogram: Histogram = build({
    bitBucketSize: 32,
    numberOfSignificantValueDigits: 2,
    lowestDiscernibleValue: 1,
    highestTrackableValue: MAX_US,
    autoResize: false,
    useWebAssembly: false,
  });

  /** See {@linkcode LatencyHistogram.record}; what is out of range counts as its end. */
  record(latencyUs: number): void {
    this.#histogram.recordValue(Math.min(MAX_US, Math.max(1, Math.round(latencyUs))));
  }

  /** See {@linkcode LatencyHistogram.add}. */
  add(other: LatencyHistogram): void {
    if (other instanceof HdrLatencyHistogram) this.#histogram.add(other.#histogram);
  }

  /** See {@linkcode LatencyHistogram.reset}. */
  reset(): void {
    if (this.#histogram.totalCount > 0) this.#histogram.reset();
  }

  /** See {@linkcode LatencyHistogram.quantiles}. */
  quantiles(): LatencyQuantiles | undefined {
    if (this.#histogram.totalCount === 0) return undefined;
    const at = (percentile: number) => this.#histogram.getValueAtPercentile(percentile) / 1000;
    return { p50: at(50), p90: at(90), p99: at(99) };
  }
}
