// SPDX-License-Identifier: Apache-2.0
/**
 * Decides a few requests before the first real one, so that this does not pay for code that has never
 * run, for a connection that has never carried anything, and for scripts that Redis does not know: all
 * that together takes longer than the store has to answer. Hits are 0 and keys are private, and are
 * taken away again.
 * @module
 */
import { type Clock, StatusError } from "@denvoy/base";
import { messageCodec } from "@denvoy/proto";
import { Metrics } from "@denvoy/runtime";
import type { CounterStore } from "./domain/counter_store.ts";
import { readLimitSet } from "./domain/limit_set.ts";
import { type HitRequest, planRequest } from "./domain/rate_limit_plan.ts";
import { Sightings } from "./domain/sightings.ts";
import { hitRequestOf } from "./handlers/request_message.ts";
import { RequestReader } from "./handlers/request_reader.ts";
import { ResponseEncoder } from "./handlers/response_encoder.ts";
import type { ResponseSettings } from "./handlers/response_message.ts";
import { RlsInstruments } from "./metrics.ts";
import { type LocalCounters, RateLimiter, type RateLimiterSettings } from "./rate_limiter.ts";

/** What is warmed up. */
export interface WarmUpParts {
  /** What counts. */
  readonly store: CounterStore;
  /** As of the limiter that real requests go to. */
  readonly local: LocalCounters;
  /** Time. */
  readonly clock: Clock;
  /** As of that limiter; the store's time and policy are others. */
  readonly settings: RateLimiterSettings;
  /** What responses hold. */
  readonly responses: ResponseSettings;
}

const DOMAIN = "denvoy_warm_up";
/** For both scripts, and both Redis where there is one for windows of a second. */
const limitText = `
domain: ${DOMAIN}
descriptors:
  - { key: minute, rate_limit: 1 per minute }
  - { key: second, rate_limit: 1 per second }
  - { key: slide, rate_limit: { unit: minute, requests_per_unit: 1, algorithm: sliding_window } }
  - { key: slide_second, rate_limit: { unit: second, requests_per_unit: 1, algorithm: sliding_window } }
`;
/** Keys by request: one with fixed windows alone takes another script than the rest. */
const keysOfRequests: readonly (readonly string[])[] = [
  ["minute", "second"],
  ["slide", "slide_second"],
];

/** Longest wait for one answer, and the time after which no other round begins, in milliseconds. */
const ANSWER_MS = 1_000;
/** The first one compiles and connects; the others show whether that was all. */
const ROUNDS = 3;

const codec = messageCodec("envoy.service.ratelimit.v3.RateLimitRequest");

/**
 * Decides a few requests over the store and leaves nothing in it. Never rejects; takes 3 s at most, as
 * a store that does not answer ends it. What went wrong will go wrong for real requests, too, and is
 * told there.
 */
export async function warmUp(parts: WarmUpParts): Promise<void> {
  const { clock, store, settings: { keyPrefix } } = parts;
  const endMs = clock.monotonicMs() + ANSWER_MS;
  const set = readLimitSet(new Map([["", limitText]])).set;
  const requests = keysOfRequests.map((keys) => hitRequestOf(codec.decode(requestBytes(keys))));
  // At the border of a window the keys would have other names when they are taken away.
  const nowMs = clock.nowMs();
  const limiter = limiterOf(parts, { set, nowMs });
  const [encoder, reader] = [new ResponseEncoder(parts.responses), new RequestReader()];
  const decide = async (request: HitRequest) => {
    encoder.encode(await limiter.decide(request), request);
  };
  try {
    for (let round = 0; round < ROUNDS && clock.monotonicMs() <= endMs; round++) {
      for (const keys of keysOfRequests) reader.read(requestBytes(keys));
      await Promise.all(requests.map(decide));
    }
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
  }
  if (set === undefined || store.health().kind === "failing") return;
  const charges = requests.flatMap((request) => planRequest(set, { request, keyPrefix }).charges);
  await store.reset(charges, { nowMs, timeoutMs: ANSWER_MS });
}

function requestBytes(keys: readonly string[]): Uint8Array {
  const descriptors = keys.map((key) => ({
    entries: [{ key, value: "0" }],
    hitsAddend: { value: 0 },
  }));
  return codec.encode({ domain: DOMAIN, descriptors });
}

/** It counts and remembers for itself: nobody asked for these. */
function limiterOf(
  { store, local, clock, settings }: WarmUpParts,
  { set, nowMs }: {
    readonly set: ReturnType<typeof readLimitSet>["set"];
    readonly nowMs: number;
  },
): RateLimiter {
  const still: Clock = {
    nowMs: () => nowMs,
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, callback) => clock.after(delayMs, callback),
  };
  return new RateLimiter({
    limits: () => set,
    ...{ store, local },
    clock: still,
    instruments: new RlsInstruments(new Metrics({ service: "rls_warm_up", clock })),
    sightings: new Sightings({ hotKeys: 1 }),
    settings: { ...settings, timeoutMs: ANSWER_MS, onStoreFailure: "error" },
  });
}
