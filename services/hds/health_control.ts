// SPDX-License-Identifier: Apache-2.0
/**
 * Joins what is checked, who checks and what is found; writes verdicts down and tells whoever acts
 * on them.
 * @module
 */
import { type Clock, type Logger, StatusCode, StatusError } from "@denvoy/base";
import type { Assignment, AssignmentPolicy } from "./domain/assignment.ts";
import { targetKey } from "./domain/assignment.ts";
import type { CheckedCluster, ClusterSource } from "./domain/checked_cluster.ts";
import { ClusterPool } from "./domain/cluster_pool.ts";
import type {
  AdminOrder,
  EndpointRecord,
  HealthChange,
  StoredVerdict,
} from "./domain/endpoint_record.ts";
import type { ServedHealth } from "./domain/endpoint_reader.ts";
import { HealthTable } from "./domain/health_table.ts";
import type { ReportedHealth } from "./domain/prober_report.ts";
import type { HealthStore } from "./domain/store.ts";
import type { VerdictSettings } from "./domain/verdict_settings.ts";
import { type Arrival, Fleet, type FleetSession } from "./fleet.ts";

/** What health control works with. */
export interface HealthControlOptions {
  /** How endpoints are given to Envoys. */
  readonly policy: AssignmentPolicy;
  /** How verdicts are reached. */
  readonly verdicts: VerdictSettings;
  /** Sources of clusters that must have spoken before Envoys are told anything. */
  readonly sources: readonly ClusterSource[];
  /** What lasts. */
  readonly store: HealthStore;
  /** Time. */
  readonly clock: Clock;
  /** Where changes are logged. */
  readonly logger: Logger;
}

/** What has changed. */
export interface HealthUpdate {
  /** Changed verdicts, in order. */
  readonly changes: readonly HealthChange[];
  /** Endpoints that are checked no more, with what they were. */
  readonly removed: readonly EndpointRecord[];
  /** Endpoints that are new; some come with a verdict from before a restart. */
  readonly added: readonly EndpointRecord[];
}

/** The whole of health discovery, without its edges. */
export class HealthControl implements Disposable {
  /** What is checked. */
  readonly pool: ClusterPool;
  /** What is found. */
  readonly table: HealthTable;
  /** Who checks. */
  readonly fleet: Fleet;
  /** What lasts. */
  readonly store: HealthStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #epochMs: number;
  readonly #listeners = new Set<(update: HealthUpdate) => void>();
  readonly #servedListeners = new Set<(served: readonly ServedHealth[]) => void>();
  readonly #orders: Map<string, AdminOrder>;
  readonly #restored: Map<string, StoredVerdict>;
  /** Verdicts that could not be written down. */
  readonly #unsaved = new Set<EndpointRecord>();

  /** Begins with what the store holds. */
  constructor(options: HealthControlOptions) {
    const { clock, store, verdicts, policy, logger } = options;
    this.#clock = clock;
    this.#logger = logger;
    this.#epochMs = clock.nowMs() - clock.monotonicMs();
    this.store = store;
    this.pool = new ClusterPool(options.sources);
    this.table = new HealthTable(verdicts);
    this.#orders = new Map(
      store.orders().map(({ cluster, address, order }) => [
        targetKey(cluster, address),
        order,
      ]),
    );
    this.#restored = new Map(
      store.verdicts().map((verdict) => [
        targetKey(verdict.cluster, verdict.address),
        verdict,
      ]),
    );
    this.fleet = new Fleet({
      policy,
      verdicts,
      clock,
      logger,
      clusters: () => this.pool.isComplete ? this.pool.clusters : undefined,
      onAssignment: (assignment) => this.#onAssignment(assignment),
      nowMs: () => this.nowMs(),
    });
  }

  /** Milliseconds since the epoch that never step back while the process runs. */
  nowMs(): number {
    return this.#epochMs + this.#clock.monotonicMs();
  }

  /** Calls `listener` with each update until what it returns is called. */
  listen(listener: (update: HealthUpdate) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls `listener` with what a control plane serves, until what it returns is called. */
  listenServed(listener: (served: readonly ServedHealth[]) => void): () => void {
    this.#servedListeners.add(listener);
    return () => this.#servedListeners.delete(listener);
  }

  /** A control plane has begun to serve this: where it differs from verdicts, it has lost them. */
  tellServed(served: readonly ServedHealth[]): void {
    for (const listener of this.#servedListeners) listener(served);
  }

  /** Takes over all clusters of a source. */
  setClusters(source: ClusterSource, clusters: ReadonlyMap<string, CheckedCluster>): void {
    if (this.pool.set(source, clusters)) this.#poolChanged();
  }

  /** Takes over what host names stand for. */
  setNames(names: ReadonlyMap<string, string>): void {
    this.pool.setNames(names);
    this.#poolChanged();
  }

  /** An Envoy begins a stream, or to poll. */
  join(arrival: Arrival, options: { readonly polls?: boolean } = {}): FleetSession {
    const session = this.fleet.join(arrival, options);
    this.table.beginStream(session.prober.name, this.nowMs());
    return session;
  }

  /** An Envoy reports; undefined when it says the same as before. */
  report(session: FleetSession, reported: Iterable<ReportedHealth> | undefined): void {
    const { name } = session.prober;
    session.heard();
    if (reported === undefined) this.table.repeatReport(name, this.nowMs());
    else this.table.report(name, reported, this.nowMs());
    this.#flush();
  }

  /** Does what time brings; call it at least once in a report interval. */
  tick(): void {
    this.fleet.tick();
    this.table.tick(this.nowMs());
    this.#flush();
    if (this.#unsaved.size > 0) this.#save([], []);
  }

  /**
   * Keeps an order of people, or with undefined takes it back.
   * @throws StatusError NOT_FOUND when there is no such endpoint, UNAVAILABLE when it cannot be kept
   */
  setOrder(
    { cluster, address }: Pick<EndpointRecord, "cluster" | "address">,
    order: AdminOrder | undefined,
  ): EndpointRecord {
    const record = this.table.get(cluster, address);
    if (record === undefined) {
      const message = `endpoint "${address}" of cluster "${cluster}" is not checked`;
      throw new StatusError(StatusCode.NOT_FOUND, message);
    }
    this.store.setOrder({ cluster, address, order });
    if (order === undefined) this.#orders.delete(record.key);
    else this.#orders.set(record.key, order);
    this.table.setOrder(record, order, this.nowMs());
    this.#flush();
    return record;
  }

  /**
   * Takes over what other replicas have written to the store: orders, and with `verdicts` verdicts
   * also, in place of its own.
   */
  adopt({ verdicts }: { readonly verdicts: boolean }): void {
    if (verdicts) this.#adoptVerdicts();
    const { store } = this;
    const orders = new Map(
      store.orders().map(({ cluster, address, order }) => [targetKey(cluster, address), order]),
    );
    for (const record of this.table.endpoints()) {
      const order = orders.get(record.key);
      // A verdict that was taken over comes before an order of which its writer did not know yet.
      if (!verdicts && isSameOrder(order, record.order)) continue;
      if (order === undefined && record.order === undefined) continue;
      this.table.setOrder(record, order, this.nowMs());
    }
    this.#orders.clear();
    for (const [key, order] of orders) this.#orders.set(key, order);
    this.#flush();
  }

  #adoptVerdicts(): void {
    const changes: HealthChange[] = [];
    this.#restored.clear();
    for (const verdict of this.store.verdicts()) {
      const { cluster, address, health, by, sinceMs } = verdict;
      const record = this.table.get(cluster, address);
      if (record === undefined) {
        this.#restored.set(targetKey(cluster, address), verdict);
        continue;
      }
      const before = record.health;
      this.table.restore(verdict);
      if (before === health) continue;
      changes.push({
        ...{ cluster, address, before, after: health, reason: "restored", by, atMs: sinceMs },
      });
    }
    if (changes.length === 0) return;
    for (const listener of this.#listeners) listener({ changes, added: [], removed: [] });
  }

  /** Stops assigning. */
  [Symbol.dispose](): void {
    this.fleet[Symbol.dispose]();
  }

  #poolChanged(): void {
    // A source that has not spoken yet may have the endpoints whose verdicts are known.
    if (!this.pool.isComplete) return;
    const nowMs = this.nowMs();
    const { added, removed } = this.table.setClusters(this.pool.clusters, nowMs);
    for (const record of added) {
      const verdict = this.#restored.get(record.key);
      if (verdict !== undefined) this.table.restore(verdict);
      const order = this.#orders.get(record.key);
      if (order !== undefined) this.table.setOrder(record, order, nowMs);
    }
    this.#restored.clear();
    this.fleet.changed();
    this.#flush({ added, removed });
  }

  #onAssignment(assignment: Assignment): void {
    this.table.setAssignment(assignment, this.nowMs());
    this.#flush();
  }

  #flush(
    { added, removed }: Omit<HealthUpdate, "changes"> = { added: [], removed: [] },
  ): void {
    const changes = this.table.takeChanges();
    if (changes.length + added.length + removed.length === 0) return;
    for (const { atMs: _, ...change } of changes) this.#logger.info("health changed", change);
    if (changes.length + removed.length > 0) this.#save(changes, removed);
    for (const listener of this.#listeners) listener({ changes, added, removed });
  }

  #save(changes: readonly HealthChange[], removed: readonly EndpointRecord[]): void {
    for (const { cluster, address } of changes) {
      const record = this.table.get(cluster, address);
      if (record !== undefined) this.#unsaved.add(record);
    }
    for (const record of removed) this.#unsaved.delete(record);
    try {
      this.store.write({ verdicts: [...this.#unsaved], changes, removed });
      this.#unsaved.clear();
    } catch (error) {
      this.#logger.error("cannot write verdicts down", { error });
    }
  }
}

function isSameOrder(a: AdminOrder | undefined, b: AdminOrder | undefined): boolean {
  return a?.state === b?.state && a?.who === b?.who && a?.reason === b?.reason &&
    a?.atMs === b?.atMs;
}
