// SPDX-License-Identifier: Apache-2.0
/**
 * Lines of access logs on standard output, one JSON object a line. The service's own log is on
 * standard error.
 * @module
 */
import { joinBytes } from "@denvoy/base";
import type { LogSink } from "../log_sink.ts";

/** Writes to what is given; standard output outlives it. */
export class StdoutLogSink implements LogSink<Uint8Array> {
  /** Its name. */
  readonly name = "stdout";
  readonly #output: { write(bytes: Uint8Array): Promise<number> };

  /** @default standard output */
  constructor(output: { write(bytes: Uint8Array): Promise<number> } = Deno.stdout) {
    this.#output = output;
  }

  /** See {@linkcode LogSink.write}. */
  async write(lines: readonly Uint8Array[]): Promise<void> {
    let rest = joinBytes(lines);
    while (rest.length > 0) rest = rest.subarray(await this.#output.write(rest));
  }

  /** Nothing is to be closed. */
  async [Symbol.asyncDispose](): Promise<void> {}
}
