// SPDX-License-Identifier: Apache-2.0
/**
 * Deadlines of many calls on one timer: setting and clearing one costs no timer of its own.
 * @module
 */

/** What has a deadline. */
export interface Expiring {
  /** Called once, at the deadline or at most {@linkcode DEADLINE_TICK_MS} later. */
  expire(): void;
}

/** How late a deadline may be kept. */
export const DEADLINE_TICK_MS = 8;

/** Deadlines of one server. */
export class Deadlines {
  readonly #ticks = new Map<number, Set<Expiring>>();
  #timer: ReturnType<typeof setInterval> | undefined = undefined;
  #done = tickOf(Date.now());

  /** Sets a deadline and returns what {@linkcode clear} needs. */
  set(call: Expiring, deadlineMs: number): number {
    if (this.#ticks.size === 0) this.#start();
    const tick = Math.max(tickOf(deadlineMs), this.#done) + 1;
    const calls = this.#ticks.get(tick);
    if (calls === undefined) this.#ticks.set(tick, new Set([call]));
    else calls.add(call);
    return tick;
  }

  /** Forgets a deadline. */
  clear(call: Expiring, tick: number): void {
    const calls = this.#ticks.get(tick);
    if (calls === undefined) return;
    calls.delete(call);
    if (calls.size > 0) return;
    this.#ticks.delete(tick);
    if (this.#ticks.size === 0) this.#stop();
  }

  #start(): void {
    this.#done = tickOf(Date.now());
    this.#timer = setInterval(() => this.#tick(), DEADLINE_TICK_MS);
    Deno.unrefTimer(this.#timer);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The ticks are few when time jumps far: those set are walked, not those that passed. */
  #tick(): void {
    const now = tickOf(Date.now());
    if (now - this.#done > this.#ticks.size) {
      for (const tick of [...this.#ticks.keys()]) if (tick <= now) this.#expire(tick);
    } else {
      for (let tick = this.#done + 1; tick <= now; tick++) this.#expire(tick);
    }
    this.#done = Math.max(this.#done, now);
    if (this.#ticks.size === 0) this.#stop();
  }

  #expire(tick: number): void {
    const calls = this.#ticks.get(tick);
    this.#ticks.delete(tick);
    for (const call of calls ?? []) call.expire();
  }
}

function tickOf(ms: number): number {
  return Math.floor(ms / DEADLINE_TICK_MS);
}
