// SPDX-License-Identifier: Apache-2.0
/**
 * Versions for people.
 * @module
 */

const SHOWN = 12;

/** Returns the start of a content hash, enough to tell versions apart; `-` for none. */
export function shortVersion(version: string | undefined): string {
  return version === undefined || version === "" ? "-" : version.slice(0, SHOWN);
}
