// SPDX-License-Identifier: Apache-2.0
/**
 * The requests of one stream, made when its transport asks for one: nothing queues.
 * @module
 */

/** Where requests come from. */
export interface RequestSource<R> {
  /** Returns the next request, if one is due. */
  next(): R | undefined;
}

/** Requests as a call of the gRPC client takes them; they end when the call does. */
export class OutgoingRequests<R> implements AsyncIterableIterator<R, undefined> {
  readonly #source: RequestSource<R>;
  #isOver = false;
  #wake: (() => void) | undefined;
  #drained: (() => void)[] = [];

  /** Asks nothing of `source` before the transport asks. */
  constructor(source: RequestSource<R>) {
    this.#source = source;
  }

  /** Says that a request may be due. */
  wake(): void {
    this.#wake?.();
  }

  /** Resolves when the transport has taken all that was due, or the call is over. */
  drained(): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drained.push(resolve);
      this.wake();
    });
  }

  /** Returns the next request when there is one. The transport calls it when it can send. */
  async next(): Promise<IteratorResult<R, undefined>> {
    while (!this.#isOver) {
      const value = this.#source.next();
      if (value !== undefined) return { done: false, value };
      this.#release();
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return { done: true, value: undefined };
  }

  /** The call is over. */
  return(): Promise<IteratorResult<R, undefined>> {
    this.#isOver = true;
    this.#release();
    this.wake();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  #release(): void {
    const drained = this.#drained;
    this.#drained = [];
    for (const resolve of drained) resolve();
  }
}
