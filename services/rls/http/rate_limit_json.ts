// SPDX-License-Identifier: Apache-2.0
/**
 * RateLimitRequest and RateLimitResponse as JSON: canonical proto3, as envoyproxy/ratelimit takes and
 * gives it.
 * @module
 */
import { ProblemError } from "@denvoy/base";
import { messageCodec, type PlainMap, type PlainValue, readMessage } from "@denvoy/proto";
import type { DescriptorStatus } from "../domain/decision.ts";
import { dynamicMetadata } from "../domain/dynamic_metadata.ts";
import type { HitRequest } from "../domain/rate_limit_plan.ts";
import { limitHeaders } from "../domain/response_headers.ts";
import { hitRequestOf } from "../handlers/request_message.ts";
import type { ResponseSettings } from "../handlers/response_message.ts";
import type { Decided } from "../rate_limiter.ts";

const TYPE = "envoy.service.ratelimit.v3.RateLimitRequest";

/** Returns the request of a JSON body. @throws ProblemError with all that is wrong with it */
export function hitRequestOfJson(body: unknown): HitRequest {
  const { message, problems } = readMessage({
    value: body as PlainValue,
    typeUrl: `type.googleapis.com/${TYPE}`,
  });
  if (message === undefined) throw new ProblemError(problems);
  return hitRequestOf(messageCodec(TYPE).decode(message.toBinary()));
}

/** Returns the response to a request; fields that are zero are left out. */
export function responseJson(
  { plan, decision }: Decided,
  { request, settings }: { readonly request: HitRequest; readonly settings: ResponseSettings },
): PlainMap {
  const headers = limitHeaders(decision.tightest, settings.headers);
  const { matches } = plan;
  const { statuses } = decision;
  return {
    overallCode: codeWord(decision.verdict),
    statuses: statuses.map(statusJson),
    ...(headers.length > 0 && { responseHeadersToAdd: headers.map((header) => ({ ...header })) }),
    ...(settings.dynamicMetadata && {
      dynamicMetadata: dynamicMetadata(request, { matches, statuses }),
    }),
  };
}

/** Returns a verdict as the API calls it. */
export function codeWord(verdict: DescriptorStatus["verdict"]): string {
  return verdict === "ok" ? "OK" : "OVER_LIMIT";
}

function statusJson({ verdict, limit, remaining, resetMs }: DescriptorStatus): PlainMap {
  return {
    code: codeWord(verdict),
    ...(limit !== undefined && {
      currentLimit: {
        ...(limit.name !== "" && { name: limit.name }),
        ...(limit.requestsPerUnit > 0 && { requestsPerUnit: limit.requestsPerUnit }),
        unit: limit.unit.toUpperCase(),
        ...(limit.unitMultiplier > 1 && { unitMultiplier: limit.unitMultiplier }),
      },
    }),
    ...(remaining > 0 && { limitRemaining: remaining }),
    ...(resetMs !== undefined && { durationUntilReset: `${Math.ceil(resetMs / 1000)}s` }),
  };
}
