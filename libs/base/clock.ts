// SPDX-License-Identifier: Apache-2.0
/**
 * The port through which time comes in. Pure code takes `nowMs` as an argument; code that waits
 * takes a {@linkcode Clock}, so that a test moves time by hand.
 * @module
 */

/** A timer that can be stopped; stopping it twice, or after it fired, does nothing. */
export interface Timer {
  /** Stops the timer; its callback is not called any more. */
  cancel(): void;
}

/** Wall clock, monotonic clock and timers. The system's is in libs/runtime. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may step backwards. */
  nowMs(): number;
  /** Milliseconds since some fixed moment, with fractions; never steps backwards. */
  monotonicMs(): number;
  /** Calls `callback` once after `delayMs`; the timer does not keep the process alive. */
  after(delayMs: number, callback: () => void): Timer;
}

/** Returns a moment (ms since the epoch) as people and RFC 3339 have it. @throws RangeError on none */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
