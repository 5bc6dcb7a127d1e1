// SPDX-License-Identifier: Apache-2.0
/**
 * A store that forgets when the process ends.
 * @module
 */
import { targetKey } from "./assignment.ts";
import type { HealthChange, StoredVerdict } from "./endpoint_record.ts";
import {
  type ChangeQuery,
  type HealthStore,
  type HealthWrite,
  KEPT_CHANGES,
  type StoredOrder,
} from "./store.ts";

/** See {@linkcode HealthStore}. */
export class MemoryHealthStore implements HealthStore {
  readonly #verdicts = new Map<string, StoredVerdict>();
  readonly #orders = new Map<string, StoredOrder>();
  readonly #clusters = new Map<string, string>();
  #changes: HealthChange[] = [];

  /** See {@linkcode HealthStore.verdicts}. */
  verdicts(): readonly StoredVerdict[] {
    return [...this.#verdicts.values()];
  }

  /** See {@linkcode HealthStore.orders}. */
  orders(): readonly StoredOrder[] {
    return [...this.#orders.values()];
  }

  /** See {@linkcode HealthStore.clusters}. */
  clusters(): ReadonlyMap<string, string> {
    return new Map(this.#clusters);
  }

  /** See {@linkcode HealthStore.changes}. */
  changes({ cluster, address, limit }: ChangeQuery): readonly HealthChange[] {
    const matches = this.#changes.filter((change) =>
      (cluster ?? change.cluster) === change.cluster &&
      (address ?? change.address) === change.address
    );
    return matches.slice(-limit).reverse();
  }

  /** See {@linkcode HealthStore.write}. */
  write({ verdicts, changes, removed }: HealthWrite): void {
    for (const { cluster, address } of removed) this.#verdicts.delete(targetKey(cluster, address));
    for (const verdict of verdicts) {
      this.#verdicts.set(targetKey(verdict.cluster, verdict.address), verdict);
    }
    this.#changes.push(...changes);
    if (this.#changes.length > KEPT_CHANGES) this.#changes = this.#changes.slice(-KEPT_CHANGES);
  }

  /** See {@linkcode HealthStore.setOrder}. */
  setOrder({ cluster, address, order }: Parameters<HealthStore["setOrder"]>[0]): void {
    const key = targetKey(cluster, address);
    if (order === undefined) this.#orders.delete(key);
    else this.#orders.set(key, { cluster, address, order });
  }

  /** See {@linkcode HealthStore.setCluster}. */
  setCluster(name: string, text: string | undefined): void {
    if (text === undefined) this.#clusters.delete(name);
    else this.#clusters.set(name, text);
  }

  /** See {@linkcode HealthStore.kept}. */
  kept(): Promise<void> {
    return Promise.resolve();
  }

  /** See {@linkcode HealthStore.close}. */
  close(): void {}
}
