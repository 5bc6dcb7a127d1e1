// SPDX-License-Identifier: Apache-2.0
/**
 * A counter store on a real Redis, for one test, and what tests ask of it.
 * @module
 */
import { setImmediate } from "node:timers";
import { Redis } from "ioredis";
import type { RedisSettings } from "@denvoy/redis";
import {
  type Charge,
  type ChargeOutcome,
  isStoreFailure,
  RedisCounterStore,
  type RedisCounterStoreOptions,
} from "@denvoy/rls/stores";
import { systemClock } from "@denvoy/runtime";
import { eventually } from "../support/mod.ts";

/** A moment in the middle of nothing: no test ends in another window than it began in. */
const NOON = Date.UTC(2026, 0, 1, 12, 30);

/** A store that is closed at the end of its test. */
export interface StoreForTest extends AsyncDisposable {
  /** The store, which serves already. */
  readonly store: RedisCounterStore;
}

/** Returns the settings of a Redis on a port of this machine. */
export function onPort(port: number): RedisSettings {
  return {
    topology: { kind: "single", address: { host: "127.0.0.1", port } },
    connectionName: "denvoy-rls",
  };
}

/** Opens a store and waits until it serves. */
export async function openStore(
  redis: RedisSettings,
  options: Partial<RedisCounterStoreOptions> = {},
): Promise<StoreForTest> {
  const store = new RedisCounterStore({
    redis,
    clock: systemClock,
    schedule: (callback) => void setImmediate(callback),
    random: Math.random,
    ...options,
  });
  try {
    await serving(store);
  } catch (error) {
    await store.close();
    throw error;
  }
  return { store, [Symbol.asyncDispose]: () => store.close() };
}

/** A plain client of the same Redis, to look at what is there. */
export class Peer extends Redis implements AsyncDisposable {
  /** Connects to a port of this machine. */
  constructor(port: number) {
    super(port, "127.0.0.1", { retryStrategy: () => 50 });
    this.on("error", () => {});
  }

  /** Ends the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.status === "end") return;
    const ended = new Promise<void>((resolve) => void this.once("end", () => resolve()));
    this.disconnect();
    await ended;
  }
}

/** Waits until the store says that it counts. */
export async function serving(store: RedisCounterStore): Promise<void> {
  await eventually(() => Promise.resolve(store.health().kind === "serving"), {
    what: "the store to serve",
    detail: () => JSON.stringify(store.health()),
  });
}

/** Returns a charge of one hit against 100 per hour, with changes. */
export function hourly(key: string, changes: Partial<Charge> = {}): Charge {
  return {
    key: { head: key, entries: [], tail: "" },
    windowSeconds: 3600,
    limit: 100,
    algorithm: { kind: "fixed-window" },
    hits: 1,
    perSecond: false,
    ...changes,
  };
}

/** Charges one counter; returns the count, or the kind of failure. */
export async function hit(
  store: RedisCounterStore,
  charge: Charge,
  { nowMs = NOON, timeoutMs = 2_000 }: {
    readonly nowMs?: number;
    readonly timeoutMs?: number;
  } = {},
): Promise<number | string> {
  const request = { charges: [charge], atomic: "each" } as const;
  return told(await store.charge(request, { nowMs, timeoutMs }));
}

/** Returns the first count of an outcome, or its kind of failure. */
export function told(outcome: ChargeOutcome): number | string {
  return isStoreFailure(outcome) ? outcome.kind : outcome[0]?.after ?? -1;
}
