// SPDX-License-Identifier: Apache-2.0
/**
 * Names that come over a socket and are kept: their number is bounded elsewhere, their length here.
 * @module
 */

/** Characters of a kept name at most; Envoy's own are far shorter. */
export const MAX_NAME_LENGTH = 512;

/** Returns a text, cut where it is too long to be kept. */
export function boundedText(text: string): string {
  if (text.length <= MAX_NAME_LENGTH) return text;
  // A slice would hold on to the whole text, so what is kept is put together anew.
  return `${Array.from(text.slice(0, MAX_NAME_LENGTH - 1)).join("")}…`;
}
