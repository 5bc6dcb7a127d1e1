// SPDX-License-Identifier: Apache-2.0
/**
 * Events on their way to one watcher: a bounded queue that ends the watch when it is full.
 * @module
 */
import type { WatchEvent } from "./response.ts";

/** Events that wait for a watcher at most, beside those that it began with. */
const MAX_WAITING = 1000;

/** A queue with one reader. */
export class EventQueue implements AsyncIterable<WatchEvent> {
  readonly #waiting: WatchEvent[] = [];
  #limit = MAX_WAITING;
  #wake: (() => void) | undefined;
  #ended = false;
  #release: () => void = () => {};

  /** Adds an event that the watch begins with; it does not count toward the bound. */
  preload(event: WatchEvent): void {
    this.#waiting.push(event);
    this.#limit++;
  }

  /** Adds an event; the one that is too many is replaced by `overflow` and ends the watch. */
  push(event: WatchEvent): void {
    if (this.#ended) return;
    if (this.#waiting.length < this.#limit) this.#waiting.push(event);
    else {
      const message = "the watcher was too slow: watch again with from";
      this.#waiting.push({ event: "overflow", data: { message } });
      this.#end();
    }
    this.#wake?.();
  }

  /** Calls `release` once, when the watch ends for whatever reason. */
  onEnd(release: () => void): void {
    this.#release = release;
  }

  /** See {@linkcode AsyncIterable}; leaving the loop ends the watch. */
  [Symbol.asyncIterator](): AsyncIterator<WatchEvent> {
    return {
      next: () => this.#next(),
      return: () => {
        this.#end();
        this.#waiting.length = 0;
        this.#wake?.();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  async #next(): Promise<IteratorResult<WatchEvent>> {
    while (this.#waiting.length === 0) {
      if (this.#ended) return { done: true, value: undefined };
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const event = this.#waiting.shift();
    return event === undefined ? { done: true, value: undefined } : { done: false, value: event };
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#release();
  }
}
