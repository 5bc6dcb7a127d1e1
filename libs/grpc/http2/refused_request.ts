// SPDX-License-Identifier: Apache-2.0
/**
 * A request that is answered with a refusal: the answer goes out at once, and what the client still
 * sends is dropped, up to a bound.
 * @module
 */
import type { Refusal } from "./call_head.ts";
import { ErrorCode } from "./error_code.ts";
import type { Stream, StreamConsumer } from "./stream.ts";

const MOST_DROPPED_BYTES = 1_048_576;
const NOTHING = new Uint8Array(0);

/** See the module. */
export class RefusedRequest implements StreamConsumer {
  readonly #stream: Stream;
  #dropped = 0;

  /** Answers `stream` with `refusal`. */
  constructor(stream: Stream, refusal: Refusal) {
    this.#stream = stream;
    const alone = refusal.body.byteLength === 0;
    stream.sendHeaders(refusal.headers, alone);
    if (alone) return;
    stream.sendData(NOTHING, refusal.body);
    stream.sendEnd(NOTHING);
  }

  /** See {@linkcode StreamConsumer}. */
  data(bytes: Uint8Array, last: boolean): void {
    this.#dropped += bytes.byteLength;
    if (last) return;
    if (this.#dropped > MOST_DROPPED_BYTES) this.#stream.reset(ErrorCode.NO_ERROR);
    else this.#stream.credit(bytes.byteLength);
  }

  /** See {@linkcode StreamConsumer}. */
  trailers(): void {}

  /** See {@linkcode StreamConsumer}. */
  gone(): void {}

  /** See {@linkcode StreamConsumer}. */
  drained(): void {}
}
