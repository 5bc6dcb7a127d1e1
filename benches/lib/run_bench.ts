// SPDX-License-Identifier: Apache-2.0
/**
 * The outermost frame of a bench: a failure is told in its own words and gives exit code 1.
 * @module
 */
import { progress } from "./output.ts";

/** Runs a bench; does not return when it fails. */
export async function runBench(bench: () => Promise<void>): Promise<void> {
  try {
    await bench();
  } catch (error) {
    progress(`failed: ${error instanceof Error ? error.message : String(error)}`);
    Deno.exit(1);
  }
}
