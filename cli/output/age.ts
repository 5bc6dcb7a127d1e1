// SPDX-License-Identifier: Apache-2.0
/**
 * Times as ages, for people.
 * @module
 */

const UNITS: readonly (readonly [seconds: number, letter: string])[] = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "m"],
  [1, "s"],
];

/**
 * Returns how long ago an ISO time was, in its largest unit: `3s`, `5m`, `2h`, `9d`; `-` when there
 * is none.
 */
export function age(time: string | undefined, nowMs: number): string {
  const ms = time === undefined ? NaN : Date.parse(time);
  if (Number.isNaN(ms)) return "-";
  const seconds = Math.max(0, Math.floor((nowMs - ms) / 1000));
  const [size, letter] = UNITS.find(([unit]) => seconds >= unit) ?? [1, "s"];
  return `${Math.floor(seconds / size)}${letter}`;
}
