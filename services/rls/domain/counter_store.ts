// SPDX-License-Identifier: Apache-2.0
/**
 * The port to whatever counts: what a request wants charged, and what came of it. A store that
 * cannot count says so with a value and in time, so that the caller can act by its failure policy.
 * @module
 */

import type { BreakerState } from "./circuit_breaker.ts";
import type { CounterKey } from "./counter_key.ts";

/**
 * How a counter counts `limit` units per `windowSeconds`.
 *
 * - `fixed-window`: windows aligned to the Unix epoch; every hit counts, also those over the limit.
 *   Keys and contents in Redis are those of envoyproxy/ratelimit.
 * - `sliding-window`: never more than `limit` units in any stretch of `windowSeconds`; a unit is
 *   free again after one window, at the latest after 1.1 windows. Hits over the limit do not count.
 * - `token-bucket`: `limit` units per window flow back steadily; at most `burst` (default: `limit`)
 *   at once. In any stretch of t seconds at most `burst + limit * t / windowSeconds` units. Hits
 *   over the limit do not count.
 * - `concurrency`: at most `limit` units in use. A unit comes back by a refund, or by itself after
 *   `windowSeconds` (its lease), at the latest after 1.1 times that. Hits over the limit do not
 *   count.
 */
export type Algorithm =
  | { readonly kind: "fixed-window" }
  | { readonly kind: "sliding-window" }
  | { readonly kind: "token-bucket"; readonly burst?: number }
  | { readonly kind: "concurrency" };

/** One counter to be charged. */
export interface Charge {
  /** What it is called. The store appends the start of a fixed window, else the algorithm and window. */
  readonly key: CounterKey;
  /** Length of the window in whole seconds, at least 1; any number of units. */
  readonly windowSeconds: number;
  /** Units per window, 0 to 2^32-1. With 0 every hit is over the limit. */
  readonly limit: number;
  /** How it counts. */
  readonly algorithm: Algorithm;
  /** Units, 0 to 2^53-1. With 0 nothing is charged: it tells how the counter stands. */
  readonly hits: number;
  /** Takes `hits` off the counter, not below 0, instead of adding them. @default false */
  readonly refund?: boolean;
  /** A window of one second: counted in the per-second Redis if there is one. */
  readonly perSecond: boolean;
  /**
   * Charges of a request that have the same number count all or none, also where the request says
   * `each`; see charge_bundles.ts. @default on its own
   */
  readonly bundle?: number;
}

/** What came of one charge. */
export interface Charged {
  /** Units in the counter after the request: of this window, or in use; whole, rounded up. */
  readonly after: number;
  /**
   * The hits did not fit: `after > limit` in a fixed window that was charged, else the units in the
   * counter and the hits are together more than the limit (`burst`). A refund never is.
   */
  readonly over: boolean;
  /** Units that would still fit now, at least 0. */
  readonly remaining: number;
  /**
   * Milliseconds: until a fixed window ends; else, when over, until the hits would fit (the window
   * when they never do); else until the next unit is free, 0 when all are.
   */
  readonly resetMs: number;
  /** The answer came from the local cache of counters over their limit; nothing was charged. */
  readonly fromNearCache: boolean;
}

/**
 * Which charges of a request count when some are over their limit.
 *
 * - `each`: every charge counts by itself.
 * - `all-or-nothing`: none counts if any is over. Where the counters are on several Redis servers
 *   or cluster slots, what was charged elsewhere is taken back at once; limits hold throughout.
 * - `over-only`: those that are over count and the others do not, as with the
 *   STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT of envoyproxy/ratelimit, but in one step.
 */
export type Atomicity = "each" | "all-or-nothing" | "over-only";

/** All charges of one request. */
export interface ChargeRequest {
  /** The charges; a key may occur more than once, and is then charged in turn. */
  readonly charges: readonly Charge[];
  /** What counts together. */
  readonly atomic: Atomicity;
}

/** When a request is made and how long it may take. */
export interface ChargeOptions {
  /** The service's wall clock in ms; it decides the windows. It may step backwards. */
  readonly nowMs: number;
  /** The longest that the caller waits, in ms from the call; afterwards the answer is a failure. */
  readonly timeoutMs: number;
}

/** Why a store did not count. What was under way may have been counted all the same. */
export interface StoreFailure {
  /**
   * `unavailable`: not connected, or it has failed so often that it is left alone for a while.
   * `deadline`: no answer within `timeoutMs`. `refused`: it answered that it will not (read-only,
   * out of memory, loading, no permission). `overloaded`: too many requests wait for it already.
   */
  readonly kind: "unavailable" | "deadline" | "refused" | "overloaded";
  /** What happened, for a log or a status; without secrets. */
  readonly why: string;
}

/** One {@linkcode Charged} per charge in their order, or why there is none. */
export type ChargeOutcome = readonly Charged[] | StoreFailure;

/** Whether a store counts at present. */
export type StoreHealth =
  | { readonly kind: "serving" }
  | { readonly kind: "failing"; readonly why: string };

/** One server that counts, for metrics. */
export interface StoreServer {
  /** Which: `main` or `per-second`, of a cluster followed by the address of the node. */
  readonly name: string;
  /** Its connection is there. */
  readonly connected: boolean;
  /** What is let through to it. */
  readonly breaker: BreakerState;
  /** Requests that wait for it. */
  readonly waiting: number;
}

/** Counts. Nothing that it is asked throws or hangs. */
export interface CounterStore {
  /** Charges one request. A store in memory answers at once, others with a promise. */
  charge(request: ChargeRequest, options: ChargeOptions): ChargeOutcome | Promise<ChargeOutcome>;
  /** Tells how counters stand and changes nothing; `hits` is taken as 0. */
  read(
    charges: readonly Charge[],
    options: ChargeOptions,
  ): ChargeOutcome | Promise<ChargeOutcome>;
  /** Empties counters (of a fixed window the current one); then answers as `read`. */
  reset(
    charges: readonly Charge[],
    options: ChargeOptions,
  ): ChargeOutcome | Promise<ChargeOutcome>;
  /** Tells at once, from what happened last, whether it counts. */
  health(): StoreHealth;
  /** Tells how its servers are; none when it counts in this process. */
  servers(): readonly StoreServer[];
  /** Lets go of connections and timers. What is still waiting is answered with a failure. */
  close(): Promise<void>;
}

/** Tells the two kinds of outcome apart. */
export function isStoreFailure(outcome: ChargeOutcome): outcome is StoreFailure {
  return "kind" in outcome;
}
