// SPDX-License-Identifier: Apache-2.0
/**
 * Charges of fixed windows that go to Redis in one script call: a key stands there once, however many
 * requests share it, and what most keys have in common, one hit and a length of the window, is said once
 * for all of them.
 * @module
 */
import { KeyList, type ScriptCall } from "@denvoy/redis";
import type { CounterKey } from "../domain/counter_key.ts";
import type { Charge } from "../domain/counter_store.ts";
import { beganTogether, windowStart, windowSuffix } from "../domain/window.ts";

/** Counters of windows that begin and end together. */
class WindowGroup {
  readonly windowSeconds: number;
  readonly startSeconds: number;
  readonly keys = new KeyList();
  /** Of each key all hits. */
  readonly hits: number[] = [];
  /** A shorter window may have begun them. */
  readonly isShared: boolean;
  readonly #suffix: string;

  constructor(windowSeconds: number, nowMs: number) {
    this.windowSeconds = windowSeconds;
    this.startSeconds = windowStart(nowMs, windowSeconds);
    this.isShared = beganTogether(nowMs, windowSeconds);
    this.#suffix = windowSuffix(this.startSeconds, windowSeconds);
  }

  /** Returns the place of a counter. */
  place({ head, entries, tail }: CounterKey): number {
    const { keys } = this;
    keys.begin();
    keys.text(head);
    for (const { key, value } of entries) {
      keys.text(key);
      keys.underscore();
      keys.text(value);
      keys.underscore();
    }
    keys.text(tail);
    keys.text(this.#suffix);
    return keys.end();
  }
}

/** Charges for one call; first filled, then asked what each of them came to. */
export class FixedWindowCharges {
  readonly #timeToLive: (windowSeconds: number) => number;
  readonly #groups: WindowGroup[] = [];
  /** Of each charge its group, its place there, and the hits up to and with it. */
  readonly #groupOf: number[] = [];
  readonly #places: number[] = [];
  readonly #upTo: number[] = [];
  /** Where the script's answer has the first key of each group. */
  readonly #firsts: number[] = [];

  /** No charges; `timeToLive` gives the seconds that a counter of a window is kept. */
  constructor(timeToLive: (windowSeconds: number) => number) {
    this.#timeToLive = timeToLive;
  }

  /** How many counters are charged. */
  get size(): number {
    return this.#groups.reduce((sum, { keys }) => sum + keys.size, 0);
  }

  /** Adds a charge that is made at `nowMs`. */
  add(charge: Charge, nowMs: number): void {
    let index = this.#groupFor(charge, nowMs);
    let place = this.#groups[index]?.place(charge.key) ?? 0;
    let upTo = (this.#groups[index]?.hits[place] ?? 0) + charge.hits;
    if (!Number.isSafeInteger(upTo)) {
      index = this.#groups.push(new WindowGroup(charge.windowSeconds, nowMs)) - 1;
      place = this.#groups[index]?.place(charge.key) ?? 0;
      upTo = charge.hits;
    }
    const group = this.#groups[index];
    if (group !== undefined) group.hits[place] = upTo;
    this.#groupOf.push(index);
    this.#places.push(place);
    this.#upTo.push(upTo);
  }

  /** Returns what the script for fixed windows is called with. */
  call(): ScriptCall {
    const args: number[] = [];
    let first = 0;
    for (const { hits, isShared, keys, windowSeconds } of this.#groups) {
      this.#firsts.push(first);
      first += keys.size;
      const seconds = this.#timeToLive(windowSeconds);
      const others = hits.flatMap((units, place) => units === 1 ? [] : [place + 1, units]);
      args.push(isShared ? -seconds : seconds, keys.size, others.length / 2, ...others);
    }
    return { keys: this.#groups.map(({ keys }) => keys), args };
  }

  /** Returns the count after the nth charge from the script's answer, or what stands there instead. */
  countAfter(nth: number, answer: readonly unknown[]): unknown {
    const [index, place] = [this.#groupOf[nth] ?? 0, this.#places[nth] ?? 0];
    const count = answer[(this.#firsts[index] ?? 0) + place];
    // The count at the end of the call, less what was added after this charge.
    const later = (this.#groups[index]?.hits[place] ?? 0) - (this.#upTo[nth] ?? 0);
    return typeof count === "number" ? count - later : count;
  }

  /** The newest group of a window, as one whose sums are full has a successor. */
  #groupFor({ windowSeconds }: Charge, nowMs: number): number {
    const startSeconds = windowStart(nowMs, windowSeconds);
    for (let index = this.#groups.length - 1; index >= 0; index--) {
      const group = this.#groups[index];
      if (group?.windowSeconds === windowSeconds && group.startSeconds === startSeconds) {
        return index;
      }
    }
    return this.#groups.push(new WindowGroup(windowSeconds, nowMs)) - 1;
  }
}
