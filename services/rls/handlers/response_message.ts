// SPDX-License-Identifier: Apache-2.0
/**
 * Decisions into RateLimitResponse.
 * @module
 */
import type { Init, MessageOf, PlainMap, PlainValue } from "@denvoy/proto";
import type { DescriptorStatus } from "../domain/decision.ts";
import { dynamicMetadata } from "../domain/dynamic_metadata.ts";
import type { CountedLimit } from "../domain/limit_rule.ts";
import type { HitRequest } from "../domain/rate_limit_plan.ts";
import { type HeaderSettings, limitHeaders } from "../domain/response_headers.ts";
import type { Decided } from "../rate_limiter.ts";
import { unitNumbers } from "./request_message.ts";

/** `envoy.service.ratelimit.v3.RateLimitResponse`, to be encoded. */
export type RateLimitResponse = Init<MessageOf<"envoy.service.ratelimit.v3.RateLimitResponse">>;

type Status = NonNullable<RateLimitResponse["statuses"]>[number];
type Struct = NonNullable<RateLimitResponse["dynamicMetadata"]>;
type Value = NonNullable<NonNullable<Struct["fields"]>[string]>;

/** Values of `RateLimitResponse.Code`. */
export const codeNumbers: Readonly<Record<DescriptorStatus["verdict"], number>> = {
  "ok": 1,
  "over-limit": 2,
};

/** What responses hold beside statuses. */
export interface ResponseSettings {
  /** The headers. */
  readonly headers: HeaderSettings;
  /** Whether they hold dynamic metadata. */
  readonly dynamicMetadata: boolean;
}

/** Returns the response to a request. */
export function responseOf(
  { plan, decision }: Decided,
  { request, settings }: { readonly request: HitRequest; readonly settings: ResponseSettings },
): RateLimitResponse {
  const headers = limitHeaders(decision.tightest, settings.headers);
  const { statuses } = decision;
  return {
    overallCode: codeNumbers[decision.verdict],
    statuses: statuses.map(statusOf),
    ...(headers.length > 0 && { responseHeadersToAdd: headers }),
    ...(settings.dynamicMetadata && {
      dynamicMetadata: structOf(dynamicMetadata(request, { matches: plan.matches, statuses })),
    }),
  };
}

function statusOf({ verdict, limit, remaining, resetMs }: DescriptorStatus): Status {
  const code = codeNumbers[verdict];
  if (limit === undefined) return { code, limitRemaining: remaining };
  return {
    code,
    currentLimit: currentLimitOf(limit),
    limitRemaining: remainingOf(remaining),
    ...(resetMs !== undefined && { durationUntilReset: durationOf(resetMs, limit) }),
  };
}

const MAX_UINT32 = 2 ** 32 - 1;

/** Returns units left as `limit_remaining` holds them. */
export function remainingOf(remaining: number): number {
  return Math.min(remaining, MAX_UINT32);
}

/** Returns what a status says of its limit. */
export function currentLimitOf(limit: CountedLimit): NonNullable<Status["currentLimit"]> {
  const { name, requestsPerUnit, unit, unitMultiplier } = limit;
  return {
    name,
    requestsPerUnit,
    unit: unitNumbers[unit],
    ...(unitMultiplier > 1 && { unitMultiplier: { value: unitMultiplier } }),
  };
}

/**
 * Returns `duration_until_reset`. Fixed windows end at whole seconds, which are counted from whole
 * seconds.
 */
export function durationOf(
  resetMs: number,
  { algorithm }: CountedLimit,
): NonNullable<Status["durationUntilReset"]> {
  if (algorithm.kind === "fixed-window") return { seconds: Math.ceil(resetMs / 1000) };
  const ms = Math.ceil(resetMs);
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1_000_000 };
}

function structOf(map: PlainMap): Struct {
  const fields = Object.entries(map).map(([key, value]) => [key, valueOf(value)]);
  return { fields: Object.fromEntries(fields) };
}

function valueOf(value: PlainValue): Value {
  if (value === null) return { nullValue: 0 };
  if (Array.isArray(value)) return { listValue: { values: value.map(valueOf) } };
  switch (typeof value) {
    case "string":
      return { stringValue: value };
    case "boolean":
      return { boolValue: value };
    case "object":
      return { structValue: structOf(value) };
    default:
      return { numberValue: Number(value) };
  }
}
