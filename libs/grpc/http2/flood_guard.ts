// SPDX-License-Identifier: Apache-2.0
/**
 * Bounds how often a peer may do what costs it nothing: resets, pings, settings, frames without
 * content. Each kind has an allowance that refills with time.
 * @module
 */
import { ConnectionError, ErrorCode } from "./error_code.ts";

/** What is counted. `reset` is also each stream that the peer made us reset. */
export type FloodKind = "reset" | "ping" | "settings" | "empty-frame";

/** An allowance holds this many seconds' worth, so that a burst of honest use passes. */
const BURST_SECONDS = 10;

/** Allowed number per second of each kind, on the long run. */
export type FloodRates = Readonly<Record<FloodKind, number>>;

/** Counts for one connection. Takes moments as arguments, in ms of a clock that never goes back. */
export class FloodGuard {
  readonly #rates: FloodRates;
  readonly #left: Record<FloodKind, number>;
  readonly #refilledMs: Record<FloodKind, number>;

  /** All allowances start full. */
  constructor(rates: FloodRates, nowMs: number) {
    this.#rates = rates;
    this.#left = {
      "reset": rates.reset * BURST_SECONDS,
      "ping": rates.ping * BURST_SECONDS,
      "settings": rates.settings * BURST_SECONDS,
      "empty-frame": rates["empty-frame"] * BURST_SECONDS,
    };
    this.#refilledMs = { "reset": nowMs, "ping": nowMs, "settings": nowMs, "empty-frame": nowMs };
  }

  /** Counts one. @throws ConnectionError ENHANCE_YOUR_CALM when the allowance is used up */
  count(kind: FloodKind, nowMs: number): void {
    if (this.#left[kind] < 1) this.#refill(kind, nowMs);
    if (this.#left[kind] < 1) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, `too many of kind ${kind}`);
    }
    this.#left[kind]--;
  }

  #refill(kind: FloodKind, nowMs: number): void {
    const gained = (nowMs - this.#refilledMs[kind]) / 1_000 * this.#rates[kind];
    this.#left[kind] = Math.min(this.#left[kind] + gained, this.#rates[kind] * BURST_SECONDS);
    this.#refilledMs[kind] = nowMs;
  }
}
