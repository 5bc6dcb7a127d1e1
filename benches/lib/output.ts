// SPDX-License-Identifier: Apache-2.0
/**
 * Where a bench writes: figures to standard output, progress to standard error.
 * @module
 */

const encoder = new TextEncoder();

/** Writes one line, or several, to standard output. */
export function print(text: string): void {
  Deno.stdout.writeSync(encoder.encode(`${text}\n`));
}

/** Tells on standard error what is under way. */
export function progress(text: string): void {
  Deno.stderr.writeSync(encoder.encode(`· ${text}\n`));
}
