// SPDX-License-Identifier: Apache-2.0
/**
 * Counts in this process: exact, at once, and never with more than a given number of counters. What
 * has run out makes room first; then the counter that would run out next, as it forgets the least.
 * @module
 */
import { chargeCounters, chargeOne } from "../domain/algorithms/charge_counters.ts";
import type { Counter } from "../domain/algorithms/counter.ts";
import { counterKeyText } from "../domain/counter_key.ts";
import { FixedWindow } from "../domain/algorithms/fixed_window.ts";
import { SlidingWindow } from "../domain/algorithms/sliding_window.ts";
import { TokenBucket } from "../domain/algorithms/token_bucket.ts";
import type {
  Charge,
  Charged,
  ChargeOptions,
  ChargeRequest,
  CounterStore,
  StoreHealth,
  StoreServer,
} from "../domain/counter_store.ts";
import { type Expiring, ExpiryHeap } from "./expiry_heap.ts";

/** Settings of a {@linkcode MemoryCounterStore}. */
export interface MemoryCounterStoreOptions {
  /** Most counters, at least 1; a million take about 300 MB. @default 500000 */
  readonly maxCounters?: number;
}

/** One counter with its place in the table. Counters of one key form a chain, usually of one. */
class Cell implements Expiring {
  readonly key: string;
  readonly kind: Charge["algorithm"]["kind"];
  readonly windowSeconds: number;
  counter: Counter;
  next: Cell | undefined;

  constructor(
    { algorithm, windowSeconds }: Charge,
    { key, next }: { readonly key: string; readonly next: Cell | undefined },
  ) {
    this.key = key;
    this.kind = algorithm.kind;
    this.windowSeconds = windowSeconds;
    this.counter = newCounter(algorithm.kind, windowSeconds);
    this.next = next;
  }

  expiresAtMs(): number {
    return this.counter.expiresAtMs();
  }
}

/** Counts in memory; answers without a promise and never fails. */
export class MemoryCounterStore implements CounterStore {
  readonly #maxCounters: number;
  readonly #cells = new Map<string, Cell>();
  readonly #expiry = new ExpiryHeap<Cell>();
  #evicted = 0;

  /** An empty store. */
  constructor({ maxCounters = 500_000 }: MemoryCounterStoreOptions = {}) {
    this.#maxCounters = Math.max(1, maxCounters);
  }

  /** How many counters it holds, those included that have run out and were not in the way yet. */
  get size(): number {
    return this.#expiry.size;
  }

  /** How many counters were forgotten before they ran out, since the start. */
  get evicted(): number {
    return this.#evicted;
  }

  /** Charges at once. */
  charge({ charges, atomic }: ChargeRequest, { nowMs }: ChargeOptions): readonly Charged[] {
    const [first] = charges;
    if (charges.length === 1 && first !== undefined && atomic !== "all-or-nothing") {
      return [chargeOne(first, this.#counter(first, nowMs), nowMs)];
    }
    const counters = charges.map((charge) => {
      const counter = this.#counter(charge, nowMs);
      // Settled, it has not run out, and does not make room for the next one.
      counter.settle(charge, nowMs);
      return counter;
    });
    return chargeCounters(charges, counters, { atomic, nowMs });
  }

  /** Reads at once; a key that was never charged takes no room. */
  read(charges: readonly Charge[], { nowMs }: ChargeOptions): readonly Charged[] {
    return charges.map((charge) => {
      const asked = { ...charge, hits: 0, refund: false };
      const counter = this.#find(charge)?.counter ??
        newCounter(charge.algorithm.kind, charge.windowSeconds);
      return chargeOne(asked, counter, nowMs);
    });
  }

  /** Empties at once. */
  reset(charges: readonly Charge[], options: ChargeOptions): readonly Charged[] {
    for (const charge of charges) {
      const cell = this.#find(charge);
      if (cell === undefined) continue;
      cell.counter.settle(charge, options.nowMs);
      cell.counter.refund({ ...charge, hits: Number.MAX_SAFE_INTEGER });
    }
    return this.read(charges, options);
  }

  /** It always counts. */
  health(): StoreHealth {
    return { kind: "serving" };
  }

  /** There are none. */
  servers(): readonly StoreServer[] {
    return [];
  }

  /** Forgets everything. */
  close(): Promise<void> {
    this.#cells.clear();
    while (this.#expiry.popFirst() !== undefined);
    return Promise.resolve();
  }

  #counter(charge: Charge, nowMs: number): Counter {
    const found = this.#find(charge);
    return found === undefined ? this.#create(charge, nowMs) : found.counter;
  }

  #find(charge: Charge): Cell | undefined {
    let cell = this.#cells.get(counterKeyText(charge.key));
    while (cell !== undefined && !isFor(cell, charge)) cell = cell.next;
    return cell;
  }

  #create(charge: Charge, nowMs: number): Counter {
    this.#makeRoom(nowMs);
    const key = counterKeyText(charge.key);
    const cell = new Cell(charge, { key, next: this.#cells.get(key) });
    this.#cells.set(key, cell);
    // Its place among what runs out depends on the present.
    cell.counter.settle(charge, nowMs);
    this.#expiry.push(cell);
    return cell.counter;
  }

  #makeRoom(nowMs: number): void {
    // Two for each that comes: what has run out is gone long before the table is full.
    for (let n = 0; n < 2; n++) {
      const expired = this.#expiry.popExpired(nowMs);
      if (expired === undefined) break;
      this.#remove(expired);
    }
    if (this.#expiry.size < this.#maxCounters) return;
    const first = this.#expiry.popFirst();
    if (first === undefined) return;
    this.#remove(first);
    this.#evicted++;
  }

  #remove(cell: Cell): void {
    const head = this.#cells.get(cell.key);
    if (head === cell) {
      if (cell.next === undefined) this.#cells.delete(cell.key);
      else this.#cells.set(cell.key, cell.next);
      return;
    }
    let before = head;
    while (before !== undefined && before.next !== cell) before = before.next;
    if (before !== undefined) before.next = cell.next;
  }
}

function isFor(cell: Cell, charge: Charge): boolean {
  return cell.windowSeconds === charge.windowSeconds && cell.kind === charge.algorithm.kind;
}

function newCounter(kind: Charge["algorithm"]["kind"], windowSeconds: number): Counter {
  switch (kind) {
    case "fixed-window":
      return new FixedWindow(windowSeconds);
    case "token-bucket":
      return new TokenBucket(windowSeconds);
    case "sliding-window":
    case "concurrency":
      return new SlidingWindow(windowSeconds);
  }
}
