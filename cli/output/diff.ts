// SPDX-License-Identifier: Apache-2.0
/**
 * Unified diffs in colour.
 * @module
 */
import type { Styles } from "./styles.ts";

/** Returns the diff with what goes in red, what comes in green and places in cyan. */
export function colouredDiff(diff: string, styles: Styles): string {
  return diff.split("\n").map((line) => {
    if (line.startsWith("---") || line.startsWith("+++")) return styles.bold(line);
    if (line.startsWith("@@")) return styles.cyan(line);
    if (line.startsWith("-")) return styles.red(line);
    return line.startsWith("+") ? styles.green(line) : line;
  }).join("\n");
}
