// SPDX-License-Identifier: Apache-2.0
/**
 * Notices that a sink may have forgotten what it was told: it says which start of it one speaks to,
 * and is asked often, as what it has forgotten lets dead endpoints back into traffic.
 * @module
 */
import type { Clock, Logger, Timer } from "@denvoy/base";

/** What a watch works with. */
export interface RestartWatchOptions {
  /** Returns what the sink has for its present start; rejects when it cannot be asked. */
  readonly ask: (signal: AbortSignal) => Promise<string>;
  /** Called when another start answers than before, or one that could not be asked meanwhile. */
  readonly onRestart: () => void;
  /** Timers. */
  readonly clock: Clock;
  /** Where the first failure of a row is logged. */
  readonly logger: Logger;
}

/** Pause between an answer and the next question, in milliseconds. */
const PAUSE_MS = 2000;

/** Asks until it is disposed of. */
export class RestartWatch implements AsyncDisposable {
  readonly #options: RestartWatchOptions;
  readonly #closed = new AbortController();
  #timer: Timer | undefined;
  #instance: string | undefined;
  #failed = false;
  #work: Promise<void>;

  /** Asks at once; the first answer counts as a restart: nobody knows what came before. */
  constructor(options: RestartWatchOptions) {
    this.#options = options;
    this.#work = this.#ask();
  }

  /** Stops; a question under way is broken off. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    this.#timer?.cancel();
    await this.#work;
  }

  async #ask(): Promise<void> {
    try {
      const instance = await this.#options.ask(this.#closed.signal);
      this.#failed = false;
      if (instance !== this.#instance && !this.#closed.signal.aborted) this.#options.onRestart();
      this.#instance = instance;
    } catch (error) {
      this.#fail(error);
    }
    if (this.#closed.signal.aborted) return;
    this.#timer = this.#options.clock.after(PAUSE_MS, () => this.#work = this.#ask());
  }

  #fail(error: unknown): void {
    const { logger } = this.#options;
    this.#instance = undefined;
    if (!this.#failed && !this.#closed.signal.aborted) {
      logger.warn("cannot ask whether the sink has restarted, tries again", { error });
    }
    this.#failed = true;
  }
}
