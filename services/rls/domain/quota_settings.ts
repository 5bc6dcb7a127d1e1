// SPDX-License-Identifier: Apache-2.0
/**
 * How quotas are served, and who is told what happens to them.
 * @module
 */
import type { QuotaAssignment, QuotaStrategy } from "./quota_assignment.ts";
import type { QuotaUsage } from "./quota_demand.ts";
import type { LimitedBucket, NoQuotaReason, UnlimitedBucket } from "./quota_matcher.ts";

/** What a bucket without a limit is told: to be forgotten by its Envoy, or a blanket rule. */
export type WithoutRule = "abandon" | "allow" | "deny";

/** All of them. */
export const withoutRuleChoices: readonly WithoutRule[] = ["abandon", "allow", "deny"];

/** How quotas are served. */
export interface QuotaSettings {
  /** How long an assignment lasts, in whole seconds: Envoy ignores fractions. */
  readonly ttlSeconds: number;
  /** A bucket without requests for so long is abandoned, in milliseconds. */
  readonly idleMs: number;
  /** How shares are said. */
  readonly strategy: QuotaStrategy;
  /** What a bucket without a limit is told. */
  readonly withoutRule: WithoutRule;
  /** Every bucket with a limit is told to let all pass, as if all rules were in shadow mode. */
  readonly shadowMode: boolean;
  /** Limits are shared with other replicas: nothing of them is divided before it is granted. */
  readonly isShared: boolean;
  /** Buckets of all streams, each stream's for itself; more are abandoned. */
  readonly maxBuckets: number;
  /** Buckets of one stream; more are abandoned. */
  readonly maxBucketsPerStream: number;
}

/** Why a bucket was not taken in. */
export type RefusedBucket = "invalid" | "too many" | NoQuotaReason;

/** Is told what happens, for counters. Must not throw. */
export interface QuotaObserver {
  /** A bucket with a rule reported its use. */
  reported(match: LimitedBucket | UnlimitedBucket, usage: QuotaUsage): void;
  /** A bucket was not taken in. */
  refused(why: RefusedBucket): void;
  /** An action was handed over to be sent. */
  told(action: QuotaAssignment["kind"] | "abandon"): void;
}
