// SPDX-License-Identifier: Apache-2.0
/**
 * What an Envoy is told about a bucket, and in which units a limit is divided for that.
 * @module
 */
import { assertNever } from "@denvoy/base";
import { type CountedLimit, limitsTogether, type LimitUnit } from "./limit_rule.ts";

/** How a share of a limit is said: Envoy 1.40 knows token buckets only. */
export type QuotaStrategy = "token-bucket" | "requests-per-time-unit";

/** All strategies. */
export const quotaStrategies: readonly QuotaStrategy[] = ["token-bucket", "requests-per-time-unit"];

/** `envoy.type.v3.RateLimitStrategy`. */
export type QuotaAssignment =
  | { readonly kind: "allow-all" }
  | { readonly kind: "deny-all" }
  | {
    readonly kind: "token-bucket";
    /** Requests at once at most, at least 1. */
    readonly maxTokens: number;
    /** Requests that come free in each interval, at least 1. */
    readonly tokensPerFill: number;
    /** The interval, in whole seconds: Envoy ignores fractions. */
    readonly fillSeconds: number;
  }
  | {
    readonly kind: "requests-per-time-unit";
    /** Requests in each unit, at least 1. */
    readonly requests: number;
    /** The unit. */
    readonly unit: LimitUnit;
  };

/** A limit as it is divided. */
export interface QuotaCapacity {
  /** Units to divide: requests in `seconds`. Whole, up to 2^32-1. */
  readonly units: number;
  /** In how many seconds they come free. */
  readonly seconds: number;
  /** Requests that all together may make at once. */
  readonly burst: number;
  /** The unit of time, where shares are said by it. */
  readonly unit: LimitUnit | undefined;
}

/** Fewer units could not be divided evenly, nor could the idle keep a small share. */
const MIN_UNITS = 1000;

/**
 * Returns how a limit is divided. Small limits are stretched over more windows, which changes no
 * rate (1 a second is 1000 in 1000 seconds), so that many can share them. A limit without an own
 * `burst` lets what it allows in a window pass at once. Of several limits of one rule the slowest is
 * divided, and no burst is larger than any of them allows; limits of what is under way do not count.
 */
export function capacityOf(limit: CountedLimit, strategy: QuotaStrategy): QuotaCapacity {
  const limits = limitsTogether(limit).filter(({ algorithm }) => algorithm.kind !== "concurrency");
  const slowest = limits.reduce((a, b) => rateOf(b) < rateOf(a) ? b : a, limits[0] ?? limit);
  const { requestsPerUnit, windowSeconds, unit, unitMultiplier } = slowest;
  const byUnit = strategy === "requests-per-time-unit" && unitMultiplier === 1;
  const stretch = byUnit || requestsPerUnit === 0 ? 1 : Math.ceil(MIN_UNITS / requestsPerUnit);
  return {
    units: requestsPerUnit * stretch,
    seconds: windowSeconds * stretch,
    burst: Math.min(...limits.map(burstOf)),
    unit: byUnit ? unit : undefined,
  };
}

function rateOf({ requestsPerUnit, windowSeconds }: CountedLimit): number {
  return requestsPerUnit / windowSeconds;
}

function burstOf({ algorithm, requestsPerUnit }: CountedLimit): number {
  const burst = algorithm.kind === "token-bucket" ? algorithm.burst : undefined;
  return burst ?? requestsPerUnit;
}

/** Returns what tells an Envoy that it has `share` units; none is a denial. */
export function assignmentOf(capacity: QuotaCapacity, share: number): QuotaAssignment {
  if (share <= 0) return { kind: "deny-all" };
  const { units, seconds, burst, unit } = capacity;
  if (unit !== undefined) return { kind: "requests-per-time-unit", requests: share, unit };
  const maxTokens = Math.max(1, Math.floor(burst * share / units));
  return { kind: "token-bucket", maxTokens, tokensPerFill: share, fillSeconds: seconds };
}

/** Tells whether two assignments say the same. */
export function sameAssignment(a: QuotaAssignment, b: QuotaAssignment): boolean {
  switch (a.kind) {
    case "allow-all":
    case "deny-all":
      return a.kind === b.kind;
    case "token-bucket":
      return b.kind === a.kind && a.maxTokens === b.maxTokens &&
        a.tokensPerFill === b.tokensPerFill && a.fillSeconds === b.fillSeconds;
    case "requests-per-time-unit":
      return b.kind === a.kind && a.requests === b.requests && a.unit === b.unit;
    default:
      return assertNever(a);
  }
}
