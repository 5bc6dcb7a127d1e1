// SPDX-License-Identifier: Apache-2.0
/**
 * What all routes of the API work with, and how they read what requests have in common.
 * @module
 */
import { ProblemError, StatusCode, StatusError } from "@denvoy/base";
import type { JsonSchema } from "@denvoy/runtime";
import type { ApiClusters } from "../api_clusters.ts";
import type { HealthControl } from "../health_control.ts";

/** What the API is made of. */
export interface ApiParts {
  /** What decides. */
  readonly control: HealthControl;
  /** Clusters that the API was given. */
  readonly apiClusters: ApiClusters;
}

/** Any object, for schemas that are described in words. */
export const anyObject: JsonSchema = { type: "object" };

/** Most items of a list. */
export const MAX_LIST = 10_000;

/** Throws when a value of the request breaks a rule. */
export function invalid(path: string, message: string): never {
  throw new ProblemError([{ severity: "error", path, message }]);
}

/** Throws NOT_FOUND. */
export function notFound(message: string): never {
  throw new StatusError(StatusCode.NOT_FOUND, message);
}

/** Returns how many items are wanted, of at most {@linkcode MAX_LIST}. */
export function limitOf(limit: number | undefined, fallback: number = MAX_LIST): number {
  if (limit === undefined) return fallback;
  if (limit >= 1 && limit <= MAX_LIST) return limit;
  return invalid("limit", `must be between 1 and ${MAX_LIST}: current value is ${limit}`);
}
