// SPDX-License-Identifier: Apache-2.0
/**
 * Answers requests: finds their limits, has them charged, and decides; by the policy of each limit
 * where the store does not count. Answers at once when the store does.
 * @module
 */
import { type Clock, StatusCode, StatusError } from "@denvoy/base";
import { chargeBundles } from "./domain/charge_bundles.ts";
import {
  type Atomicity,
  type Charged,
  type ChargeOptions,
  type ChargeOutcome,
  type ChargeRequest,
  type CounterStore,
  isStoreFailure,
  type StoreFailure,
} from "./domain/counter_store.ts";
import {
  type ChargeAnswer,
  decide,
  type Decision,
  type DecisionSettings,
} from "./domain/decision.ts";
import type { Match } from "./domain/descriptor_matcher.ts";
import { type FailurePolicy, limitsTogether } from "./domain/limit_rule.ts";
import type { LimitSet } from "./domain/limit_set.ts";
import { type HitRequest, planRequest, type RateLimitPlan } from "./domain/rate_limit_plan.ts";
import type { Sightings } from "./domain/sightings.ts";
import type { RlsInstruments } from "./metrics.ts";

/** Counts in this process while the store fails. */
export interface LocalCounters {
  /** Charges at once. */
  charge(request: ChargeRequest, options: ChargeOptions): readonly Charged[];
}

/** How a limiter behaves. */
export interface RateLimiterSettings extends Omit<DecisionSettings, "uncountedWhenOver"> {
  /** Which charges of a request count when one is over. */
  readonly atomic: Atomicity;
  /** Comes before the name of every counter. */
  readonly keyPrefix: string;
  /** The longest wait for the store, in milliseconds. */
  readonly timeoutMs: number;
  /** What limits without a policy of their own answer while the store fails. */
  readonly onStoreFailure: FailurePolicy;
}

/** What a limiter works with. */
export interface RateLimiterParts {
  /** The limits in force; undefined while there are none yet. */
  readonly limits: () => LimitSet | undefined;
  /** What counts. */
  readonly store: CounterStore;
  /** What counts for limits with the policy `local` while the store fails. */
  readonly local: LocalCounters;
  /** Time. */
  readonly clock: Clock;
  /** Where it is counted. */
  readonly instruments: RlsInstruments;
  /** What remembers what was asked. */
  readonly sightings: Pick<Sightings, "note">;
  /** How it behaves. */
  readonly settings: RateLimiterSettings;
}

/** An answer with the limits that it is about. */
export interface Decided {
  /** The limits of the request. */
  readonly plan: RateLimitPlan;
  /** What the client is told. */
  readonly decision: Decision;
}

/** Answers requests. */
export class RateLimiter {
  readonly #parts: RateLimiterParts;
  readonly #decisionSettings: DecisionSettings;

  /** Limits are read anew for every request. */
  constructor(parts: RateLimiterParts) {
    this.#parts = parts;
    const { atomic } = parts.settings;
    this.#decisionSettings = { ...parts.settings, uncountedWhenOver: atomic !== "each" };
  }

  /**
   * Decides on a request. `waitMs` is how long the client waits, if it said so.
   * @throws StatusError INVALID_ARGUMENT for a request without domain or descriptors, UNAVAILABLE
   * without limits or where the store fails and a limit's policy is `error`.
   */
  decide(request: HitRequest, waitMs: number = Infinity): Decided | Promise<Decided> {
    try {
      const plan = this.#plan(request);
      const { charges } = plan;
      if (charges.length === 0) return this.#finish(plan, []);
      const { store, clock, settings: { atomic, timeoutMs } } = this.#parts;
      const options = { nowMs: clock.nowMs(), timeoutMs: Math.min(timeoutMs, waitMs) };
      const outcome = chargeBundles(store, { charges, atomic }, options);
      if (outcome instanceof Promise) return this.#later(plan, outcome);
      return this.#settle(plan, outcome);
    } catch (error) {
      this.#parts.instruments.decisions.error.add();
      throw error;
    }
  }

  #plan(request: HitRequest): RateLimitPlan {
    const { limits, settings: { keyPrefix } } = this.#parts;
    if (request.domain === "") refuse("domain must not be empty");
    if (request.descriptors.length === 0) refuse("descriptors must not be empty");
    const set = limits();
    if (set === undefined) {
      throw new StatusError(StatusCode.UNAVAILABLE, "no limits are loaded yet");
    }
    return planRequest(set, { request, keyPrefix });
  }

  async #later(plan: RateLimitPlan, pending: Promise<ChargeOutcome>): Promise<Decided> {
    const { clock, instruments } = this.#parts;
    const startMs = clock.monotonicMs();
    try {
      const outcome = await pending;
      instruments.storeTime.record((clock.monotonicMs() - startMs) / 1000);
      return this.#settle(plan, outcome);
    } catch (error) {
      instruments.decisions.error.add();
      throw error;
    }
  }

  #settle(plan: RateLimitPlan, outcome: ChargeOutcome): Decided {
    const answers = isStoreFailure(outcome) ? this.#withoutStore(plan, outcome) : outcome;
    return this.#finish(plan, answers);
  }

  #withoutStore(plan: RateLimitPlan, failure: StoreFailure): readonly ChargeAnswer[] {
    const { instruments, local, clock, settings } = this.#parts;
    instruments.storeFailed(failure);
    const policies = plan.matches.flatMap((match) => this.#policiesOf(match));
    for (const policy of policies) instruments.answeredWithoutStore(policy);
    if (policies.includes("error")) {
      instruments.failedByStore++;
      const message = `counters are not available: ${failure.why}`;
      throw new StatusError(StatusCode.UNAVAILABLE, message);
    }
    const charges = plan.charges.filter((_, index) => policies[index] === "local");
    const request = { charges, atomic: settings.atomic };
    const options = { nowMs: clock.nowMs(), timeoutMs: settings.timeoutMs };
    const charged = charges.length === 0 ? [] : [...chargeNow(local, request, options)];
    return policies.map((policy) =>
      policy === "local" ? charged.shift() ?? "allow" : policy === "deny" ? "deny" : "allow"
    );
  }

  /** One for each charge of a match. A limit that is only tried out fails no call. */
  #policiesOf(match: Match): readonly FailurePolicy[] {
    if (match.kind !== "counted") return [];
    const { onStoreFailure, shadowMode } = this.#parts.settings;
    const triedOut = shadowMode || match.rule?.shadowMode === true;
    return limitsTogether(match.limit).map((limit) => {
      const policy = limit.onStoreFailure ?? onStoreFailure;
      return triedOut && policy === "error" ? "allow" : policy;
    });
  }

  #finish(plan: RateLimitPlan, answers: readonly ChargeAnswer[]): Decided {
    const { instruments, sightings, clock } = this.#parts;
    const decision = decide(plan, { answers, settings: this.#decisionSettings });
    let at = 0;
    for (const match of plan.matches) {
      if (match.kind === "none") instruments.withoutLimit(match.why);
      const status = decision.statuses[at++];
      if (match.kind !== "counted" || status === undefined) continue;
      const { tally, windows } = status;
      if (windows !== undefined) instruments.countedSeveral(match, windows);
      else if (tally !== undefined) instruments.counted(match, tally);
    }
    sightings.note(plan, decision, clock.nowMs());
    const { verdict, unshadowed } = decision;
    const name = verdict === "over-limit"
      ? "over_limit"
      : verdict === unshadowed
      ? "ok"
      : "shadowed";
    instruments.decisions[name].add();
    return { plan, decision };
  }
}

/** Charges what counts at once, and therefore never fails. */
function chargeNow(
  local: LocalCounters,
  request: ChargeRequest,
  options: ChargeOptions,
): readonly Charged[] {
  const outcome = chargeBundles(local, request, options);
  return Array.isArray(outcome) ? outcome : [];
}

function refuse(message: string): never {
  throw new StatusError(StatusCode.INVALID_ARGUMENT, message);
}
