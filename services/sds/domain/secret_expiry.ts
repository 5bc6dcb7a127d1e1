// SPDX-License-Identifier: Apache-2.0
/**
 * When secrets end, and when that is soon enough to say so.
 * @module
 */
import type { SecretFacts } from "./secret_facts.ts";

const DAY_MS = 86_400_000;

/** Returns when a secret ends, in milliseconds since the epoch; undefined for one that never does. */
export function expiryOf(facts: SecretFacts): number | undefined {
  return facts.kind === "tls-certificate" || facts.kind === "validation-context"
    ? facts.notAfterMs
    : undefined;
}

/** Returns the days that are left, with one decimal; negative when it is over. */
export function daysLeft(notAfterMs: number, nowMs: number): number {
  return Math.round((notAfterMs - nowMs) / DAY_MS * 10) / 10;
}
