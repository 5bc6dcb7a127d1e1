// SPDX-License-Identifier: Apache-2.0
/**
 * Requests that each make a new connection between two Envoys, 200 a second where the machine can: the
 * next one waits for an answer, so that a slow machine makes fewer and fails none.
 * @module
 */

/** How often each of the workers begins, at most. */
const PAUSE_MS = 40;
const WORKERS = 8;
const TIMEOUT_MS = 30_000;

/** Requests that go on until they are stopped. */
export class Handshakes implements AsyncDisposable {
  readonly #url: string;
  readonly #workers: readonly Promise<void>[];
  readonly #failures: string[] = [];
  #succeeded = 0;
  #stopped = false;

  /** Begins. */
  constructor(url: string) {
    this.#url = url;
    this.#workers = Array.from({ length: WORKERS }, () => this.#work());
  }

  /** Requests that were answered with 200 so far. */
  get succeeded(): number {
    return this.#succeeded;
  }

  /** Ends, and throws what failed, if anything did. */
  async stop(): Promise<void> {
    await this[Symbol.asyncDispose]();
    if (this.#failures.length === 0) return;
    const shown = this.#failures.slice(0, 10).join("\n");
    const total = this.#failures.length + this.#succeeded;
    throw new Error(`${this.#failures.length} of ${total} requests failed:\n${shown}`);
  }

  /** Ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#workers);
  }

  async #work(): Promise<void> {
    while (!this.#stopped) {
      const pause = new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      try {
        const signal = AbortSignal.timeout(TIMEOUT_MS);
        const response = await fetch(this.#url, { signal });
        const text = await response.text();
        if (response.status === 200) this.#succeeded++;
        else this.#failures.push(`${response.status} ${text}`);
      } catch (error) {
        this.#failures.push(String(error));
      }
      await pause;
    }
  }
}
