// SPDX-License-Identifier: Apache-2.0
/**
 * A terminal that remembers, for tests of commands.
 * @module
 */
import { stylesFor } from "../output/styles.ts";
import type { Terminal } from "./terminal.ts";

/** Keeps what is printed. */
export class MemoryTerminal implements Terminal {
  /** What went to the standard output. */
  stdout = "";
  /** What went to the standard error output. */
  stderr = "";
  /** See {@linkcode Terminal.env}. */
  readonly env: Readonly<Record<string, string>>;
  /** See {@linkcode Terminal.interactive}. */
  readonly interactive = false;
  /** See {@linkcode Terminal.styles}. */
  readonly styles = stylesFor(false);
  /** See {@linkcode Terminal.signal}. */
  readonly signal: AbortSignal = new AbortController().signal;
  readonly #input: string;

  /** `input` is the standard input. */
  constructor(
    options: { readonly env?: Readonly<Record<string, string>>; readonly input?: string } = {},
  ) {
    this.env = options.env ?? {};
    this.#input = options.input ?? "";
  }

  /** See {@linkcode Terminal.out}. */
  out(text: string): void {
    this.stdout += text;
  }

  /** See {@linkcode Terminal.error}. */
  error(text: string): void {
    this.stderr += text;
  }

  /** See {@linkcode Terminal.readInput}. */
  readInput(): Promise<string> {
    return Promise.resolve(this.#input);
  }
}
