// SPDX-License-Identifier: Apache-2.0
/**
 * Remembers how streams were closed, as far as it changes the answer to frames that still arrive
 * for them (RFC 9113 section 5.1, "closed").
 * @module
 */

/** Who reset a closed stream; `ended` is one that both sides ended. */
export type Closing = "reset-by-us" | "reset-by-peer" | "ended";

const REMEMBERED = 1_024;

/** A bounded memory of reset streams; the oldest are forgotten. */
export class ClosedStreams {
  readonly #resets = new Map<number, Closing>();
  #oldestForgotten = 0;

  /** Remembers a reset. */
  add(streamId: number, closing: "reset-by-us" | "reset-by-peer"): void {
    this.#resets.set(streamId, closing);
    if (this.#resets.size <= REMEMBERED) return;
    const [oldest] = this.#resets.keys();
    if (oldest === undefined) return;
    this.#resets.delete(oldest);
    this.#oldestForgotten = Math.max(this.#oldestForgotten, oldest);
  }

  /**
   * Says how a stream was closed. A stream that may have been forgotten counts as reset by us: then
   * late frames are ignored, which is never wrong, only lenient.
   */
  closing(streamId: number): Closing {
    return this.#resets.get(streamId) ??
      (streamId <= this.#oldestForgotten ? "reset-by-us" : "ended");
  }
}
