// SPDX-License-Identifier: Apache-2.0
/**
 * How many requests a second a bucket of one Envoy wants, allowed and denied ones together, as its
 * reports tell.
 * @module
 */

/** What one report says of a bucket. */
export interface QuotaUsage {
  /** Requests that passed since the last report. */
  readonly allowed: number;
  /** Requests that were denied since the last report. */
  readonly denied: number;
  /** Seconds since the last report, as the client says. */
  readonly elapsedSeconds: number;
}

/** Reports that come closer together are taken as one: what they say of a rate is noise. */
const MIN_ELAPSED_MS = 100;
/** Below this a rate is none. */
const MIN_PER_SECOND = 0.001;
/** What is counted of one report at most: beyond it numbers are not exact any more. */
const MAX_REQUESTS = 2 ** 53;

/** After so long half of a fall is believed. */
const HALF_LIFE_MS = 1000;
/** A client that has not reported for so long is no longer expected to tell whether it is idle. */
const SILENCE_MS = 60_000;

/**
 * An estimate that follows more demand at once, and less little by little, so that a pause between
 * two bursts costs no share.
 */
export class DemandEstimate {
  #perSecond: number | undefined;
  #reportedMs: number | undefined;
  #requestedMs: number;
  #heardMs: number;
  #pending = 0;

  /** `nowMs` counts as the moment of the last request until there is one. */
  constructor(nowMs: number) {
    this.#requestedMs = nowMs;
    this.#heardMs = nowMs;
  }

  /** Requests a second; undefined while only one report has come, which tells no rate. */
  get perSecond(): number | undefined {
    return this.#perSecond;
  }

  /** Tells whether reports say that there were no requests for `idleMs`, or stay away for longer. */
  isIdle(idleMs: number, nowMs: number): boolean {
    return this.#heardMs - this.#requestedMs >= idleMs ||
      nowMs - this.#heardMs >= idleMs + SILENCE_MS;
  }

  /** Takes a report that came at `nowMs` of a clock that never steps back. */
  report({ allowed, denied, elapsedSeconds }: QuotaUsage, nowMs: number): void {
    const requests = countOf(allowed) + countOf(denied);
    this.#heardMs = nowMs;
    if (requests > 0) this.#requestedMs = nowMs;
    this.#pending += requests;
    const reported = secondsOf(elapsedSeconds);
    const elapsedMs = this.#elapsedMs(reported, nowMs);
    this.#reportedMs ??= nowMs;
    if (elapsedMs < MIN_ELAPSED_MS) {
      if (this.#pending === 0) this.#perSecond ??= 0;
      return;
    }
    this.#follow(this.#pending * 1000 / elapsedMs, elapsedMs);
    this.#pending = 0;
    this.#reportedMs = nowMs;
  }

  /**
   * Envoy cuts the elapsed time to whole seconds, to zero for less than one: the time between
   * reports as they arrive tells more, as long as the two do not contradict each other.
   */
  #elapsedMs(reported: number, nowMs: number): number {
    if (this.#reportedMs === undefined) return reported * 1000;
    const arrivedMs = nowMs - this.#reportedMs;
    return Math.min(Math.max(arrivedMs, reported * 1000), (reported + 1) * 1000);
  }

  #follow(observed: number, elapsedMs: number): void {
    const before = this.#perSecond;
    const smoothed = before === undefined || observed >= before
      ? observed
      : observed + (before - observed) * 0.5 ** (elapsedMs / HALF_LIFE_MS);
    this.#perSecond = smoothed < MIN_PER_SECOND ? 0 : smoothed;
  }
}

/** Counts come from outside: negative and endless ones count as none and as very many. */
function countOf(requests: number): number {
  return requests > 0 ? Math.min(requests, MAX_REQUESTS) : 0;
}

/** A day between two reports is as good as for ever. */
function secondsOf(seconds: number): number {
  return seconds > 0 ? Math.min(seconds, 86_400) : 0;
}
