// SPDX-License-Identifier: Apache-2.0
/**
 * The `grpc-timeout` header: 1 to 8 digits and a unit (gRPC over HTTP/2, "Timeout").
 * @module
 */

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** Returns the timeout in ms, with fractions; undefined when it is not one. */
export function parseTimeout(value: string): number | undefined {
  if (!/^[0-9]{1,8}[HMSmun]$/.test(value)) return undefined;
  const unit = UNIT_MS[value.slice(-1)] ?? 1;
  return Number(value.slice(0, -1)) * unit;
}
