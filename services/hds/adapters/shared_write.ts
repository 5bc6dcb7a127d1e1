// SPDX-License-Identifier: Apache-2.0
/**
 * What is still to be written to Redis: the newest of each thing, however often it changed meanwhile.
 * @module
 */
import { targetKey } from "../domain/assignment.ts";
import type { HealthChange, StoredVerdict } from "../domain/endpoint_record.ts";
import { type HealthWrite, KEPT_CHANGES, type StoredOrder } from "../domain/store.ts";

/** Texts by field; undefined for a field that is to go. */
type Fields = ReadonlyMap<string, string | undefined>;

/** Writes that wait. */
export class SharedWrite {
  readonly #verdicts = new Map<string, string | undefined>();
  readonly #orders = new Map<string, string | undefined>();
  readonly #clusters = new Map<string, string | undefined>();
  #changes: readonly string[] = [];

  /** Whether orders or clusters wait. */
  get hasGiven(): boolean {
    return this.#orders.size + this.#clusters.size > 0;
  }

  /** Whether verdicts or history wait. */
  get hasFound(): boolean {
    return this.#verdicts.size + this.#changes.length > 0;
  }

  /** Adds verdicts and history. */
  write({ verdicts, changes, removed }: HealthWrite): void {
    for (const { cluster, address } of removed) {
      this.#verdicts.set(targetKey(cluster, address), undefined);
    }
    for (const verdict of verdicts) {
      this.#verdicts.set(
        targetKey(verdict.cluster, verdict.address),
        JSON.stringify(plain(verdict)),
      );
    }
    this.#addChanges(changes.map((change) => JSON.stringify(change)));
  }

  /** Adds an order, or that there is none any more. */
  setOrder(
    { cluster, address, order }: Omit<StoredOrder, "order"> & {
      readonly order: StoredOrder["order"] | undefined;
    },
  ): void {
    const text = order && JSON.stringify({ cluster, address, order });
    this.#orders.set(targetKey(cluster, address), text);
  }

  /** Adds a cluster, or that there is none any more. */
  setCluster(name: string, text: string | undefined): void {
    this.#clusters.set(name, text);
  }

  /** Returns the orders as they will be, given those that were read. */
  ordersOver(read: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    return over(read, this.#orders);
  }

  /** Returns the clusters as they will be, given those that were read. */
  clustersOver(read: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    return over(read, this.#clusters);
  }

  /** Forgets verdicts and history: another decides. */
  dropFound(): void {
    this.#verdicts.clear();
    this.#changes = [];
  }

  /** Adds what came later. */
  add(later: SharedWrite): void {
    for (const [field, text] of later.#verdicts) this.#verdicts.set(field, text);
    for (const [field, text] of later.#orders) this.#orders.set(field, text);
    for (const [field, text] of later.#clusters) this.#clusters.set(field, text);
    this.#addChanges(later.#changes);
  }

  /** Returns it as the script of writes takes it. */
  json(): string {
    return JSON.stringify({
      given: this.hasGiven,
      found: this.hasFound,
      ...{ verdicts: texts(this.#verdicts), noVerdicts: gone(this.#verdicts) },
      ...{ orders: texts(this.#orders), noOrders: gone(this.#orders) },
      ...{ clusters: texts(this.#clusters), noClusters: gone(this.#clusters) },
      changes: this.#changes,
    });
  }

  #addChanges(changes: readonly string[]): void {
    this.#changes = [...this.#changes, ...changes].slice(-KEPT_CHANGES);
  }
}

/** Returns a verdict alone, as what is written may be an endpoint with all that is known of it. */
export function plain(verdict: StoredVerdict): StoredVerdict {
  const { cluster, address, health, found, sinceMs, by } = verdict;
  return { cluster, address, health, found, sinceMs, by };
}

/** Reads a change of the history. */
export function readChange(text: string): HealthChange {
  return JSON.parse(text) as HealthChange;
}

function over(read: ReadonlyMap<string, string>, fields: Fields): ReadonlyMap<string, string> {
  const all = new Map(read);
  for (const [field, text] of fields) {
    if (text === undefined) all.delete(field);
    else all.set(field, text);
  }
  return all;
}

function texts(fields: Fields): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...fields].flatMap(([field, text]) => text === undefined ? [] : [[field, text]]),
  );
}

function gone(fields: Fields): readonly string[] {
  return [...fields].flatMap(([field, text]) => text === undefined ? [field] : []);
}
