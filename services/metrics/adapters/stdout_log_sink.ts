// SPDX-License-Identifier: Apache-2.0
/**
 * Lines of access logs on standard output, one JSON object a line. The service's own log is on
 * standard error.
 * @module
 */
import type { LogSink } from "../log_sink.ts";

const encoder = new TextEncoder();

/** Returns the bytes of lines, each with its end. */
export function encodeLines(lines: readonly string[]): Uint8Array {
  return encoder.encode(`${lines.join("\n")}\n`);
}

/** Writes to what is given; standard output outlives it. */
export class StdoutLogSink implements LogSink<string> {
  /** Its name. */
  readonly name = "stdout";
  readonly #output: { write(bytes: Uint8Array): Promise<number> };

  /** @default standard output */
  constructor(output: { write(bytes: Uint8Array): Promise<number> } = Deno.stdout) {
    this.#output = output;
  }

  /** See {@linkcode LogSink.write}. */
  async write(lines: readonly string[]): Promise<void> {
    let rest = encodeLines(lines);
    while (rest.length > 0) rest = rest.subarray(await this.#output.write(rest));
  }

  /** Nothing is to be closed. */
  async [Symbol.asyncDispose](): Promise<void> {}
}
