// SPDX-License-Identifier: Apache-2.0
/**
 * What happens, as it happens, for whoever watches: revisions, endpoints that come and go, rollouts.
 * The last events are kept, so that a watcher that was away for a moment misses nothing.
 * @module
 */
import type { EndpointHealth } from "./registration.ts";
import type { Revision } from "./revision.ts";
import type { RolloutStatus } from "./rollout.ts";

/** Something that happened. */
export type ChangeEvent =
  | { readonly kind: "revision"; readonly revision: Revision }
  | {
    readonly kind: "endpoint";
    readonly what: "registered" | "deregistered" | "expired";
    readonly cluster: string;
    readonly id: string;
  }
  | {
    readonly kind: "health";
    readonly cluster: string;
    /** `address:port`. */
    readonly socket: string;
    readonly health: EndpointHealth;
  }
  | { readonly kind: "rollout"; readonly id: string; readonly status: RolloutStatus };

/** An event with its place in the order of events. */
export interface LoggedEvent {
  /** Counts up from 1 since the process started. */
  readonly sequence: number;
  /** When, in milliseconds since the epoch. */
  readonly atMs: number;
  /** What happened. */
  readonly event: ChangeEvent;
}

/** Called for each event, in order; must not throw and must not write. */
export type ChangeListener = (event: LoggedEvent) => void;

/** The last events and those who want the next ones. */
export class ChangeLog {
  readonly #capacity: number;
  readonly #events: LoggedEvent[] = [];
  readonly #listeners = new Set<ChangeListener>();
  #sequence = 0;

  /** Keeps the last `capacity` events. */
  constructor(capacity = 10_000) {
    this.#capacity = capacity;
  }

  /** Sequence of the newest event; 0 when there was none. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Adds an event and tells everybody. */
  add(event: ChangeEvent, atMs: number): void {
    const logged = { sequence: ++this.#sequence, atMs, event };
    this.#events.push(logged);
    // Dropping in halves makes adding cheap on average.
    if (this.#events.length >= this.#capacity * 2) this.#events.splice(0, this.#capacity);
    for (const listener of this.#listeners) listener(logged);
  }

  /** Returns the events after `sequence`; undefined when some of them are no longer kept. */
  since(sequence: number): readonly LoggedEvent[] | undefined {
    const first = this.#events[0]?.sequence ?? this.#sequence + 1;
    if (sequence + 1 < first) return undefined;
    return this.#events.slice(sequence + 1 - first);
  }

  /** Calls `listener` for each later event until the returned function is called. */
  listen(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
