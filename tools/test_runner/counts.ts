// SPDX-License-Identifier: Apache-2.0
/**
 * Counts of tests, read from what `deno test` prints last.
 * @module
 */

/** How many tests ended how. */
export interface Counts {
  /** Tests that passed. */
  readonly passed: number;
  /** Tests that failed. */
  readonly failed: number;
  /** Tests that were not run. */
  readonly skipped: number;
}

/** No test at all. */
export const noCounts: Counts = { passed: 0, failed: 0, skipped: 0 };

const summary =
  /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))?(?: \| (\d+) ignored)?/;

/** Returns the counts of the last summary among `lines` (without colours); undefined without one. */
export function parseCounts(lines: readonly string[]): Counts | undefined {
  for (const line of lines.toReversed()) {
    const match = summary.exec(line);
    if (match === null) continue;
    const [passed, failed, skipped] = match.slice(1).map((digits) => Number(digits ?? 0));
    return { passed: passed ?? 0, failed: failed ?? 0, skipped: skipped ?? 0 };
  }
  return undefined;
}

/** Returns the sum. */
export function addCounts(all: readonly Counts[]): Counts {
  return all.reduce((sum, counts) => ({
    passed: sum.passed + counts.passed,
    failed: sum.failed + counts.failed,
    skipped: sum.skipped + counts.skipped,
  }), noCounts);
}

/** Returns `N passed, N failed`, and `, N skipped` if there are any. */
export function formatCounts({ passed, failed, skipped }: Counts): string {
  const more = skipped === 0 ? "" : `, ${skipped} skipped`;
  return `${passed} passed, ${failed} failed${more}`;
}
