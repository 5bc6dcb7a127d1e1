// SPDX-License-Identifier: Apache-2.0
/**
 * The rollouts that are under way and those settled last, and which of them a delivery concerns.
 * @module
 */
import type { ResourceKey } from "@denvoy/xds";
import type { SlotEdit } from "./catalog.ts";
import type { NodeSelector } from "./node_selector.ts";
import { type RolloutEvent, type RolloutState, stepRollout } from "./rollout.ts";
import { keyText, type SlotRef, slotText } from "./slot.ts";

/** A change that goes to some nodes first. */
export interface RolloutRecord {
  /** Unique, e.g. `rollout-12`. */
  readonly id: string;
  /** Who started it. */
  readonly who: string;
  /** One line for people. */
  readonly summary: string;
  /** The nodes that go first. */
  readonly audience: NodeSelector;
  /** What is applied when it goes on. */
  readonly edits: readonly SlotEdit[];
  /** Where it stands. */
  readonly state: RolloutState;
  /** The revision that it became. */
  readonly revision?: number;
}

/** Settled rollouts that are kept for reading. */
const MAX_SETTLED = 100;

/** All rollouts in memory. */
export class Rollouts {
  readonly #records = new Map<string, RolloutRecord>();
  /** Rollouts under way by the text of each key that they await. */
  readonly #awaited = new Map<string, string>();
  /** Rollouts under way by the text of each slot that they change. */
  readonly #slots = new Map<string, string>();

  /** Adds a rollout or replaces it with a later state of itself. */
  put(record: RolloutRecord): void {
    this.#records.delete(record.id);
    this.#records.set(record.id, record);
    const active = record.state.status.kind === "canary";
    const keys = Object.keys(record.state.awaited);
    setOrDelete(this.#awaited, keys, { id: record.id, present: active });
    setOrDelete(this.#slots, record.edits.map(slotText), { id: record.id, present: active });
    if (!active) this.#forgetOldest();
  }

  /** Forgets all. */
  clear(): void {
    this.#records.clear();
    this.#awaited.clear();
    this.#slots.clear();
  }

  /** Returns a rollout. */
  get(id: string): RolloutRecord | undefined {
    return this.#records.get(id);
  }

  /** Returns all, the one that changed last at the end. */
  list(): readonly RolloutRecord[] {
    return [...this.#records.values()];
  }

  /** Returns those under way. */
  active(): readonly RolloutRecord[] {
    if (this.#slots.size === 0) return [];
    return this.list().filter(({ state }) => state.status.kind === "canary");
  }

  /** Returns the rollout under way that changes a slot. */
  changing(slot: SlotRef): RolloutRecord | undefined {
    return this.#records.get(this.#slots.get(slotText(slot)) ?? "");
  }

  /** Returns the rollout under way that awaits a key. */
  awaiting(key: ResourceKey): RolloutRecord | undefined {
    if (this.#awaited.size === 0) return undefined;
    return this.#records.get(this.#awaited.get(keyText(key)) ?? "");
  }

  /** Returns the rollout after an event; undefined when that changes nothing. */
  step(id: string, event: RolloutEvent, nowMs: number): RolloutRecord | undefined {
    const record = this.#records.get(id);
    if (record === undefined) return undefined;
    const state = stepRollout(record.state, { event, nowMs });
    return state === record.state ? undefined : { ...record, state };
  }

  #forgetOldest(): void {
    const settled = this.list().filter(({ state }) => state.status.kind !== "canary");
    for (const { id } of settled.slice(0, -MAX_SETTLED)) this.#records.delete(id);
  }
}

function setOrDelete(
  map: Map<string, string>,
  keys: readonly string[],
  { id, present }: { id: string; present: boolean },
): void {
  for (const key of keys) {
    if (present) map.set(key, id);
    else if (map.get(key) === id) map.delete(key);
  }
}
