// SPDX-License-Identifier: Apache-2.0
/**
 * Charges of fixed windows that go to Redis in one script call: a key stands there once, however many
 * requests share it, and what most keys have in common, one hit and a length of the window, is said once
 * for all of them.
 * @module
 */
import type { ScriptCall } from "@denvoy/redis";
import type { Charge } from "../domain/counter_store.ts";
import { beganTogether } from "../domain/window.ts";

/** A counter by its name in Redis, at a time of the wall clock. */
interface NamedAt {
  readonly name: string;
  readonly nowMs: number;
}

/** Charges for one call; first filled, then asked what each of them came to. */
export class FixedWindowCharges {
  readonly #timeToLive: (windowSeconds: number) => number;
  readonly #placeByName = new Map<string, number>();
  readonly #names: string[] = [];
  /** Of each name the seconds of its window; negative where a shorter one may have begun it. */
  readonly #windows: number[] = [];
  readonly #hits: number[] = [];
  /** Of each charge the place of its name, and the hits up to and with it. */
  readonly #places: number[] = [];
  readonly #upTo: number[] = [];
  /** Where the script's answer has each name. */
  #answerAt = new Int32Array(0);

  /** No charges; `timeToLive` gives the seconds that a counter of a window is kept. */
  constructor(timeToLive: (windowSeconds: number) => number) {
    this.#timeToLive = timeToLive;
  }

  /** How many counters are charged. */
  get size(): number {
    return this.#names.length;
  }

  /** Adds a charge at `nowMs` to a counter by its name in Redis. */
  add({ hits, windowSeconds }: Charge, { name, nowMs }: NamedAt): void {
    const found = this.#placeByName.get(name);
    const upTo = found === undefined ? NaN : (this.#hits[found] ?? 0) + hits;
    if (found !== undefined && Number.isSafeInteger(upTo)) {
      this.#hits[found] = upTo;
      this.#lengthen(found, { windowSeconds, nowMs });
      this.#places.push(found);
      this.#upTo.push(upTo);
      return;
    }
    const place = this.#names.push(name) - 1;
    this.#placeByName.set(name, place);
    this.#windows.push(signed(windowSeconds, nowMs));
    this.#hits.push(hits);
    this.#places.push(place);
    this.#upTo.push(hits);
  }

  /** Returns what the script for fixed windows is called with. */
  call(): ScriptCall {
    const single = new Map<number, number[]>();
    const others: number[] = [];
    for (let place = 0; place < this.#names.length; place++) {
      (this.#hits[place] === 1 ? this.#placesOf(place, single) : others).push(place);
    }
    const keys: string[] = [];
    const args: number[] = [single.size];
    this.#answerAt = new Int32Array(this.#names.length);
    for (const [windowSeconds, places] of single) {
      args.push(places.length, this.#secondsToLive(windowSeconds));
      for (const place of places) this.#take(place, keys);
    }
    for (const place of others) {
      args.push(this.#hits[place] ?? 0, this.#secondsToLive(this.#windows[place] ?? 0));
      this.#take(place, keys);
    }
    return { keys, args };
  }

  /** Returns the count after the nth charge from the script's answer, or what stands there instead. */
  countAfter(nth: number, answer: readonly unknown[]): unknown {
    const place = this.#places[nth] ?? -1;
    const count = answer[this.#answerAt[place] ?? -1];
    // The count at the end of the call, less what was added after this charge.
    const later = (this.#hits[place] ?? 0) - (this.#upTo[nth] ?? 0);
    return typeof count === "number" ? count - later : count;
  }

  #lengthen(
    place: number,
    { windowSeconds, nowMs }: { readonly windowSeconds: number; readonly nowMs: number },
  ): void {
    if (windowSeconds <= Math.abs(this.#windows[place] ?? 0)) return;
    this.#windows[place] = signed(windowSeconds, nowMs);
  }

  #secondsToLive(window: number): number {
    return window < 0 ? -this.#timeToLive(-window) : this.#timeToLive(window);
  }

  #placesOf(place: number, single: Map<number, number[]>): number[] {
    const windowSeconds = this.#windows[place] ?? 0;
    let places = single.get(windowSeconds);
    if (places === undefined) {
      places = [];
      single.set(windowSeconds, places);
    }
    return places;
  }

  #take(place: number, keys: string[]): void {
    this.#answerAt[place] = keys.push(this.#names[place] ?? "") - 1;
  }
}

function signed(windowSeconds: number, nowMs: number): number {
  return beganTogether(nowMs, windowSeconds) ? -windowSeconds : windowSeconds;
}
