// SPDX-License-Identifier: Apache-2.0
/**
 * Who has something to do when, to the tenth of a second: adding costs the same however many wait.
 * @module
 */

/** Something with a next moment. */
export interface Timed {
  /** Does what is due by `nowMs`; returns when to come again, undefined for never. */
  due(nowMs: number): number | undefined;
}

const SLOT_MS = 100;

/** Entries by their moment. */
export class QuotaCalendar {
  readonly #slots = new Map<number, Timed[]>();

  /** Whether nobody waits. */
  get isEmpty(): boolean {
    return this.#slots.size === 0;
  }

  /** Has `item` come due at the first tick at or after `atMs`. */
  add(item: Timed, atMs: number): void {
    const slot = Math.ceil(atMs / SLOT_MS);
    const others = this.#slots.get(slot);
    if (others === undefined) this.#slots.set(slot, [item]);
    else others.push(item);
  }

  /** Has everything done that is due by `nowMs`. What is added meanwhile waits for the next tick. */
  tick(nowMs: number): void {
    const passed = Math.floor(nowMs / SLOT_MS);
    const slots = [...this.#slots.keys()].filter((slot) => slot <= passed).sort((a, b) => a - b);
    const items = slots.flatMap((slot) => this.#slots.get(slot) ?? []);
    for (const slot of slots) this.#slots.delete(slot);
    for (const item of items) {
      const nextMs = item.due(nowMs);
      if (nextMs !== undefined) this.add(item, Math.max(nextMs, nowMs + SLOT_MS));
    }
  }
}
