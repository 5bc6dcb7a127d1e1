// SPDX-License-Identifier: Apache-2.0
/**
 * What a command prints to and reads from, so that commands can be run inside a test. Colours are
 * for people: only on a terminal, and never when `NO_COLOR` is set.
 * @module
 */
import { type Styles, stylesFor } from "../output/styles.ts";

/** Where a command's text goes and its surroundings come from. */
export interface Terminal {
  /** Writes to the standard output, for the answer. */
  out(text: string): void;
  /** Writes to the standard error output, for everything else. */
  error(text: string): void;
  /** Reads the standard input to its end. */
  readInput(): Promise<string>;
  /** Environment variables. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether a person sees the standard output. */
  readonly interactive: boolean;
  /** Colours of the standard output. */
  readonly styles: Styles;
  /** Fires when the user wants it to end (Ctrl-C while a command watches). */
  readonly signal: AbortSignal;
}

/** The terminal of this process. */
export function systemTerminal(): Terminal {
  const env = Deno.env.toObject();
  const interactive = Deno.stdout.isTerminal();
  const forced = env.CLICOLOR_FORCE !== undefined && env.CLICOLOR_FORCE !== "0";
  const coloured = forced || (interactive && !env.NO_COLOR && env.TERM !== "dumb");
  return {
    out: (text) => write(Deno.stdout, text),
    error: (text) => write(Deno.stderr, text),
    readInput: () => new Response(Deno.stdin.readable).text(),
    env,
    interactive,
    styles: stylesFor(coloured),
    signal: new AbortController().signal,
  };
}

/** What a shell reports for a program that the end of its pipe has killed. */
const EXIT_PIPE = 141;

function write(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let rest = new TextEncoder().encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(to.writeSync(rest));
  } catch (error) {
    // The reader has seen enough, e.g. `denvoy inspect nodes | head`.
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(EXIT_PIPE);
    throw error;
  }
}
