// SPDX-License-Identifier: Apache-2.0
/**
 * The receiving half of flow control (RFC 9113 section 5.2): what a peer may still send, and when it
 * is told that it may send more.
 * @module
 */
import { DEFAULT_WINDOW_BYTES } from "./frame.ts";

/** One window, of a stream or of the connection. */
export class ReceiveWindow {
  #left: number;
  #uncredited = 0;
  readonly #step: number;

  /**
   * Starts with `bytes`. Credit is announced in steps, and early enough for a peer that uses only
   * the default window, as those do that have not read our SETTINGS.
   */
  constructor(bytes: number) {
    this.#left = bytes;
    this.#step = Math.min(bytes, DEFAULT_WINDOW_BYTES) / 2;
  }

  /** Takes what was received; false when it is more than was allowed. */
  take(octets: number): boolean {
    this.#left -= octets;
    return this.#left >= 0;
  }

  /** Returns the increment to announce now that `octets` more may be sent; 0 for not yet. */
  credit(octets: number): number {
    this.#uncredited += octets;
    if (this.#uncredited < this.#step) return 0;
    const increment = this.#uncredited;
    this.#uncredited = 0;
    this.#left += increment;
    return increment;
  }
}
