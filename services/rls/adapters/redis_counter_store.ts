// SPDX-License-Identifier: Apache-2.0
/**
 * Counts in Redis, in the keys of envoyproxy/ratelimit, so that both can share it. A request whose
 * counters are in several places (cluster slots, a per-second Redis) is told as one: what must
 * count together is first charged everywhere, and taken back where another place was over.
 * @module
 */
import type { Clock } from "@denvoy/base";
import { openRedisLink, type RedisLink, type RedisSettings } from "@denvoy/redis";
import {
  type Charge,
  type Charged,
  type ChargeOptions,
  type ChargeOutcome,
  type ChargeRequest,
  type CounterStore,
  isStoreFailure,
  type StoreFailure,
  type StoreHealth,
  type StoreServer,
} from "../domain/counter_store.ts";
import { joinOutcomes } from "../domain/join_outcomes.ts";
import { counterName } from "../domain/window.ts";
import type { BatchMode, PlacedRequest } from "./redis_batch.ts";
import { RedisLane } from "./redis_lane.ts";
import type { RedisStoreTuning } from "./redis_tuning.ts";

/** What a {@linkcode RedisCounterStore} needs. */
export interface RedisCounterStoreOptions extends RedisStoreTuning {
  /** The Redis of everything. */
  readonly redis: RedisSettings;
  /** The Redis of windows of one second, if it is another. */
  readonly perSecond?: RedisSettings;
  /** Time. */
  readonly clock: Clock;
  /** Calls back after the event loop has handled what is there, e.g. `setImmediate`. */
  readonly schedule: (callback: () => void) => void;
  /** Numbers from 0 to below 1, for the jitter of expiry. */
  readonly random: () => number;
}

/** Charges that one script call can make, with their places in the request. */
interface Part {
  readonly lane: RedisLane;
  readonly slot: number;
  readonly charges: readonly Charge[];
  /** Not needed where there is one part only. */
  readonly positions: readonly number[];
}

interface GrowingPart extends Part {
  readonly charges: Charge[];
  readonly positions: number[];
}

/** Everything that is sent to one Redis. */
interface Side {
  readonly link: RedisLink;
  readonly lanes: Map<string, RedisLane>;
}

/** Counts in Redis; answers within the time that is given, whatever Redis does. */
export class RedisCounterStore implements CounterStore {
  readonly #options: RedisCounterStoreOptions;
  readonly #main: Side;
  readonly #perSecond: Side;

  /** Begins to connect at once and goes on trying until it is closed. */
  constructor(options: RedisCounterStoreOptions) {
    this.#options = options;
    this.#main = openSide(options.redis);
    this.#perSecond = options.perSecond === undefined ? this.#main : openSide(options.perSecond);
  }

  /** See {@linkcode CounterStore.charge}. */
  charge(
    { charges, atomic }: ChargeRequest,
    options: ChargeOptions,
  ): ChargeOutcome | Promise<ChargeOutcome> {
    if (charges.length === 0) return [];
    const parts = this.#parts(charges, options.nowMs);
    const [only] = parts;
    if (atomic === "each" || only === undefined || parts.length === 1) {
      const mode = ({ "each": "each", "all-or-nothing": "all", "over-only": "over" } as const)[
        charges.length === 1 && atomic === "over-only" ? "each" : atomic
      ];
      return this.#submitAll(parts, mode, options);
    }
    return this.#chargeTogether(parts, atomic, options);
  }

  /** See {@linkcode CounterStore.read}. */
  read(
    charges: readonly Charge[],
    options: ChargeOptions,
  ): ChargeOutcome | Promise<ChargeOutcome> {
    return this.#submitAll(this.#parts(charges, options.nowMs), "read", options);
  }

  /** See {@linkcode CounterStore.reset}. */
  reset(
    charges: readonly Charge[],
    options: ChargeOptions,
  ): ChargeOutcome | Promise<ChargeOutcome> {
    return this.#submitAll(this.#parts(charges, options.nowMs), "reset", options);
  }

  /** Failing as soon as one of its servers is. */
  health(): StoreHealth {
    for (const { link, lanes } of new Set([this.#main, this.#perSecond])) {
      if (!link.ready()) return { kind: "failing", why: `not connected: ${link.trouble()}` };
      for (const lane of lanes.values()) {
        const health = lane.health();
        if (health.kind === "failing") return health;
      }
    }
    return { kind: "serving" };
  }

  /** See {@linkcode CounterStore.servers}. One that was never asked is not among them. */
  servers(): readonly StoreServer[] {
    const sides = new Map([[this.#perSecond, "per-second"], [this.#main, "main"]]);
    return [...sides].flatMap(([{ link, lanes }, side]) =>
      [...lanes].map(([lane, { state }]) => ({
        name: lane === "" ? side : `${side} ${lane}`,
        connected: link.ready(),
        ...state,
      }))
    );
  }

  /** See {@linkcode CounterStore.close}. */
  async close(): Promise<void> {
    const sides = [...new Set([this.#main, this.#perSecond])];
    for (const { lanes } of sides) for (const lane of lanes.values()) lane.close();
    await Promise.all(sides.map(({ link }) => link.close()));
  }

  #parts(charges: readonly Charge[], nowMs: number): readonly Part[] {
    const { link } = this.#main;
    if (link.isOnePlace && this.#perSecond === this.#main) {
      const { lane, slot } = link.place("");
      return [{ lane: this.#lane(this.#main, lane), slot, charges, positions: [] }];
    }
    return this.#placed(charges, nowMs);
  }

  #placed(charges: readonly Charge[], nowMs: number): readonly Part[] {
    const parts: GrowingPart[] = [];
    for (const [position, charge] of charges.entries()) {
      const side = charge.perSecond ? this.#perSecond : this.#main;
      const place = side.link.place(counterName(charge, nowMs));
      const lane = this.#lane(side, place.lane);
      let part = parts.find((other) => other.lane === lane && other.slot === place.slot);
      if (part === undefined) {
        part = { lane, slot: place.slot, charges: [], positions: [] };
        parts.push(part);
      }
      part.charges.push(charge);
      part.positions.push(position);
    }
    return parts;
  }

  #lane({ link, lanes }: Side, name: string): RedisLane {
    const found = lanes.get(name);
    if (found !== undefined) return found;
    const { breaker, clock, depth, expirationJitterSeconds, maxBatch, maxWaiting, random } =
      this.#options;
    const jitter = expirationJitterSeconds ?? 300;
    const lane = new RedisLane({
      lane: name,
      link,
      clock,
      schedule: this.#options.schedule,
      timeToLive: (windowSeconds) => windowSeconds + Math.floor(random() * jitter),
      breaker: breaker ?? {},
      depth: depth ?? 1,
      maxBatch: maxBatch ?? 1_000,
      maxWaiting: maxWaiting ?? 10_000,
    });
    lanes.set(name, lane);
    link.onReady(() => lane.reconnected());
    return lane;
  }

  #submitAll(
    parts: readonly Part[],
    mode: BatchMode,
    { nowMs, timeoutMs }: ChargeOptions,
  ): ChargeOutcome | Promise<ChargeOutcome> {
    const [only] = parts;
    if (only !== undefined && parts.length === 1) {
      return submit(only, { mode, nowMs, timeoutMs });
    }
    return Promise.all(parts.map((part) => submit(part, { mode, nowMs, timeoutMs })))
      .then((outcomes) => merge(parts, outcomes));
  }

  /** Charges in several places what counts together, within the time of one request. */
  async #chargeTogether(
    parts: readonly Part[],
    atomic: "all-or-nothing" | "over-only",
    options: ChargeOptions,
  ): Promise<ChargeOutcome> {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + options.timeoutMs;
    const first = parts.map(withoutRefunds);
    const outcomes = await Promise.all(
      first.map((part) => submit(part, { ...options, mode: "all" })),
    );
    const allFit = outcomes.every((outcome) => !isStoreFailure(outcome) && !anyOver(outcome));
    const next = { ...options, timeoutMs: Math.max(1, endMs - clock.monotonicMs()) };
    const settled = await Promise.all(parts.map((part, at) => {
      const outcome = outcomes[at] ?? [];
      if (isStoreFailure(outcome)) return outcome;
      if (allFit) return giveRefunds(part, { outcome, options: next });
      if (!anyOver(outcome)) return submit(takenBack(part), { ...next, mode: "each" });
      if (atomic === "all-or-nothing") return outcome;
      return submit(withoutRefunds(part), { ...next, mode: "over" });
    }));
    return merge(parts, settled);
  }
}

function giveRefunds(
  part: Part,
  { outcome, options }: { readonly outcome: ChargeOutcome; readonly options: ChargeOptions },
): ChargeOutcome | Promise<ChargeOutcome> {
  if (!part.charges.some(isRefund)) return outcome;
  return submit(onlyRefunds(part), { ...options, mode: "each" });
}

function openSide(settings: RedisSettings): Side {
  return { link: openRedisLink(settings), lanes: new Map() };
}

function submit(
  { charges, lane, slot }: Part,
  { mode, nowMs, timeoutMs }: ChargeOptions & { readonly mode: BatchMode },
): Promise<ChargeOutcome> | StoreFailure {
  const request: PlacedRequest = { charges, mode, nowMs };
  return lane.submit(request, { slot, timeoutMs });
}

/** What is charged first: refunds wait until it is known that everything fits. */
function withoutRefunds(part: Part): Part {
  return withCharges(part, (charge) => isRefund(charge) ? { ...charge, hits: 0 } : charge);
}

function onlyRefunds(part: Part): Part {
  return withCharges(part, (charge) => isRefund(charge) ? charge : { ...charge, hits: 0 });
}

/** The opposite of what a part charged at first. */
function takenBack(part: Part): Part {
  return withCharges(part, (charge) => {
    return { ...charge, hits: isRefund(charge) ? 0 : charge.hits, refund: true };
  });
}

function withCharges(part: Part, change: (charge: Charge) => Charge): Part {
  return { ...part, charges: part.charges.map(change) };
}

function isRefund({ refund }: Charge): boolean {
  return refund === true;
}

function anyOver(charged: readonly Charged[]): boolean {
  return charged.some(({ over }) => over);
}

function merge(parts: readonly Part[], outcomes: readonly ChargeOutcome[]): ChargeOutcome {
  return joinOutcomes(parts.map(({ positions }) => positions), outcomes);
}
