// SPDX-License-Identifier: Apache-2.0
/**
 * Tells readiness and grpc.health.v1 how the store of counters is. A store that has never counted
 * keeps the service from being ready; one that fails later is degraded, as all replicas would be gone
 * at once otherwise, and each limit has a policy for it.
 * @module
 */
import type { Clock, Timer } from "@denvoy/base";
import type { ComponentHealth } from "@denvoy/runtime";
import type { CounterStore, StoreHealth } from "./domain/counter_store.ts";

/** What is watched and who is told. */
export interface StoreWatchParts {
  /** The store. */
  readonly store: Pick<CounterStore, "health">;
  /** Readiness. */
  readonly health: ComponentHealth;
  /** Timers. */
  readonly clock: Pick<Clock, "after">;
  /** Is told when it counts and when it does not; for gRPC health. */
  readonly onServing: (serving: boolean) => void;
}

const LOOK_MS = 500;

/** Looks at the store until it is disposed of. */
export class StoreWatch implements Disposable {
  readonly #parts: StoreWatchParts;
  #timer: Timer | undefined;
  #wasServing = false;

  /** Looks at once. */
  constructor(parts: StoreWatchParts) {
    this.#parts = parts;
    this.#look();
  }

  /** Looks no more. */
  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const { store, clock, onServing } = this.#parts;
    const health = store.health();
    this.#tell(health);
    onServing(health.kind === "serving");
    this.#timer = clock.after(LOOK_MS, () => this.#look());
  }

  #tell(state: StoreHealth): void {
    const { health } = this.#parts;
    if (state.kind === "serving") {
      this.#wasServing = true;
      health.ok();
    } else if (this.#wasServing) health.degraded(state.why);
    else health.failed(state.why);
  }
}
