// SPDX-License-Identifier: Apache-2.0
/**
 * Programs that live and die together: when one ends unasked, or a signal comes, all are stopped.
 * @module
 */
import { Child, type ChildOptions } from "../child.ts";

/** Runs children until one of them ends or somebody wants them to stop. Disposing it stops all. */
export class Session implements AsyncDisposable {
  /** Rejects when a child ends before `stop` was called, with its last words. Never resolves. */
  readonly broken: Promise<never>;
  readonly #break: (reason: Error) => void;
  readonly #children: Child[] = [];
  readonly #stopping = new AbortController();

  /** Starts with no children. */
  constructor() {
    const { promise, reject } = Promise.withResolvers<never>();
    // Whoever waits sees the rejection; when nobody waits yet it must not end this process.
    promise.catch(() => {});
    this.broken = promise;
    this.#break = reject;
  }

  /** Fires when the children are being stopped: nothing is to be waited for any more. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Starts a child; throws once the others are being stopped. */
  start(options: ChildOptions): Child {
    this.signal.throwIfAborted();
    const child = Child.start(options);
    this.#children.push(child);
    void child.exited.then(({ code }) => {
      if (this.signal.aborted) return;
      const words = child.lastWords(15);
      this.#break(new Error(`${child.name} ended by itself with exit code ${code}:\n${words}`));
    });
    return child;
  }

  /** Stops the children one after the other, the last first, each with `graceMs` to end by itself. */
  async stop(graceMs = 5_000): Promise<void> {
    this.#stopping.abort();
    for (const child of this.#children.toReversed()) await child.stop(graceMs);
  }

  /** Ends all children at once. */
  kill(): void {
    this.#stopping.abort();
    for (const child of this.#children) child.kill("SIGKILL");
  }

  /** Stops all children. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/**
 * Resolves with the first SIGINT or SIGTERM; the second one calls `onSecond`. The listeners stay
 * until `dispose`, so that no signal ends this process before its children.
 */
export class StopSignals implements Disposable {
  /** The first signal. */
  readonly first: Promise<Deno.Signal>;
  readonly #listeners: readonly (readonly [Deno.Signal, () => void])[];

  /** Listens from now on. */
  constructor(onSecond: () => void) {
    const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
    this.first = promise;
    let count = 0;
    this.#listeners = (["SIGINT", "SIGTERM"] as const).map((signal) => {
      const listener = () => ++count === 1 ? resolve(signal) : onSecond();
      Deno.addSignalListener(signal, listener);
      return [signal, listener];
    });
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) Deno.removeSignalListener(signal, listener);
  }
}
