// SPDX-License-Identifier: Apache-2.0
/**
 * How quotas stand, for people and metrics: by rule, and within it by bucket of each Envoy.
 * @module
 */
import type { QuotaAssignment, QuotaCapacity } from "./quota_assignment.ts";
import type { QuotaBook } from "./quota_book.ts";
import type { QuotaHolder } from "./quota_holder.ts";
import type { LimitedBucket, UnlimitedBucket } from "./quota_matcher.ts";
import type { QuotaStream } from "./quota_stream.ts";
import { unitSeconds } from "./window.ts";

/** A bucket of one Envoy. */
export interface BucketView {
  /** Whose it is. */
  readonly stream: QuotaStream;
  /** The bucket. */
  readonly holder: QuotaHolder;
  /** Requests a second that it is assigned; undefined when that is no number. */
  readonly assignedPerSecond: number | undefined;
}

/** One limit, or one rule without a limit to share. */
export interface QuotaView {
  /** What the buckets match. */
  readonly match: LimitedBucket | UnlimitedBucket;
  /** What is divided; undefined for blanket rules. */
  readonly capacity: QuotaCapacity | undefined;
  /** Which part of it is divided here, 0 to 1: the rest is for other replicas. */
  readonly part: number;
  /** Units of the capacity that may be in use, also by Envoys that are gone. */
  readonly heldUnits: number;
  /** The buckets. */
  readonly buckets: readonly BucketView[];
}

/** Returns every limit with its buckets, those of one domain if it is named. */
export function quotaViews(book: QuotaBook, domain?: string): readonly QuotaView[] {
  const groups = new Map<unknown, QuotaView & { readonly buckets: BucketView[] }>();
  for (const stream of book.streams) {
    if (domain !== undefined && stream.domain !== domain) continue;
    for (const holder of stream.holders.values()) {
      const { placement } = holder;
      if (placement === undefined || placement.match.kind === "none") continue;
      const { match } = placement;
      const limit = placement.kind === "pool" ? placement.limit : undefined;
      const group = groups.get(limit ?? match.rule) ?? {
        match,
        capacity: limit?.pool.capacity,
        part: limit?.pool.part ?? 1,
        heldUnits: limit?.pool.held ?? 0,
        buckets: [],
      };
      groups.set(limit ?? match.rule, group);
      group.buckets.push({ stream, holder, assignedPerSecond: perSecondOf(holder.told) });
    }
  }
  return [...groups.values()];
}

/** Returns the requests a second that an assignment lets pass; undefined where it is no number. */
export function perSecondOf(assignment: QuotaAssignment | undefined): number | undefined {
  switch (assignment?.kind) {
    case "token-bucket":
      return assignment.tokensPerFill / assignment.fillSeconds;
    case "requests-per-time-unit":
      return assignment.requests / unitSeconds[assignment.unit];
    case "deny-all":
      return 0;
    case "allow-all":
    case undefined:
      return undefined;
  }
}
