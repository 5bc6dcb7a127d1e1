// SPDX-License-Identifier: Apache-2.0
/**
 * Who wants to hear of events. A listener that throws keeps nobody else from hearing, and not the
 * change that it is told of from having happened.
 * @module
 */
import type { Logger } from "@denvoy/base";

/** Listeners of one kind of event. */
export class EventListeners<E> {
  readonly #logger: Logger;
  readonly #listeners = new Set<(event: E) => void>();

  /** What a listener throws is logged, as it is a mistake of ours. */
  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Adds a listener; the returned function takes it away. */
  add(listener: (event: E) => void): () => void {
    // A function of its own, so that the same listener may be added twice.
    const own = (event: E) => listener(event);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Tells all, in the order in which they came; never throws. */
  tell(event: E): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#logger.error("listener failed", { error });
      }
    }
  }
}
