// SPDX-License-Identifier: Apache-2.0
/**
 * Tells readiness and grpc.health.v1 how the store of counters is. A store that has never counted
 * or is being warmed up keeps the service from being ready; one that fails later is degraded, as all replicas would be gone
 * at once otherwise, and each limit has a policy for it, unless readiness is to follow the store.
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
  /**
   * Runs once, when the store first counts; it is not ready before that has ended. Must end by itself
   * and not reject. @default nothing needs warming up
   */
  readonly warmUp?: () => Promise<void>;
  /** The service is not ready whenever the store does not count, also later. @default false */
  readonly readyFollows?: boolean;
}

const LOOK_MS = 500;

/** Looks at the store until it is disposed of. */
export class StoreWatch implements Disposable {
  readonly #parts: StoreWatchParts;
  #timer: Timer | undefined;
  #wasServing = false;
  #warmth: "cold" | "warming" | "warm";
  #ended = false;

  /** Looks at once. */
  constructor(parts: StoreWatchParts) {
    this.#parts = parts;
    this.#warmth = parts.warmUp === undefined ? "warm" : "cold";
    this.#look();
  }

  /** Looks no more. */
  [Symbol.dispose](): void {
    this.#ended = true;
    this.#timer?.cancel();
  }

  #look(): void {
    const { store, clock, onServing } = this.#parts;
    const health = this.#warmed(store.health());
    this.#tell(health);
    onServing(health.kind === "serving");
    this.#timer = clock.after(LOOK_MS, () => this.#look());
  }

  /** A store that counts for the first time is warmed up before that is told. */
  #warmed(health: StoreHealth): StoreHealth {
    if (this.#warmth === "warm" || health.kind === "failing") return health;
    if (this.#warmth === "cold") {
      this.#warmth = "warming";
      this.#parts.warmUp?.().finally(() => this.#nowWarm());
    }
    return { kind: "failing", why: "is being warmed up" };
  }

  #nowWarm(): void {
    this.#warmth = "warm";
    if (this.#ended) return;
    this.#timer?.cancel();
    this.#look();
  }

  #tell(state: StoreHealth): void {
    const { health, readyFollows = false } = this.#parts;
    if (state.kind === "serving") {
      this.#wasServing = true;
      health.ok();
    } else if (this.#wasServing && !readyFollows) health.degraded(state.why);
    else health.failed(state.why);
  }
}
