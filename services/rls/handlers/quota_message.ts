// SPDX-License-Identifier: Apache-2.0
/**
 * RateLimitQuotaUsageReports into what the domain works with, and its actions into
 * RateLimitQuotaResponse.
 * @module
 */
import type { Init, MessageOf } from "@denvoy/proto";
import type { QuotaAssignment } from "../domain/quota_assignment.ts";
import type { BucketUsage, QuotaAction } from "../domain/quota_stream.ts";
import { unitNumbers } from "./request_message.ts";

/** `envoy.service.rate_limit_quota.v3.RateLimitQuotaUsageReports`. */
export type UsageReports = MessageOf<
  "envoy.service.rate_limit_quota.v3.RateLimitQuotaUsageReports"
>;

/** `envoy.service.rate_limit_quota.v3.RateLimitQuotaResponse`, to be encoded. */
export type QuotaResponse = Init<
  MessageOf<"envoy.service.rate_limit_quota.v3.RateLimitQuotaResponse">
>;

type BucketAction = NonNullable<QuotaResponse["bucketAction"]>[number];
type Strategy = NonNullable<
  NonNullable<BucketAction["quotaAssignmentAction"]>["rateLimitStrategy"]
>;

/** Returns what each bucket of a message reports. */
export function usagesOf({ bucketQuotaUsages }: UsageReports): readonly BucketUsage[] {
  return bucketQuotaUsages.map((usage) => ({
    bucketId: usage.bucketId?.bucket ?? {},
    allowed: usage.numRequestsAllowed,
    denied: usage.numRequestsDenied,
    elapsedSeconds: secondsOf(usage.timeElapsed),
  }));
}

function secondsOf(duration: UsageReports["bucketQuotaUsages"][number]["timeElapsed"]): number {
  return duration === undefined ? 0 : duration.seconds + duration.nanos / 1e9;
}

/** Returns the message of at least one action. */
export function quotaResponseOf(actions: readonly QuotaAction[]): QuotaResponse {
  return { bucketAction: actions.map(bucketActionOf) };
}

function bucketActionOf(action: QuotaAction): BucketAction {
  const { entries } = action.bucket;
  const bucketId = { bucket: Object.fromEntries(entries.map(({ key, value }) => [key, value])) };
  if (action.kind === "abandon") return { bucketId, abandonAction: {} };
  const { assignment, ttlSeconds } = action;
  return {
    bucketId,
    quotaAssignmentAction: {
      assignmentTimeToLive: { seconds: ttlSeconds },
      rateLimitStrategy: strategyOf(assignment),
    },
  };
}

function strategyOf(assignment: QuotaAssignment): Strategy {
  switch (assignment.kind) {
    case "allow-all":
      return { blanketRule: 0 };
    case "deny-all":
      return { blanketRule: 1 };
    case "token-bucket":
      return tokenBucketOf(assignment);
    case "requests-per-time-unit":
      return {
        requestsPerTimeUnit: {
          requestsPerTimeUnit: assignment.requests,
          timeUnit: unitNumbers[assignment.unit],
        },
      };
  }
}

/**
 * Envoy keeps the bucket that it has if the tokens are equal and so are the nanoseconds of the
 * interval: it does not look at the seconds. Nor does it fill by the nanoseconds, which repeat the
 * seconds here, so that one interval is never taken for another.
 */
function tokenBucketOf(
  { maxTokens, tokensPerFill, fillSeconds }: Extract<
    QuotaAssignment,
    { readonly kind: "token-bucket" }
  >,
): Strategy {
  return {
    tokenBucket: {
      maxTokens,
      tokensPerFill: { value: tokensPerFill },
      fillInterval: { seconds: fillSeconds, nanos: fillSeconds % 1_000_000_000 },
    },
  };
}
