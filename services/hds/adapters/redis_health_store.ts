// SPDX-License-Identifier: Apache-2.0
/**
 * Verdicts, orders, history and clusters of the API in Redis, shared by replicas, of which the holder
 * of a lease leads: it alone writes verdicts. Each replica has a copy of all, which it reads at once
 * and goes on with while Redis is away; what could not be written waits. A Redis that comes back
 * without its data gets it again from the leader.
 * @module
 */
import { type Clock, StatusCode, StatusError, type Timer } from "@denvoy/base";
import { answerInTime, flatFields, type RedisLink } from "@denvoy/redis";
import { targetKey } from "../domain/assignment.ts";
import type { HealthChange, StoredVerdict } from "../domain/endpoint_record.ts";
import { MemoryHealthStore } from "../domain/memory_store.ts";
import {
  type ChangeQuery,
  type HealthStore,
  type HealthWrite,
  KEPT_CHANGES,
  type StoredOrder,
} from "../domain/store.ts";
import { keyNames, releaseScript, syncScript, writeScript } from "./redis_health_scripts.ts";
import { plain, readChange, SharedWrite } from "./shared_write.ts";

/** What a store works with. */
export interface RedisHealthStoreOptions {
  /** The connection; it is closed with the store. */
  readonly link: RedisLink;
  /** Names this replica among all. */
  readonly replica: string;
  /** Comes before the name of every key. */
  readonly keyPrefix: string;
  /** After how long without a word of the leader another leads. */
  readonly leaseMs: number;
  /** Time. */
  readonly clock: Clock;
}

/** What a look at Redis has brought. */
export interface SharedNews {
  /** Whether this replica leads. While Redis is away a leader does not know better and goes on. */
  readonly leads: boolean;
  /** Why Redis could not be asked; absent when it was. */
  readonly trouble?: string;
  /** Whether another replica has written verdicts. */
  readonly verdicts: boolean;
  /** Whether another replica was given orders or clusters. */
  readonly given: boolean;
}

interface Known {
  readonly epoch: string;
  readonly verdicts: number;
  readonly orders: number;
  readonly changes: number;
}

type Answer = readonly [
  ...[holder: string, epoch: string, verdicts: number, orders: number, changes: number],
  ...[readonly string[], readonly string[], readonly string[], readonly string[]],
];

const MAX_ROUND_MS = 500;
const GATHER_MS = 10;
const TIMEOUT_MS = 2_000;

/** See {@linkcode HealthStore}. */
export class RedisHealthStore implements HealthStore {
  readonly #options: RedisHealthStoreOptions;
  readonly #keys: readonly string[];
  readonly #listeners = new Set<(news: SharedNews) => void>();
  readonly #waiting = new Set<PromiseWithResolvers<void>>();
  #copy = new MemoryHealthStore();
  #pending = new SharedWrite();
  #known: Known = { epoch: "", verdicts: 0, orders: 0, changes: 0 };
  #leads = false;
  #trouble: string | undefined = "not asked yet";
  #timer: Timer | undefined;
  #round: Promise<void> | undefined;
  #closed = false;

  /** Begins to ask Redis. */
  constructor(options: RedisHealthStoreOptions) {
    this.#options = options;
    this.#keys = keyNames.map((name) => `${options.keyPrefix}{denvoy_hds}:${name}`);
    options.link.onReady(() => this.#hurry());
    this.#arm(0);
  }

  /** How things stand, without anything that is new. */
  get news(): SharedNews {
    const trouble = this.#trouble === undefined ? {} : { trouble: this.#trouble };
    return { leads: this.#leads, ...trouble, verdicts: false, given: false };
  }

  /** Calls `listener` after each look at Redis, whether it succeeded or not. */
  listen(listener: (news: SharedNews) => void): void {
    this.#listeners.add(listener);
  }

  /** Resolves when Redis has answered for the first time, at the latest after `withinMs`. */
  async opened(withinMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(withinMs, resolve);
    const listener = (news: SharedNews) => news.trouble === undefined && resolve();
    this.#listeners.add(listener);
    await promise;
    this.#listeners.delete(listener);
    timer.cancel();
  }

  /** See {@linkcode HealthStore.verdicts}. */
  verdicts(): readonly StoredVerdict[] {
    return this.#copy.verdicts();
  }

  /** See {@linkcode HealthStore.orders}. */
  orders(): readonly StoredOrder[] {
    return this.#copy.orders();
  }

  /** See {@linkcode HealthStore.clusters}. */
  clusters(): ReadonlyMap<string, string> {
    return this.#copy.clusters();
  }

  /** See {@linkcode HealthStore.changes}. */
  changes(query: ChangeQuery): readonly HealthChange[] {
    return this.#copy.changes(query);
  }

  /** Of a replica that does not lead nothing is taken: what it has found is from the leader. */
  write(write: HealthWrite): void {
    if (!this.#leads) return;
    this.#copy.write({ ...write, verdicts: write.verdicts.map(plain) });
    this.#pending.write(write);
    this.#hurry();
  }

  /** See {@linkcode HealthStore.setOrder}. @throws StatusError UNAVAILABLE while Redis is away */
  setOrder(order: Parameters<HealthStore["setOrder"]>[0]): void {
    this.#needRedis();
    this.#copy.setOrder(order);
    this.#pending.setOrder(order);
    this.#hurry();
  }

  /** See {@linkcode HealthStore.setCluster}. @throws StatusError UNAVAILABLE while Redis is away */
  setCluster(name: string, text: string | undefined): void {
    this.#needRedis();
    this.#copy.setCluster(name, text);
    this.#pending.setCluster(name, text);
    this.#hurry();
  }

  /** See {@linkcode HealthStore.kept}. */
  kept(): Promise<void> {
    const waiting = Promise.withResolvers<void>();
    this.#waiting.add(waiting);
    this.#hurry();
    return waiting.promise;
  }

  /** Writes what is left, gives the lease back and closes the connection. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#round;
    const { link, replica } = this.#options;
    if (link.ready()) {
      await this.#look();
      await this.#ask(releaseScript, [replica]).catch(() => undefined);
    }
    await link.close();
  }

  #needRedis(): void {
    if (this.#trouble === undefined) return;
    throw new StatusError(StatusCode.UNAVAILABLE, `cannot be kept: Redis is away`);
  }

  #hurry(): void {
    if (this.#round === undefined) this.#arm(GATHER_MS);
  }

  #arm(delayMs: number): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#round = this.#look().finally(() => {
        this.#round = undefined;
        const roundMs = Math.min(MAX_ROUND_MS, this.#options.leaseMs / 4);
        const isDue = this.#trouble === undefined && (this.#hasWork() || this.#waiting.size > 0);
        this.#arm(isDue ? GATHER_MS : roundMs);
      });
    });
  }

  #hasWork(): boolean {
    return this.#pending.hasGiven || this.#pending.hasFound;
  }

  /** Reads what is new and writes what waits. Never rejects. */
  async #look(): Promise<void> {
    const waiting = [...this.#waiting];
    let news = { verdicts: false, given: false };
    try {
      news = this.#take(await this.#sync());
      if (this.#hasWork()) await this.#send();
      this.#trouble = undefined;
      for (const each of waiting) each.resolve();
    } catch (error) {
      this.#trouble = error instanceof Error ? error.message : String(error);
      const why = new StatusError(StatusCode.UNAVAILABLE, "cannot be kept yet: Redis is away");
      for (const each of waiting) each.reject(why);
    }
    for (const each of waiting) this.#waiting.delete(each);
    for (const listener of this.#listeners) listener({ ...this.news, ...news });
  }

  async #sync(): Promise<Answer> {
    const { replica, leaseMs } = this.#options;
    const { verdicts, orders, changes } = this.#known;
    const args = [replica, leaseMs, crypto.randomUUID(), verdicts, orders, changes];
    return await this.#ask(syncScript, args) as Answer;
  }

  #take(answer: Answer): { readonly verdicts: boolean; readonly given: boolean } {
    const [holder, epoch, verdicts, orders, changes] = answer;
    const before = this.#known;
    const led = this.#leads;
    this.#leads = holder === this.#options.replica;
    const leadsOn = led && this.#leads;
    this.#known = { epoch, verdicts, orders, changes };
    if (hasLost(before, this.#known)) {
      this.#restore();
      return { verdicts: false, given: false };
    }
    const news = {
      verdicts: verdicts !== before.verdicts && !leadsOn,
      given: orders !== before.orders,
    };
    if (news.verdicts) this.#takeVerdicts(answer[5]);
    if (news.given) this.#takeGiven(flatFields(answer[6]), flatFields(answer[7]));
    if (!leadsOn) this.#takeHistory(answer[8]);
    // What it has found since was not taken: all is read again.
    if (led && !this.#leads) this.#known = { ...this.#known, verdicts: -1 };
    if (!this.#leads) this.#pending.dropFound();
    return news;
  }

  /** Redis has lost data: the leader writes all of it again, others read it then. */
  #restore(): void {
    if (!this.#leads) {
      this.#known = { ...this.#known, verdicts: 0, orders: 0, changes: 0 };
      this.#forgetHistory();
      return;
    }
    const all = new SharedWrite();
    const changes = this.#copy.changes({ limit: KEPT_CHANGES }).toReversed();
    all.write({ verdicts: this.#copy.verdicts(), changes, removed: [] });
    for (const order of this.#copy.orders()) all.setOrder(order);
    for (const [name, text] of this.#copy.clusters()) all.setCluster(name, text);
    this.#pending = all;
  }

  #forgetHistory(): void {
    const copy = new MemoryHealthStore();
    copy.write({ verdicts: this.#copy.verdicts(), changes: [], removed: [] });
    for (const order of this.#copy.orders()) copy.setOrder(order);
    for (const [name, text] of this.#copy.clusters()) copy.setCluster(name, text);
    this.#copy = copy;
  }

  #takeVerdicts(flat: readonly string[]): void {
    const verdicts = [...flatFields(flat).values()].map((text) =>
      JSON.parse(text) as StoredVerdict
    );
    const keys = new Set(verdicts.map(({ cluster, address }) => targetKey(cluster, address)));
    const removed = this.#copy.verdicts()
      .filter(({ cluster, address }) => !keys.has(targetKey(cluster, address)));
    this.#copy.write({ verdicts, changes: [], removed });
  }

  #takeHistory(newest: readonly string[]): void {
    const changes = newest.map(readChange).toReversed();
    this.#copy.write({ verdicts: [], changes, removed: [] });
  }

  #takeGiven(
    orderTexts: ReadonlyMap<string, string>,
    clusterTexts: ReadonlyMap<string, string>,
  ): void {
    for (const { cluster, address } of this.#copy.orders()) {
      this.#copy.setOrder({ cluster, address, order: undefined });
    }
    for (const text of this.#pending.ordersOver(orderTexts).values()) {
      this.#copy.setOrder(JSON.parse(text) as StoredOrder);
    }
    for (const name of this.#copy.clusters().keys()) this.#copy.setCluster(name, undefined);
    for (const [name, text] of this.#pending.clustersOver(clusterTexts)) {
      this.#copy.setCluster(name, text);
    }
  }

  async #send(): Promise<void> {
    const batch = this.#pending;
    this.#pending = new SharedWrite();
    const args = [this.#options.replica, this.#known.changes, KEPT_CHANGES, batch.json()];
    try {
      const answer = await this.#ask(writeScript, args) as readonly [number, number, number];
      this.#wrote(batch, answer);
    } catch (error) {
      batch.add(this.#pending);
      this.#pending = batch;
      throw error;
    }
  }

  /** What others have written meanwhile is still to be read. */
  #wrote(batch: SharedWrite, [verdicts, orders, changes]: readonly [number, number, number]): void {
    const { epoch, ...known } = this.#known;
    const isOwn = batch.hasGiven && orders === known.orders + 1;
    this.#known = {
      epoch,
      verdicts: this.#leads ? verdicts : known.verdicts,
      orders: isOwn ? orders : known.orders,
      changes: this.#leads ? changes : known.changes,
    };
  }

  async #ask(script: string, args: readonly (string | number)[]): Promise<unknown> {
    const { link, clock } = this.#options;
    if (!link.ready()) throw new Error(`not connected: ${link.trouble()}`);
    const key = this.#keys[0] ?? "";
    const call = link.call("EVAL", [script, this.#keys.length, ...this.#keys, ...args]);
    const why = "Redis does not answer";
    return await answerInTime(call, { link, key, clock, timeoutMs: TIMEOUT_MS, why });
  }
}

function hasLost(before: Known, now: Known): boolean {
  if (before.epoch === "") return false;
  return now.epoch !== before.epoch || now.verdicts < before.verdicts ||
    now.orders < before.orders || now.changes < before.changes;
}
