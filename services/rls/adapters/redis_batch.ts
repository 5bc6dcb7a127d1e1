// SPDX-License-Identifier: Apache-2.0
/**
 * What goes to Redis together: requests that are for one place become at most two script calls.
 * Hits on one fixed window are added up on the way and told apart again in the answer, so that a
 * hot key costs Redis one command however many requests share it.
 * @module
 */
import { capacityOf } from "../domain/algorithms/counter.ts";
import type { Charge, Charged, ChargeOutcome } from "../domain/counter_store.ts";
import { windowRestMs, windowStart } from "../domain/window.ts";
import { explainRedisError, type RedisFailure } from "./redis_failure.ts";

/** What happens to the counters of a group. */
export type BatchMode = "each" | "all" | "over" | "read" | "reset";

/** Charges whose keys one script can reach. */
export interface PlacedRequest {
  /** The charges. */
  readonly charges: readonly Charge[];
  /** Their names in Redis. */
  readonly names: readonly string[];
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

/** A call of a script. */
export interface ScriptCall {
  /** Names of the counters. */
  readonly keys: string[];
  /** The rest. */
  readonly args: (string | number)[];
}

const algorithmCodes = {
  "fixed-window": "f",
  "sliding-window": "s",
  "concurrency": "s",
  "token-bucket": "t",
} as const;

/** Requests for one place; first filled, then answered once by both script calls. */
export class RedisBatch {
  /** For the script of fixed windows; no keys when there is nothing for it. */
  readonly fixed: ScriptCall = { keys: [], args: [] };
  /** For the script of everything else. */
  readonly grouped: ScriptCall = { keys: [], args: [] };
  readonly #timeToLive: (windowSeconds: number) => number;
  readonly #fixedAt = new Map<string, number>();
  readonly #fixedHits: number[] = [];
  readonly #fixedWaiting: { readonly waiting: Waiting; readonly places: readonly FixedPlace[] }[] =
    [];
  readonly #groupedWaiting: Waiting[] = [];

  /** An empty batch; `timeToLive` gives the seconds that a counter of a window is kept. */
  constructor(timeToLive: (windowSeconds: number) => number) {
    this.#timeToLive = timeToLive;
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
    for (const { waiting, places } of this.#fixedWaiting) {
      const failed = this.#fixedFailure(places, counts);
      if (failed === undefined) waiting.answer(this.#fixedOutcome(waiting, { places, counts }));
      else waiting.answer(failed.failure);
      if (failed !== undefined && failed.concerns !== "request") worst ??= failed;
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
    const { charges, names } = waiting.request;
    const places = charges.map((charge, n) => this.#fixedPlace(charge, names[n] ?? charge.key));
    this.#fixedWaiting.push({ waiting, places });
  }

  #fixedPlace(charge: Charge, name: string): FixedPlace {
    const { hits, windowSeconds } = charge;
    const found = this.#fixedAt.get(name);
    if (found !== undefined) {
      const upTo = (this.#fixedHits[found] ?? 0) + hits;
      if (Number.isSafeInteger(upTo)) {
        this.#fixedHits[found] = upTo;
        this.fixed.args[2 * found] = upTo;
        return { at: found, upTo };
      }
    }
    const at = this.fixed.keys.push(name) - 1;
    this.#fixedAt.set(name, at);
    this.#fixedHits[at] = hits;
    this.fixed.args.push(hits, this.#timeToLive(windowSeconds));
    return { at, upTo: hits };
  }

  #addGroup(waiting: Waiting): void {
    const { charges, mode, names, nowMs } = waiting.request;
    const { args, keys } = this.grouped;
    args.push(mode, charges.length, Math.floor(nowMs));
    for (const [n, charge] of charges.entries()) {
      const isChange = mode !== "read" && mode !== "reset";
      keys.push(names[n] ?? charge.key);
      args.push(algorithmCodes[charge.algorithm.kind], charge.windowSeconds, charge.limit);
      args.push(capacityOf(charge), isChange ? charge.hits : 0);
      args.push(isChange && charge.refund === true ? 1 : 0, this.#timeToLive(charge.windowSeconds));
    }
    this.#groupedWaiting.push(waiting);
  }

  #fixedFailure(
    places: readonly FixedPlace[],
    counts: readonly unknown[],
  ): RedisFailure | undefined {
    const bad = places.find(({ at }) => typeof counts[at] !== "number");
    return bad === undefined ? undefined : explainRedisError(wordsOf(counts[bad.at]));
  }

  #fixedOutcome(
    { request: { charges, nowMs } }: Waiting,
    { places, counts }: {
      readonly places: readonly FixedPlace[];
      readonly counts: readonly unknown[];
    },
  ): readonly Charged[] {
    return charges.map((charge, n) => {
      const { at, upTo } = places[n] ?? { at: 0, upTo: 0 };
      // The count at the end of the batch, less what was added after this charge.
      const after = Number(counts[at]) - ((this.#fixedHits[at] ?? 0) - upTo);
      return fixedCharged(charge, { after, nowMs });
    });
  }
}

/** Where a charge of a fixed window is in the answer, and the hits up to and with it. */
interface FixedPlace {
  readonly at: number;
  readonly upTo: number;
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
