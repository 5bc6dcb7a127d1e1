// SPDX-License-Identifier: Apache-2.0
/**
 * Where fixed windows begin and how counters are called: as envoyproxy/ratelimit does it, so that
 * both can count in one Redis.
 * @module
 */
import { counterKeyText } from "./counter_key.ts";
import type { Charge } from "./counter_store.ts";

/** Seconds of each unit of a limit; months are 30 days and years 365, aligned to the Unix epoch. */
export const unitSeconds = {
  second: 1,
  minute: 60,
  hour: 3_600,
  day: 86_400,
  week: 604_800,
  month: 2_592_000,
  year: 31_536_000,
} as const;

/** From the shortest to the longest. */
const plainWindows: ReadonlySet<number> = new Set(Object.values(unitSeconds));

/** Returns the start of the window that `nowMs` is in, in seconds since the Unix epoch. */
export function windowStart(nowMs: number, windowSeconds: number): number {
  return Math.floor(Math.floor(nowMs / 1000) / windowSeconds) * windowSeconds;
}

/**
 * Whether a window of one unit began together with a shorter one that is not over either. The name of a
 * counter does not say which of them it is for: limits of two units on one descriptor (in two versions
 * of the limits, or by an override) share it until the shorter window ends.
 */
export function beganTogether(nowMs: number, windowSeconds: number): boolean {
  if (!plainWindows.has(windowSeconds)) return false;
  const start = windowStart(nowMs, windowSeconds);
  for (const shorter of plainWindows) {
    if (shorter >= windowSeconds) return false;
    if (windowStart(nowMs, shorter) === start) return true;
  }
  return false;
}

/** Returns the milliseconds until the window ends that began at `startSeconds`. */
export function windowRestMs(
  nowMs: number,
  { startSeconds, windowSeconds }: {
    readonly startSeconds: number;
    readonly windowSeconds: number;
  },
): number {
  return (startSeconds + windowSeconds) * 1000 - nowMs;
}

/**
 * Returns the name of a counter in a shared store. A fixed window of one unit is called as in
 * envoyproxy/ratelimit (`d_key_value_1234`); a window of several units carries its length too, as
 * it may begin together with a window of one unit; other algorithms carry their name and window.
 */
export function counterName({ algorithm, key, windowSeconds }: Charge, nowMs: number): string {
  const text = counterKeyText(key);
  if (algorithm.kind !== "fixed-window") return `${text}${algorithm.kind}_${windowSeconds}`;
  return text + windowSuffix(windowStart(nowMs, windowSeconds), windowSeconds);
}

/** Returns the end of the name of a fixed window's counter. */
export function windowSuffix(startSeconds: number, windowSeconds: number): string {
  return plainWindows.has(windowSeconds) ? `${startSeconds}` : `${startSeconds}_${windowSeconds}`;
}
