// SPDX-License-Identifier: Apache-2.0
/**
 * Hashes as scripts answer them: names and values in turn.
 * @module
 */

/** Returns the fields of a hash; a name without a value is left out. */
export function flatFields(flat: readonly string[]): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (let at = 0; at + 1 < flat.length; at += 2) fields.set(flat[at] ?? "", flat[at + 1] ?? "");
  return fields;
}
