// SPDX-License-Identifier: Apache-2.0
/**
 * The messages of one side of a call as an AsyncIterable that asks the transport for the next
 * message only when its reader asks for it, so that a slow reader slows the peer.
 * @module
 */

interface Waiter<T> {
  resolve(result: IteratorResult<T>): void;
  reject(error: unknown): void;
}

/** Reads messages one by one; the transport calls `deliver`, `end` and `fail`. */
export class MessageReader<T> implements AsyncIterableIterator<T> {
  readonly #startRead: () => void;
  readonly #waiters: Waiter<T>[] = [];
  #ended = false;
  #error: unknown;
  #failed = false;

  /** `startRead` asks the transport for exactly one message, or for the end. */
  constructor(startRead: () => void) {
    this.#startRead = startRead;
  }

  /** Returns itself: a call has one sequence of messages. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Resolves with the next message, or `done` once the sequence is over. */
  next(): Promise<IteratorResult<T>> {
    if (this.#failed) {
      this.#failed = false;
      return Promise.reject(this.#error);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      if (this.#waiters.length === 1) this.#startRead();
    });
  }

  /** Ends the reading: no further message is asked for. */
  return(): Promise<IteratorResult<T>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Hands a message to the reader that asked first; dropped when the reading has ended. */
  deliver(message: T): void {
    this.#waiters.shift()?.resolve({ done: false, value: message });
    if (this.#waiters.length > 0) this.#startRead();
  }

  /** Ends the sequence: whoever waits or asks later gets `done`. */
  end(): void {
    this.#ended = true;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve({ done: true, value: undefined });
  }

  /** Ends the sequence with an error, which the next reader gets once; does nothing after the end. */
  fail(error: unknown): void {
    if (this.#ended) return;
    const first = this.#waiters.shift();
    if (first === undefined) {
      this.#failed = true;
      this.#error = error;
    }
    first?.reject(error);
    this.end();
  }
}
