// SPDX-License-Identifier: Apache-2.0
/**
 * Remembers counters that are over their limit, so that the hits that hurt most never leave this
 * process. It never says "over" longer than the store would: until the fixed window ends, or until
 * the hits would fit; and it asks again after a while, as another replica may have given back.
 * @module
 */
import {
  type Charge,
  type Charged,
  type ChargeOptions,
  type ChargeOutcome,
  type ChargeRequest,
  type CounterStore,
  isStoreFailure,
  type StoreHealth,
  type StoreServer,
} from "../domain/counter_store.ts";
import { counterName } from "../domain/window.ts";

/** Settings of a {@linkcode NearCache}. */
export interface NearCacheOptions {
  /** Most counters that are remembered; the oldest make room. @default 100000 */
  readonly maxEntries?: number;
  /**
   * The store is asked again about a counter after so many ms, which is how long a refund made
   * elsewhere may go unseen. Infinity: not before the window ends. @default 1000
   */
  readonly recheckMs?: number;
}

/** What happened since the start. */
export interface NearCacheStats {
  /** Charges that were answered without the store. */
  readonly hits: number;
  /** Charges that the store had to be asked for. */
  readonly misses: number;
  /** Counters that were forgotten as there was no room. */
  readonly evicted: number;
  /** Counters that were looked up after their time had run out. */
  readonly expired: number;
}

/** A counter that was over: what holds for any charge of at least `hits` until `untilMs`. */
interface Entry {
  readonly charged: Charged;
  readonly hits: number;
  readonly limit: number;
  readonly sinceMs: number;
  readonly recheckAtMs: number;
  readonly resetAtMs: number;
}

/** A store in front of another; answers at once, without a promise, when all is over already. */
export class NearCache implements CounterStore {
  readonly #store: CounterStore;
  readonly #maxEntries: number;
  readonly #recheckMs: number;
  readonly #entries = new Map<string, Entry>();
  #hits = 0;
  #misses = 0;
  #evicted = 0;
  #expired = 0;

  /** Remembers what `store` answers; closes it when it is closed. */
  constructor(store: CounterStore, options: NearCacheOptions = {}) {
    this.#store = store;
    this.#maxEntries = Math.max(1, options.maxEntries ?? 100_000);
    this.#recheckMs = options.recheckMs ?? 1_000;
  }

  /** Charges that it answered, charges that it did not know, and counters that had to make room. */
  get stats(): NearCacheStats {
    return {
      hits: this.#hits,
      misses: this.#misses,
      evicted: this.#evicted,
      expired: this.#expired,
    };
  }

  /** How many counters it remembers, those included whose time has run out. */
  get size(): number {
    return this.#entries.size;
  }

  /** Answers what is known to be over and charges the rest. */
  charge(
    request: ChargeRequest,
    options: ChargeOptions,
  ): ChargeOutcome | Promise<ChargeOutcome> {
    const { charges } = request;
    const hitsBefore = this.#hits;
    const known = charges.map((charge) => this.#known(charge, options.nowMs));
    this.#misses += charges.length - (this.#hits - hitsBefore);
    if (!known.some((charged) => charged !== undefined)) {
      return this.#ask(request, options);
    }
    const rest = charges.filter((_, at) => known[at] === undefined);
    if (rest.length === 0) return known.filter((charged) => charged !== undefined);
    const outcome = this.#ask(restOf(request, rest), options);
    if (outcome instanceof Promise) return outcome.then((told) => fill(known, told));
    return fill(known, outcome);
  }

  /** Asks the store. */
  read(charges: readonly Charge[], options: ChargeOptions): ReturnType<CounterStore["read"]> {
    return this.#store.read(charges, options);
  }

  /** Forgets the counters and has the store empty them. */
  reset(charges: readonly Charge[], options: ChargeOptions): ReturnType<CounterStore["reset"]> {
    this.#forget(charges, options.nowMs);
    const outcome = this.#store.reset(charges, options);
    if (!(outcome instanceof Promise)) return outcome;
    // What was charged meanwhile may have been remembered.
    return outcome.finally(() => this.#forget(charges, options.nowMs));
  }

  /** That of the store. */
  health(): StoreHealth {
    return this.#store.health();
  }

  /** Those of the store. */
  servers(): readonly StoreServer[] {
    return this.#store.servers();
  }

  /** Closes the store. */
  close(): Promise<void> {
    this.#entries.clear();
    return this.#store.close();
  }

  #ask(request: ChargeRequest, options: ChargeOptions): ChargeOutcome | Promise<ChargeOutcome> {
    const outcome = this.#store.charge(request, options);
    if (!(outcome instanceof Promise)) return this.#learn(request.charges, { outcome, options });
    return outcome.then((told) => this.#learn(request.charges, { outcome: told, options }));
  }

  #known(charge: Charge, nowMs: number): Charged | undefined {
    if (this.#entries.size === 0 || charge.refund === true) return undefined;
    const name = counterName(charge, nowMs);
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    if (nowMs >= entry.resetAtMs || nowMs >= entry.recheckAtMs || nowMs < entry.sinceMs) {
      this.#entries.delete(name);
      this.#expired++;
      return undefined;
    }
    if (charge.limit !== entry.limit || charge.hits < entry.hits) return undefined;
    this.#hits++;
    return { ...entry.charged, resetMs: entry.resetAtMs - nowMs, fromNearCache: true };
  }

  /** Remembers what is over; forgets what was given back, also when it is not known whether. */
  #learn(
    charges: readonly Charge[],
    { outcome, options: { nowMs } }: {
      readonly outcome: ChargeOutcome;
      readonly options: ChargeOptions;
    },
  ): ChargeOutcome {
    if (!isStoreFailure(outcome)) {
      for (const [at, charge] of charges.entries()) this.#remember(charge, outcome[at], nowMs);
    }
    this.#forget(charges.filter(({ refund }) => refund === true), nowMs);
    return outcome;
  }

  #remember(charge: Charge, charged: Charged | undefined, nowMs: number): void {
    // A unit of concurrency may come back at any moment.
    if (charged?.over !== true || charge.algorithm.kind === "concurrency") return;
    const isFixed = charge.algorithm.kind === "fixed-window";
    // All or nothing leaves a fixed window below its limit: smaller hits may fit.
    const isFull = isFixed && charged.after > charge.limit;
    const name = counterName(charge, nowMs);
    this.#entries.delete(name);
    this.#entries.set(name, {
      charged,
      hits: isFull ? 0 : Math.max(1, charge.hits),
      limit: charge.limit,
      sinceMs: nowMs,
      recheckAtMs: nowMs + this.#recheckMs,
      resetAtMs: nowMs + charged.resetMs,
    });
    if (this.#entries.size > this.#maxEntries) this.#dropOldest();
  }

  #dropOldest(): void {
    for (const name of this.#entries.keys()) {
      this.#entries.delete(name);
      this.#evicted++;
      return;
    }
  }

  #forget(charges: readonly Charge[], nowMs: number): void {
    for (const charge of charges) this.#entries.delete(counterName(charge, nowMs));
  }
}

/** The rest of a request of which something is over: where that matters, the rest is looked at. */
function restOf({ atomic }: ChargeRequest, rest: readonly Charge[]): ChargeRequest {
  if (atomic === "each") return { charges: rest, atomic };
  return { charges: rest.map((charge) => ({ ...charge, hits: 0 })), atomic: "each" };
}

function fill(known: readonly (Charged | undefined)[], outcome: ChargeOutcome): ChargeOutcome {
  if (isStoreFailure(outcome)) return outcome;
  const rest = outcome.values();
  return known.flatMap((charged) => charged ?? rest.next().value ?? []);
}
