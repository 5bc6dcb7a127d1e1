// SPDX-License-Identifier: Apache-2.0
/**
 * Paths into documents and messages, and how people read them.
 * @module
 */

/** Keys of maps and indexes of lists from the root on, as the user wrote them. */
export type Path = readonly (string | number)[];

const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Returns a path as people read it: `resources[2].metadata.filter_metadata["envoy.lb"]`. */
export function formatPath(path: Path): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else if (!PLAIN_NAME.test(key)) text += `[${JSON.stringify(key)}]`;
    else text += text === "" ? key : `.${key}`;
  }
  return text;
}
