// SPDX-License-Identifier: Apache-2.0
/**
 * Guesses which name was meant, for hints in error messages.
 * @module
 */

/** Returns `did you mean "x"?` for the nearest name, or undefined when none is near. */
export function didYouMean(name: string, names: Iterable<string>): string | undefined {
  const wanted = fold(name);
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const candidate of names) {
    const distance = editDistance(wanted, fold(candidate));
    if (distance > Math.max(1, Math.floor(wanted.length / 3))) continue;
    if (best === undefined || distance < best.distance) best = { name: candidate, distance };
  }
  return best && `did you mean "${best.name}"?`;
}

/** Equal for `grpcAddress`, `grpc_address`, `grpc-address` and `GRPC_ADDRESS`. */
function fold(name: string): string {
  return name.slice(0, 100).toLowerCase().replace(/[-_]/g, "");
}

function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const replace = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1);
      const remove = (previous[column] ?? 0) + 1;
      const insert = (current[column - 1] ?? 0) + 1;
      current.push(Math.min(replace, remove, insert));
    }
    previous = current;
  }
  return previous[right.length] ?? 0;
}
