// SPDX-License-Identifier: Apache-2.0
/**
 * What goes to Redis together: requests that are for one place become at most two script calls.
 * Hits on one fixed window are added up on the way and told apart again in the answer, so that a
 * hot key costs Redis one command however many requests share it.
 * @module
 */
import type { ScriptCall } from "@denvoy/redis";
import { capacityOf } from "../domain/algorithms/counter.ts";
import type { Charge, Charged, ChargeOutcome } from "../domain/counter_store.ts";
import { counterName, windowRestMs, windowStart } from "../domain/window.ts";
import { FixedWindowCharges } from "./redis_fixed_windows.ts";
import { explainRedisError, type RedisFailure } from "./redis_failure.ts";

/** What happens to the counters of a group. */
export type BatchMode = "each" | "all" | "over" | "read" | "reset";

/** Charges whose keys one script can reach. */
export interface PlacedRequest {
  /** The charges. */
  readonly charges: readonly Charge[];
  /** What to do. */
  readonly mode: BatchMode;
  /** The caller's clock. */
  readonly nowMs: number;
}

/** Someone who waits for an outcome. */
export interface Waiting {
  /** What is asked. */
  readonly request: PlacedRequest;
  /** When it must be answered, in monotonic ms. */
  readonly deadlineMs: number;
  /** Answers; only the first call counts. */
  readonly answer: (outcome: ChargeOutcome) => void;
}

const algorithmCodes = {
  "fixed-window": "f",
  "sliding-window": "s",
  "concurrency": "s",
  "token-bucket": "t",
} as const;

/** Requests for one place; first filled, then answered once by both script calls. */
export class RedisBatch {
  /** For the script of fixed windows. */
  readonly fixed: FixedWindowCharges;
  /** For the script of everything else. */
  readonly grouped: GrowingCall = emptyCall();
  readonly #timeToLive: (windowSeconds: number) => number;
  readonly #fixedWaiting: Waiting[] = [];
  readonly #groupedWaiting: Waiting[] = [];

  /** An empty batch; `timeToLive` gives the seconds that a counter of a window is kept. */
  constructor(timeToLive: (windowSeconds: number) => number) {
    this.#timeToLive = timeToLive;
    this.fixed = new FixedWindowCharges(timeToLive);
  }

  /** Adds a request. */
  add(waiting: Waiting): void {
    const { charges, mode } = waiting.request;
    if (mode === "each" && charges.every(isPlain)) this.#addFixed(waiting);
    else this.#addGroup(waiting);
  }

  /** Answers all fixed windows; returns the worst failure that concerns more than one request. */
  answerFixed(reply: unknown): RedisFailure | undefined {
    const counts = Array.isArray(reply) ? reply as readonly unknown[] : [];
    let worst: RedisFailure | undefined;
    let from = 0;
    for (const { request, answer } of this.#fixedWaiting) {
      const until = from + request.charges.length;
      const failed = this.#fixedFailure(counts, { from, until });
      answer(failed === undefined ? this.#fixedOutcome(request, { counts, from }) : failed.failure);
      if (failed !== undefined && failed.concerns !== "request") worst ??= failed;
      from = until;
    }
    return worst;
  }

  /** Answers all groups; returns the worst failure that concerns more than one request. */
  answerGroups(reply: unknown): RedisFailure | undefined {
    const values = Array.isArray(reply) ? reply as readonly unknown[] : [];
    let worst: RedisFailure | undefined;
    let at = 0;
    for (const { request, answer } of this.#groupedWaiting) {
      if (typeof values[at] !== "number") {
        const failed = explainRedisError(wordsOf(values[at++]));
        answer(failed.failure);
        if (failed.concerns !== "request") worst ??= failed;
        continue;
      }
      answer(request.charges.map((_, n) => chargedFrom(values, at + 4 * n)));
      at += 4 * request.charges.length;
    }
    return worst;
  }

  #addFixed(waiting: Waiting): void {
    const { charges, nowMs } = waiting.request;
    for (const charge of charges) this.fixed.add(charge, nowMs);
    this.#fixedWaiting.push(waiting);
  }

  #addGroup(waiting: Waiting): void {
    const { charges, mode, nowMs } = waiting.request;
    const { args, keys } = this.grouped;
    args.push(mode, charges.length, Math.floor(nowMs));
    for (const charge of charges) {
      const isChange = mode !== "read" && mode !== "reset";
      keys.push(counterName(charge, nowMs));
      args.push(algorithmCodes[charge.algorithm.kind], charge.windowSeconds, charge.limit);
      args.push(capacityOf(charge), isChange ? charge.hits : 0);
      args.push(isChange && charge.refund === true ? 1 : 0, this.#timeToLive(charge.windowSeconds));
    }
    this.#groupedWaiting.push(waiting);
  }

  #fixedFailure(
    counts: readonly unknown[],
    { from, until }: { readonly from: number; readonly until: number },
  ): RedisFailure | undefined {
    for (let n = from; n < until; n++) {
      const count = this.fixed.countAfter(n, counts);
      if (typeof count !== "number") return explainRedisError(wordsOf(count));
    }
    return undefined;
  }

  #fixedOutcome(
    { charges, nowMs }: PlacedRequest,
    { counts, from }: { readonly counts: readonly unknown[]; readonly from: number },
  ): readonly Charged[] {
    return charges.map((charge, n) => {
      const after = Number(this.fixed.countAfter(from + n, counts));
      return fixedCharged(charge, { after, nowMs });
    });
  }
}

/** A call of a script that is being filled. */
interface GrowingCall extends ScriptCall {
  readonly keys: string[];
  readonly args: (string | number)[];
}

function emptyCall(): GrowingCall {
  return { keys: [], args: [] };
}

function isPlain({ algorithm, refund }: Charge): boolean {
  return algorithm.kind === "fixed-window" && refund !== true;
}

function fixedCharged(
  { limit, windowSeconds }: Charge,
  { after, nowMs }: { readonly after: number; readonly nowMs: number },
): Charged {
  const startSeconds = windowStart(nowMs, windowSeconds);
  return {
    after,
    over: after > limit,
    remaining: Math.max(0, limit - after),
    resetMs: windowRestMs(nowMs, { startSeconds, windowSeconds }),
    fromNearCache: false,
  };
}

function chargedFrom(values: readonly unknown[], at: number): Charged {
  return {
    after: Number(values[at]),
    over: values[at + 1] === 1,
    remaining: Number(values[at + 2]),
    resetMs: Number(values[at + 3]),
    fromNearCache: false,
  };
}

function wordsOf(value: unknown): string {
  if (value instanceof Error) return value.message;
  return typeof value === "string" ? value : "ERR no answer for this counter";
}
