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
  /** Where the script's answer has the first of them; known once the call is made. */
  first = 0;
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
  readonly #groupOf: WindowGroup[] = [];
  readonly #places: number[] = [];
  readonly #upTo: number[] = [];

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
    let group = this.#groupFor(charge, nowMs);
    let place = group.place(charge.key);
    let upTo = (group.hits[place] ?? 0) + charge.hits;
    if (!Number.isSafeInteger(upTo)) {
      group = this.#newGroup(charge, nowMs);
      place = group.place(charge.key);
      upTo = charge.hits;
    }
    group.hits[place] = upTo;
    this.#groupOf.push(group);
    this.#places.push(place);
    this.#upTo.push(upTo);
  }

  /** Returns what the script for fixed windows is called with. */
  call(): ScriptCall {
    const args: number[] = [];
    let first = 0;
    for (const group of this.#groups) {
      const { hits, isShared, keys, windowSeconds } = group;
      group.first = first;
      first += keys.size;
      const seconds = this.#timeToLive(windowSeconds);
      const others = hits.flatMap((units, place) => units === 1 ? [] : [place + 1, units]);
      args.push(isShared ? -seconds : seconds, keys.size, others.length / 2, ...others);
    }
    return { keys: this.#groups.map(({ keys }) => keys), args };
  }

  /** Returns the count after the nth charge from the script's answer, or what stands there instead. */
  countAfter(nth: number, answer: readonly unknown[]): unknown {
    const [group, place] = [this.#groupOf[nth], this.#places[nth] ?? 0];
    if (group === undefined) return undefined;
    const count = answer[group.first + place];
    // The count at the end of the call, less what was added after this charge.
    const later = (group.hits[place] ?? 0) - (this.#upTo[nth] ?? 0);
    return typeof count === "number" ? count - later : count;
  }

  /** The newest group of a window, as one whose sums are full has a successor. */
  #groupFor(charge: Charge, nowMs: number): WindowGroup {
    const { windowSeconds } = charge;
    const startSeconds = windowStart(nowMs, windowSeconds);
    for (let index = this.#groups.length - 1; index >= 0; index--) {
      const group = this.#groups[index];
      if (group?.windowSeconds === windowSeconds && group.startSeconds === startSeconds) {
        return group;
      }
    }
    return this.#newGroup(charge, nowMs);
  }

  #newGroup({ windowSeconds }: Charge, nowMs: number): WindowGroup {
    const group = new WindowGroup(windowSeconds, nowMs);
    this.#groups.push(group);
    return group;
  }
}
