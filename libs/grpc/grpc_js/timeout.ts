// SPDX-License-Identifier: Apache-2.0
/**
 * The `grpc-timeout` header, where grpc-js is not exact.
 * @module
 */

const unitsInMs: ReadonlyMap<string, number> = new Map([
  ["H", 3_600_000],
  ["M", 60_000],
  ["S", 1000],
  ["m", 1],
  ["u", 0.001],
  ["n", 0.000001],
]);

/** The longest timeout that a 32-bit timer can hold, in whole seconds: more than 24 days. */
const longestSeconds = Math.floor((2 ** 31 - 1) / 1000);

/**
 * Returns the timeout, shortened to 24 days when it is longer: grpc-js computes with 32 bits and
 * would take a longer one for over. What is no timeout is returned as it is.
 */
export function clampTimeout(header: string): string {
  const match = /^(\d{1,8})([HMSmun])$/.exec(header);
  if (match === null) return header;
  const ms = Number(match[1]) * (unitsInMs.get(match[2] ?? "") ?? 0);
  return ms > longestSeconds * 1000 ? `${longestSeconds}S` : header;
}
