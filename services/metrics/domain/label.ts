// SPDX-License-Identifier: Apache-2.0
/**
 * Names and values by which series of one metric differ.
 * @module
 */

/** One label of a series. */
export interface Label {
  /** Its name as Envoy gives it, e.g. `envoy.cluster_name`. */
  readonly name: string;
  /** Its value: any text. */
  readonly value: string;
}

/** Returns a text that is equal for equal lists of labels, whatever their order. */
export function labelKey(labels: readonly Label[]): string {
  if (labels.length === 0) return "";
  const sorted = labels.length === 1 ? labels : labels.toSorted(byName);
  return JSON.stringify(sorted.map(({ name, value }) => [name, value]));
}

function byName(a: Label, b: Label): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
