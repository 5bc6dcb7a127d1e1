// SPDX-License-Identifier: Apache-2.0
/**
 * The system's clock and timers.
 * @module
 */
import type { Clock, Timer } from "@denvoy/base";

// setTimeout takes 32 bits; a longer delay would fire at once.
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** The system's clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: startTimer,
};

function startTimer(delayMs: number, callback: () => void): Timer {
  const step = Math.min(Math.max(0, delayMs), LONGEST_DELAY_MS);
  const left = delayMs - step;
  let next: Timer | undefined;
  const id = setTimeout(() => {
    if (left > 0) next = startTimer(left, callback);
    else callback();
  }, step);
  Deno.unrefTimer(id);
  return {
    cancel(): void {
      clearTimeout(id);
      next?.cancel();
    },
  };
}
