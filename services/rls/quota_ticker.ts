// SPDX-License-Identifier: Apache-2.0
/**
 * Has quotas renewed and leases ended in time; rests while there are none.
 * @module
 */
import type { Clock, Timer } from "@denvoy/base";
import type { QuotaBook } from "./domain/quota_book.ts";

const TICK_MS = 100;

/** Calls `tick` of a book for as long as it has something to do. Dispose of it to stop. */
export class QuotaTicker implements Disposable {
  readonly #book: QuotaBook;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #stopped = false;

  /** Rests until {@linkcode wake}. */
  constructor(book: QuotaBook, clock: Clock) {
    this.#book = book;
    this.#clock = clock;
  }

  /** Goes on if there is something to do. */
  wake(): void {
    if (this.#stopped || this.#timer !== undefined || this.#book.isAtRest) return;
    this.#timer = this.#clock.after(TICK_MS, () => {
      this.#timer = undefined;
      this.#book.tick(this.#clock.monotonicMs());
      this.wake();
    });
  }

  /** Stops for good. */
  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
