// SPDX-License-Identifier: Apache-2.0
/**
 * The words for health: those of Envoy's `config.core.v3.HealthStatus`, and which of them keep an
 * endpoint in load balancing.
 * @module
 */
import { HealthStatus } from "@denvoy/proto/messages";

/** Health as Envoy names it. */
export type Health = "UNKNOWN" | "HEALTHY" | "UNHEALTHY" | "DRAINING" | "TIMEOUT" | "DEGRADED";

/** All words, in the order of their numbers. */
export const healths: readonly Health[] = [
  "UNKNOWN",
  "HEALTHY",
  "UNHEALTHY",
  "DRAINING",
  "TIMEOUT",
  "DEGRADED",
];

/** Returns the word for a number of a report; numbers that Envoy does not define are UNKNOWN. */
export function healthOf(status: HealthStatus): Health {
  return healths[status] ?? "UNKNOWN";
}

/** Tells whether Envoy sends requests to an endpoint of this health: also to one it knows nothing of. */
export function isServing(health: Health): boolean {
  return health === "HEALTHY" || health === "DEGRADED" || health === "UNKNOWN";
}

/** Tells whether a probe passed. */
export function isPassing(health: Health): boolean {
  return health === "HEALTHY" || health === "DEGRADED";
}

/** Tells whether a probe failed. */
export function isFailing(health: Health): boolean {
  return !isServing(health);
}
