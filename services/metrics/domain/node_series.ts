// SPDX-License-Identifier: Apache-2.0
/**
 * The values of one node's series, in columns: a node has thousands of them, a fleet hundreds of
 * thousands, and an object for each would cost several times as much.
 * @module
 */
import { DistributionState } from "./histogram_state.ts";
import type { Series } from "./series.ts";

const FIRST_CAPACITY = 64;

/** A table of values; a row is called a slot. */
export class NodeSeries {
  readonly #slots = new Map<number, number>();
  readonly #free: number[] = [];
  readonly #distributions = new Map<number, DistributionState>();
  #series: (Series | undefined)[] = [];
  #last = new Float64Array(FIRST_CAPACITY);
  #before = new Float64Array(FIRST_CAPACITY);
  #flush = new Uint32Array(FIRST_CAPACITY);

  /** How many series there are. */
  get size(): number {
    return this.#slots.size;
  }

  /** Slots below this number may hold a series. */
  get slots(): number {
    return this.#series.length;
  }

  /** Returns the slot of a series, or -1. */
  slotOf(series: Series): number {
    return this.#slots.get(series.index) ?? -1;
  }

  /** Returns the series in a slot; undefined when it is free. */
  seriesAt(slot: number): Series | undefined {
    return this.#series[slot];
  }

  /** Adds a series, which has none yet, with value 0. */
  add(series: Series): number {
    const slot = this.#free.pop() ?? this.#series.length;
    if (slot >= this.#last.length) this.#grow();
    this.#series[slot] = series;
    this.#slots.set(series.index, slot);
    this.#last[slot] = 0;
    this.#before[slot] = 0;
    this.#flush[slot] = 0;
    return slot;
  }

  /** Removes what is in a slot. */
  remove(slot: number): void {
    const series = this.#series[slot];
    if (series === undefined) return;
    this.#slots.delete(series.index);
    this.#distributions.delete(slot);
    this.#series[slot] = undefined;
    this.#free.push(slot);
  }

  /** The value that was reported last. */
  last(slot: number): number {
    return this.#last[slot] ?? 0;
  }

  /** What earlier processes of the node counted; in delta mode, all that was counted. */
  before(slot: number): number {
    return this.#before[slot] ?? 0;
  }

  /** The number of the flush that brought the value last; 0 for none since it was forgotten. */
  flush(slot: number): number {
    return this.#flush[slot] ?? 0;
  }

  /** Sets what was reported last, and when. */
  setLast(slot: number, value: number, flush: number): void {
    this.#last[slot] = value;
    this.#flush[slot] = flush;
  }

  /** Adds to what earlier processes counted. */
  addBefore(slot: number, value: number): void {
    this.#before[slot] = (this.#before[slot] ?? 0) + value;
  }

  /** Marks a slot as brought by a flush. */
  touch(slot: number, flush: number): void {
    this.#flush[slot] = flush;
  }

  /** Returns the totals of a histogram or summary. */
  distribution(slot: number): DistributionState {
    let state = this.#distributions.get(slot);
    if (state === undefined) {
      state = new DistributionState();
      this.#distributions.set(slot, state);
    }
    return state;
  }

  /** A copy of the values that were reported last. */
  copyLast(): Float64Array {
    return this.#last.slice(0, this.#series.length);
  }

  #grow(): void {
    const capacity = this.#last.length * 2;
    this.#last = copyInto(new Float64Array(capacity), this.#last);
    this.#before = copyInto(new Float64Array(capacity), this.#before);
    const flush = new Uint32Array(capacity);
    flush.set(this.#flush);
    this.#flush = flush;
  }
}

function copyInto(
  target: Float64Array<ArrayBuffer>,
  source: Float64Array,
): Float64Array<ArrayBuffer> {
  target.set(source);
  return target;
}
