// SPDX-License-Identifier: Apache-2.0
/**
 * Decisions into the bytes of a RateLimitResponse. Statuses are nearly all of what a busy service sends,
 * and what they say of their limit is always the same: they are written without a message in between, as
 * the message's own codec writes them.
 * @module
 */
import { messageCodec } from "@denvoy/proto";
import type { Decision, DescriptorStatus } from "../domain/decision.ts";
import type { CountedLimit } from "../domain/limit_rule.ts";
import type { HitRequest } from "../domain/rate_limit_plan.ts";
import type { Decided } from "../rate_limiter.ts";
import {
  codeNumbers,
  currentLimitOf,
  durationOf,
  remainingOf,
  responseOf,
  type ResponseSettings,
} from "./response_message.ts";

const response = messageCodec("envoy.service.ratelimit.v3.RateLimitResponse");
const rateLimit = messageCodec("envoy.service.ratelimit.v3.RateLimitResponse.RateLimit");

/** Keys of the fields on the wire: number and type, in one octet each. */
const field = {
  overallCode: 0x08,
  statuses: 0x12,
  code: 0x08,
  currentLimit: 0x12,
  limitRemaining: 0x18,
  durationUntilReset: 0x22,
  seconds: 0x08,
  nanos: 0x10,
} as const;

/** Octets that responses are written into one after the other. */
const SLAB_BYTES = 16 * 1024;
/** More than a status takes beside what it says of its limit. */
const STATUS_BYTES = 48;

/** Writes responses. */
export class ResponseEncoder {
  readonly #settings: ResponseSettings;
  readonly #isPlain: boolean;
  readonly #limits = new WeakMap<CountedLimit, Uint8Array>();
  #slab = new Uint8Array(SLAB_BYTES);
  #at = 0;

  /** `settings` say what responses hold beside statuses. */
  constructor(settings: ResponseSettings) {
    this.#settings = settings;
    this.#isPlain = settings.headers.style === "none" && !settings.dynamicMetadata;
  }

  /** Returns the bytes of the response to a request; they never change. */
  encode(decided: Decided, request: HitRequest): Uint8Array {
    if (this.#isPlain) return this.#plain(decided.decision);
    return response.encode(responseOf(decided, { request, settings: this.#settings }));
  }

  #plain({ verdict, statuses }: Decision): Uint8Array {
    let most = STATUS_BYTES;
    for (const { limit } of statuses) most += STATUS_BYTES + this.#limitBytes(limit).byteLength;
    if (this.#at + most > this.#slab.byteLength) {
      this.#slab = new Uint8Array(Math.max(SLAB_BYTES, most));
      this.#at = 0;
    }
    const start = this.#at;
    this.#number(field.overallCode, codeNumbers[verdict]);
    for (const status of statuses) this.#status(status);
    return this.#slab.subarray(start, this.#at);
  }

  #status({ verdict, limit, remaining, resetMs }: DescriptorStatus): void {
    const limitBytes = this.#limitBytes(limit);
    const left = remainingOf(remaining);
    const { seconds = 0, nanos = 0 } = limit === undefined || resetMs === undefined
      ? {}
      : durationOf(resetMs, limit);
    const duration = numberLength(seconds) + numberLength(nanos);
    const { byteLength } = limitBytes;
    const limitLength = limit === undefined ? 0 : 1 + varintLength(byteLength) + byteLength;
    const resetLength = limit === undefined || resetMs === undefined ? 0 : 2 + duration;
    this.#slab[this.#at++] = field.statuses;
    this.#varint(2 + limitLength + numberLength(left) + resetLength);
    this.#number(field.code, codeNumbers[verdict]);
    if (limitLength > 0) this.#octets(field.currentLimit, limitBytes);
    this.#number(field.limitRemaining, left);
    if (resetLength === 0) return;
    this.#slab[this.#at++] = field.durationUntilReset;
    this.#varint(duration);
    this.#number(field.seconds, seconds);
    this.#number(field.nanos, nanos);
  }

  /** What a status says of its limit; encoded once. */
  #limitBytes(limit: CountedLimit | undefined): Uint8Array {
    if (limit === undefined) return none;
    let bytes = this.#limits.get(limit);
    if (bytes === undefined) {
      bytes = rateLimit.encode(currentLimitOf(limit));
      this.#limits.set(limit, bytes);
    }
    return bytes;
  }

  #octets(key: number, octets: Uint8Array): void {
    this.#slab[this.#at++] = key;
    this.#varint(octets.byteLength);
    for (const octet of octets) this.#slab[this.#at++] = octet;
  }

  /** Writes a field; 0 is left out. */
  #number(key: number, value: number): void {
    if (value === 0) return;
    this.#slab[this.#at++] = key;
    this.#varint(value);
  }

  /** Writes a whole number below 2^32. */
  #varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.#slab[this.#at++] = rest & 0x7f | 0x80;
      rest >>>= 7;
    }
    this.#slab[this.#at++] = rest;
  }
}

const none = new Uint8Array(0);

function numberLength(value: number): number {
  return value === 0 ? 0 : 1 + varintLength(value);
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest >>>= 7) length++;
  return length;
}
