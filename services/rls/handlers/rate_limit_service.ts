// SPDX-License-Identifier: Apache-2.0
/**
 * `envoy.service.ratelimit.v3.RateLimitService`. Calls that arrive together are charged in one go;
 * where the store answers at once, so does the call.
 * @module
 */
import { type Bytes, StatusError } from "@denvoy/base";
import {
  type CallContext,
  implementBatch,
  type MethodImplementation,
  rawCodec,
} from "@denvoy/grpc";
import { messageCodec } from "@denvoy/proto";
import type { HitRequest } from "../domain/rate_limit_plan.ts";
import type { RateLimiter } from "../rate_limiter.ts";
import { hitRequestOf, type RateLimitRequest } from "./request_message.ts";
import { RequestReader } from "./request_reader.ts";
import { ResponseEncoder } from "./response_encoder.ts";
import type { ResponseSettings } from "./response_message.ts";

/** What answers the RPC. */
export interface RateLimitServiceParts {
  /** What decides. */
  readonly limiter: RateLimiter;
  /** What responses hold. */
  readonly responses: ResponseSettings;
  /** The time, in milliseconds since the epoch. */
  readonly nowMs: () => number;
}

/** The bytes of a response. */
type Answer = Bytes | StatusError | Promise<Bytes>;

/** A request that was simple, or its message. */
type Asked = HitRequest | RateLimitRequest;

const request = messageCodec("envoy.service.ratelimit.v3.RateLimitRequest");

/** Returns the RPCs of the service. */
export function rateLimitMethods(parts: RateLimitServiceParts): readonly MethodImplementation[] {
  const reader = new RequestReader();
  const method = {
    service: "envoy.service.ratelimit.v3.RateLimitService",
    method: "ShouldRateLimit",
    kind: "unary",
    request: {
      encode: refuse,
      decode: (bytes: Uint8Array): Asked => reader.read(bytes) ?? request.decode(bytes),
    },
    response: rawCodec,
  } as const;
  const own = { ...parts, encoder: new ResponseEncoder(parts.responses) };
  return [
    implementBatch<Asked, Bytes>(
      method,
      (messages, contexts) =>
        messages.map((message, index) => answer(own, { message, context: contexts[index] })),
    ),
  ];
}

interface AnswerParts extends RateLimitServiceParts {
  readonly encoder: ResponseEncoder;
}

function answer(
  { limiter, encoder, nowMs }: AnswerParts,
  { message, context }: {
    readonly message: Asked;
    readonly context: CallContext | undefined;
  },
): Answer {
  try {
    const hits = "hits" in message ? message : hitRequestOf(message);
    const deadlineMs = context?.deadlineMs;
    const waitMs = deadlineMs === undefined ? Infinity : Math.max(1, deadlineMs - nowMs());
    const decided = limiter.decide(hits, waitMs);
    if (!(decided instanceof Promise)) return encoder.encode(decided, hits);
    return decided.then((later) => encoder.encode(later, hits));
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
}

function refuse(): never {
  throw new TypeError("a server encodes no requests");
}
