// SPDX-License-Identifier: Apache-2.0
/**
 * Reads and empties the counters of one descriptor, for operators: what the limits of the rules
 * count, under the keys that requests count under.
 * @module
 */
import { type Clock, StatusCode, StatusError } from "@denvoy/base";
import { counterKeyText } from "./domain/counter_key.ts";
import {
  type Charge,
  type Charged,
  type ChargeOutcome,
  type CounterStore,
  isStoreFailure,
} from "./domain/counter_store.ts";
import type { CountedMatch, NoLimitReason, RequestEntry } from "./domain/descriptor_matcher.ts";
import { type CountedLimit, limitsTogether } from "./domain/limit_rule.ts";
import type { LimitSet } from "./domain/limit_set.ts";
import { planRequest } from "./domain/rate_limit_plan.ts";

/** What is needed to reach counters. */
export interface CounterAccessParts {
  /** The limits in force. */
  readonly limits: () => LimitSet | undefined;
  /** What counts; those of this process come second where Redis counts. */
  readonly stores: readonly Pick<CounterStore, "read" | "reset">[];
  /** Time. */
  readonly clock: Pick<Clock, "nowMs">;
  /** Comes before the name of every counter. */
  readonly keyPrefix: string;
}

/** The descriptor whose counters are meant. */
export interface CounterTarget {
  /** Its domain. */
  readonly domain: string;
  /** Its entries. */
  readonly entries: readonly RequestEntry[];
}

/** One counter. */
export interface CounterState {
  /** Its limit. */
  readonly limit: CountedLimit;
  /** Its key without window. */
  readonly key: string;
  /** How it stands. */
  readonly charged: Charged;
}

/** What a descriptor has. */
export type CountersFound =
  | {
    readonly kind: "counters";
    /** What counts the descriptor. */
    readonly match: CountedMatch;
    /** One for each limit of the rule. */
    readonly counters: readonly CounterState[];
  }
  | { readonly kind: "none"; readonly why: NoLimitReason | "unlimited" };

/** An operator waits longer than a request, but not for ever. */
const TIMEOUT_MS = 2_000;

/** Reads and empties counters. */
export class CounterAccess {
  readonly #parts: CounterAccessParts;

  /** Limits are read anew for every call. */
  constructor(parts: CounterAccessParts) {
    this.#parts = parts;
  }

  /** Tells how the counters of a descriptor stand. @throws StatusError UNAVAILABLE when nothing counts */
  async read(target: CounterTarget): Promise<CountersFound> {
    const [store] = this.#parts.stores;
    return await this.#ask(target, (charges, options) => store?.read(charges, options) ?? []);
  }

  /** Empties the counters of a descriptor; then as {@linkcode CounterAccess.read}. */
  async reset(target: CounterTarget): Promise<CountersFound> {
    return await this.#ask(target, async (charges, options) => {
      const [first = []] = await Promise.all(
        this.#parts.stores.map((store) => store.reset(charges, options)),
      );
      return first;
    });
  }

  async #ask(
    { domain, entries }: CounterTarget,
    ask: (
      charges: readonly Charge[],
      options: { readonly nowMs: number; readonly timeoutMs: number },
    ) => ChargeOutcome | Promise<ChargeOutcome>,
  ): Promise<CountersFound> {
    const { limits, clock, keyPrefix } = this.#parts;
    const set = limits();
    if (set === undefined) {
      throw new StatusError(StatusCode.UNAVAILABLE, "no limits are loaded yet");
    }
    const request = { domain, descriptors: [{ entries, hits: 0 }], hits: 0 };
    const { charges, matches: [match] } = planRequest(set, { request, keyPrefix });
    if (match?.kind !== "counted") {
      return { kind: "none", why: match?.kind === "none" ? match.why : "unlimited" };
    }
    const outcome = await ask(charges, { nowMs: clock.nowMs(), timeoutMs: TIMEOUT_MS });
    if (isStoreFailure(outcome)) {
      throw new StatusError(
        StatusCode.UNAVAILABLE,
        `counters are not available: ${outcome.why}`,
      );
    }
    const counters = limitsTogether(match.limit).flatMap((limit, at) => {
      const [charge, charged] = [charges[at], outcome[at]];
      return charge && charged ? [{ limit, key: counterKeyText(charge.key), charged }] : [];
    });
    return { kind: "counters", match, counters };
  }
}
