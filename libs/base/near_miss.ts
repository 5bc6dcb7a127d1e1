// SPDX-License-Identifier: Apache-2.0
/**
 * Finds the name that was probably meant.
 * @module
 */

/** Names longer than this are not compared: the cost grows with the square of the length. */
const MAX_LENGTH = 200;

/** Returns `did you mean "<name>"?` for the closest candidate, or undefined when none is close. */
export function didYouMean(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > MAX_LENGTH) return undefined;
  const wanted = fold(name);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= bestDistance + 4) continue;
    const distance = editDistance(wanted, fold(candidate), bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best === undefined ? undefined : `did you mean "${best}"?`;
}

/** Spelling habits are no distance: `grpcAddress`, `grpc_address` and `GRPC-ADDRESS` are one. */
function fold(name: string): string {
  return name.replace(/[-_]/g, "").toLowerCase();
}

/** Optimal string alignment distance; stops and returns `limit` when it cannot be less. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = nextRow({ a, b, i, previous, before });
    if (Math.min(...row) >= limit) return limit;
    [before, previous] = [previous, row];
  }
  return previous[b.length] ?? limit;
}

interface Row {
  readonly a: string;
  readonly b: string;
  readonly i: number;
  readonly previous: readonly number[];
  readonly before: readonly number[];
}

function nextRow({ a, b, i, previous, before }: Row): number[] {
  const row = [i];
  for (let j = 1; j <= b.length; j++) {
    const same = a[i - 1] === b[j - 1];
    const replace = at(previous, j - 1) + (same ? 0 : 1);
    let cost = Math.min(replace, at(previous, j) + 1, at(row, j - 1) + 1);
    const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
    if (swapped) cost = Math.min(cost, at(before, j - 2) + 1);
    row.push(cost);
  }
  return row;
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
