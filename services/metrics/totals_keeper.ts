// SPDX-License-Identifier: Apache-2.0
/**
 * Writes totals down as time goes by, a few nodes at a time, and all of them at the end.
 * @module
 */
import type { Logger } from "@denvoy/base";
import type { ComponentHealth } from "@denvoy/runtime";
import type { Fleet } from "./domain/fleet.ts";
import type { NodeMetrics } from "./domain/node_metrics.ts";
import { restoreTotals, type TotalsStore } from "./domain/totals.ts";

/** What a keeper works with. */
export interface TotalsKeeperOptions {
  /** Whose totals. */
  readonly fleet: Fleet;
  /** Where to. */
  readonly store: TotalsStore;
  /** How often each node is written. */
  readonly saveMs: number;
  /** Told how the store is. */
  readonly health: ComponentHealth;
  /** Where failures are logged. */
  readonly logger: Logger;
}

/** Nodes that are written at once at most, so that nobody waits long for it. */
const NODES_AT_ONCE = 25;
/** How often nodes that are forgotten are removed. */
const SWEEP_MS = 60_000;

/** Keeps totals in a store. */
export class TotalsKeeper implements Disposable {
  readonly #options: TotalsKeeperOptions;
  readonly #savedMs = new WeakMap<NodeMetrics, number>();
  #sweptMs = 0;
  #failed = false;

  /** Puts back what the store holds. */
  constructor(options: TotalsKeeperOptions) {
    this.#options = options;
    const { fleet, store, health, logger } = options;
    let nodes = 0;
    for (const totals of store.load()) {
      const node = restoreTotals(fleet, totals);
      this.#savedMs.set(node, totals.seenMs);
      nodes++;
    }
    if (nodes > 0) logger.info("took up totals", { nodes, series: fleet.seriesCount });
    health.ok();
  }

  /** Writes what is due. Call it about once a second. */
  tick(nowMs: number): void {
    const { fleet, saveMs, store } = this.#options;
    const due = this.#changed().filter((node) => nowMs - (this.#savedMs.get(node) ?? 0) >= saveMs);
    this.#save(due.slice(0, Math.max(NODES_AT_ONCE, Math.ceil(due.length / 10))), nowMs);
    if (nowMs - this.#sweptMs < SWEEP_MS) return;
    this.#sweptMs = nowMs;
    this.#try(() => store.keep([...fleet.nodes(), ...fleet.forgotten()]));
  }

  /** Writes everything and closes the store. */
  [Symbol.dispose](): void {
    this.#save(this.#changed(), Infinity);
    this.#options.store.close();
  }

  #changed(): readonly NodeMetrics[] {
    const { fleet } = this.#options;
    const live = [...fleet.nodes()].filter((node) =>
      node.seenMs > (this.#savedMs.get(node) ?? -Infinity)
    );
    return [...live, ...fleet.forgotten()];
  }

  #save(nodes: readonly NodeMetrics[], nowMs: number): void {
    if (!this.#try(() => this.#options.store.save(nodes))) return;
    for (const node of nodes) this.#savedMs.set(node, nowMs);
  }

  #try(write: () => void): boolean {
    const { health, logger } = this.#options;
    try {
      write();
      if (this.#failed) health.ok();
      this.#failed = false;
      return true;
    } catch (error) {
      if (!this.#failed) logger.error("cannot write totals down", { error });
      this.#failed = true;
      health.degraded(error instanceof Error ? error.message : String(error));
      return false;
    }
  }
}
