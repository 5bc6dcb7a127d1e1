// SPDX-License-Identifier: Apache-2.0
/**
 * `envoy.service.ratelimit.v3.RateLimitService`. Calls that arrive together are charged in one go;
 * where the store answers at once, so does the call.
 * @module
 */
import { StatusError } from "@denvoy/base";
import { type CallContext, implementBatch, type MethodImplementation } from "@denvoy/grpc";
import { messageCodec } from "@denvoy/proto";
import type { HitRequest } from "../domain/rate_limit_plan.ts";
import type { Decided, RateLimiter } from "../rate_limiter.ts";
import { hitRequestOf, type RateLimitRequest } from "./request_message.ts";
import { type RateLimitResponse, responseOf, type ResponseSettings } from "./response_message.ts";

/** What answers the RPC. */
export interface RateLimitServiceParts {
  /** What decides. */
  readonly limiter: RateLimiter;
  /** What responses hold. */
  readonly responses: ResponseSettings;
  /** The time, in milliseconds since the epoch. */
  readonly nowMs: () => number;
}

type Answer = RateLimitResponse | StatusError | Promise<RateLimitResponse>;

const request = messageCodec("envoy.service.ratelimit.v3.RateLimitRequest");
const response = messageCodec("envoy.service.ratelimit.v3.RateLimitResponse");

/** Returns the RPCs of the service. */
export function rateLimitMethods(parts: RateLimitServiceParts): readonly MethodImplementation[] {
  const codec = {
    encode: (message: RateLimitResponse) => response.encode(message),
    decode: refuse,
  };
  const method = {
    service: "envoy.service.ratelimit.v3.RateLimitService",
    method: "ShouldRateLimit",
    kind: "unary",
    request,
    response: codec,
  } as const;
  return [
    implementBatch<RateLimitRequest, RateLimitResponse>(
      method,
      (requests, contexts) =>
        requests.map((message, index) => answer(parts, { message, context: contexts[index] })),
    ),
  ];
}

function answer(
  { limiter, responses, nowMs }: RateLimitServiceParts,
  { message, context }: {
    readonly message: RateLimitRequest;
    readonly context: CallContext | undefined;
  },
): Answer {
  try {
    const hits = hitRequestOf(message);
    const deadlineMs = context?.deadlineMs;
    const waitMs = deadlineMs === undefined ? Infinity : Math.max(1, deadlineMs - nowMs());
    const decided = limiter.decide(hits, waitMs);
    if (decided instanceof Promise) return later(decided, { request: hits, settings: responses });
    return responseOf(decided, { request: hits, settings: responses });
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
}

async function later(
  decided: Promise<Decided>,
  options: { readonly request: HitRequest; readonly settings: ResponseSettings },
): Promise<RateLimitResponse> {
  return responseOf(await decided, options);
}

function refuse(): never {
  throw new TypeError("a server decodes no responses");
}
