// SPDX-License-Identifier: Apache-2.0
/**
 * Runs a program to its end and keeps what it printed.
 * @module
 */

/** What a program left behind. */
export interface Captured {
  /** Its exit code; 127 when there is no such program. */
  readonly code: number;
  /** What it wrote to standard output. */
  readonly stdout: string;
  /** What it wrote to standard error. */
  readonly stderr: string;
}

/** Runs `command args` with no input; a program that does not exist gives code 127, as in a shell. */
export async function capture(command: string, args: readonly string[]): Promise<Captured> {
  try {
    const output = await new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const decoder = new TextDecoder();
    return {
      code: output.code,
      stdout: decoder.decode(output.stdout),
      stderr: decoder.decode(output.stderr),
    };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { code: 127, stdout: "", stderr: `${command}: not found` };
  }
}

/** Tells a person what takes time, on standard error. */
export function progress(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}
