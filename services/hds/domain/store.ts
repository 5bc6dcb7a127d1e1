// SPDX-License-Identifier: Apache-2.0
/**
 * What lasts over a restart, as a port.
 * @module
 */
import type { AdminOrder, HealthChange, StoredVerdict } from "./endpoint_record.ts";

/** An order with the endpoint that it is for. */
export interface StoredOrder {
  /** The cluster's name. */
  readonly cluster: string;
  /** The endpoint's address. */
  readonly address: string;
  /** The order. */
  readonly order: AdminOrder;
}

/** What is written together. */
export interface HealthWrite {
  /** Verdicts as they are now. */
  readonly verdicts: readonly StoredVerdict[];
  /** For the history. */
  readonly changes: readonly HealthChange[];
  /** Endpoints that are gone, with their verdicts; orders stay, as people gave them. */
  readonly removed: readonly Pick<StoredVerdict, "cluster" | "address">[];
}

/** Which changes are asked for. */
export interface ChangeQuery {
  /** Only of this cluster. */
  readonly cluster?: string | undefined;
  /** Only of this endpoint. */
  readonly address?: string | undefined;
  /** At most so many, the newest ones. */
  readonly limit: number;
}

/** Keeps verdicts, orders, history and clusters of the API. Writes are atomic. */
export interface HealthStore {
  /** All verdicts. */
  verdicts(): readonly StoredVerdict[];
  /** All orders. */
  orders(): readonly StoredOrder[];
  /** Texts of the clusters that the API was given, by name. */
  clusters(): ReadonlyMap<string, string>;
  /** Changes, newest first. */
  changes(query: ChangeQuery): readonly HealthChange[];
  /** Writes verdicts and history down. @throws StatusError UNAVAILABLE when nothing was written */
  write(write: HealthWrite): void;
  /** Keeps an order, or with undefined forgets it. */
  setOrder(order: Omit<StoredOrder, "order"> & { readonly order: AdminOrder | undefined }): void;
  /** Keeps a cluster, or with undefined forgets it. */
  setCluster(name: string, text: string | undefined): void;
  /**
   * Resolves when the orders and clusters that were given so far are kept.
   * @throws StatusError UNAVAILABLE when that is not so yet; it is tried again
   */
  kept(): Promise<void>;
  /** Closes it; nothing may be called afterwards. */
  close(): void | Promise<void>;
}

/** Changes that are kept for the history. */
export const KEPT_CHANGES = 20_000;
