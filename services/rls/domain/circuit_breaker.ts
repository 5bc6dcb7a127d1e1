// SPDX-License-Identifier: Apache-2.0
/**
 * When a store that fails is left alone, and when it is asked again whether it is back. After some
 * failures in a row nothing passes; after a pause one probe may; if that fails the next pause is
 * twice as long. Real requests are never the probe.
 * @module
 */

/** Settings of a {@linkcode CircuitBreaker}. */
export interface CircuitBreakerOptions {
  /** Failures in a row after which nothing passes. @default 3 */
  readonly failuresToOpen?: number;
  /** The first pause before a probe, in ms. @default 100 */
  readonly firstPauseMs?: number;
  /** The longest pause, in ms. @default 2000 */
  readonly longestPauseMs?: number;
}

/** What a breaker lets through: everything, nothing, or the one probe that is under way. */
export type BreakerState = "closed" | "open" | "half-open";

/** Decides by what went well and what failed; its time is monotonic. */
export class CircuitBreaker {
  readonly #failuresToOpen: number;
  readonly #firstPauseMs: number;
  readonly #longestPauseMs: number;
  #state: BreakerState = "closed";
  #failures = 0;
  #pauseMs = 0;
  #probeAtMs = Infinity;

  /** A closed breaker. */
  constructor(options: CircuitBreakerOptions = {}) {
    this.#failuresToOpen = options.failuresToOpen ?? 3;
    this.#firstPauseMs = options.firstPauseMs ?? 100;
    this.#longestPauseMs = options.longestPauseMs ?? 2_000;
  }

  /** What it lets through now. */
  get state(): BreakerState {
    return this.#state;
  }

  /** When a probe is due, in monotonic ms; Infinity when none is. */
  get probeAtMs(): number {
    return this.#state === "open" ? this.#probeAtMs : Infinity;
  }

  /** Notes that something went well: everything passes, whatever was before. */
  succeeded(): void {
    this.#state = "closed";
    this.#failures = 0;
    this.#pauseMs = 0;
  }

  /** Notes a failure; `certain` opens at once, for answers that will be the same next time. */
  failed(nowMs: number, { certain = false }: { readonly certain?: boolean } = {}): void {
    this.#failures++;
    if (this.#state === "open") return;
    if (this.#state === "closed" && !certain && this.#failures < this.#failuresToOpen) return;
    this.#pauseMs = Math.min(
      this.#pauseMs === 0 ? this.#firstPauseMs : 2 * this.#pauseMs,
      this.#longestPauseMs,
    );
    this.#probeAtMs = nowMs + this.#pauseMs;
    this.#state = "open";
  }

  /** Begins the probe if one is due; it must end in `succeeded` or `failed`. */
  tryProbe(nowMs: number): boolean {
    if (this.#state !== "open" || nowMs < this.#probeAtMs) return false;
    this.#state = "half-open";
    return true;
  }
}
