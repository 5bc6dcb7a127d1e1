// SPDX-License-Identifier: Apache-2.0
/**
 * What a request asks to be charged.
 * @module
 */
import type { Charge } from "./counter_store.ts";
import type { NamedEntry } from "./counter_key.ts";
import { type Match, matchDescriptors, type RequestDescriptor } from "./descriptor_matcher.ts";
import { type CountedLimit, limitsTogether } from "./limit_rule.ts";
import type { LimitSet } from "./limit_set.ts";

/** A descriptor with what it adds. */
export interface HitDescriptor extends RequestDescriptor {
  /** Units of this descriptor alone; undefined takes those of the request. 0 only asks. */
  readonly hits?: number;
  /** Takes the units back instead. @default false */
  readonly refund?: boolean;
}

/** A request. */
export interface HitRequest {
  /** Its domain; not empty. */
  readonly domain: string;
  /** Its descriptors; at least one. */
  readonly descriptors: readonly HitDescriptor[];
  /** Units of every descriptor that has none of its own; 0 counts as 1. */
  readonly hits: number;
}

/** A request whose limits are known. */
export interface RateLimitPlan {
  /** The request. */
  readonly request: HitRequest;
  /** The match of each descriptor. */
  readonly matches: readonly Match[];
  /** What is to be charged: one for each limit of each counted match, in order. */
  readonly charges: readonly Charge[];
}

/** Finds the limits of a request. `keyPrefix` comes before the name of every counter. */
export function planRequest(
  set: LimitSet,
  { request, keyPrefix }: { readonly request: HitRequest; readonly keyPrefix: string },
): RateLimitPlan {
  const matches = matchDescriptors(set, request);
  const head = `${keyPrefix}${request.domain}_`;
  const fallback = Math.max(1, request.hits);
  const charges: Charge[] = [];
  let at = 0;
  for (const match of matches) {
    const index = at++;
    if (match.kind !== "counted") continue;
    const { hits = fallback, refund = false } = request.descriptors[index] ?? {};
    const parts = { head, named: match.named, hits, refund };
    if (match.limit.also === undefined) charges.push(chargeOf(match.limit, parts));
    else {
      for (const limit of limitsTogether(match.limit)) {
        charges.push({ ...chargeOf(limit, parts), bundle: index });
      }
    }
  }
  return { request, matches, charges };
}

function chargeOf(
  { algorithm, keySuffix = "", requestsPerUnit, windowSeconds }: CountedLimit,
  { head, named, hits, refund }: {
    readonly head: string;
    readonly named: readonly NamedEntry[];
    readonly hits: number;
    readonly refund: boolean;
  },
): Charge {
  return {
    key: { head, entries: named, tail: keySuffix },
    windowSeconds,
    limit: requestsPerUnit,
    algorithm,
    hits,
    refund,
    perSecond: windowSeconds === 1,
  };
}
