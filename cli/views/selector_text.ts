// SPDX-License-Identifier: Apache-2.0
/**
 * Node selectors in the one line that flags take.
 * @module
 */

/** Returns a selector of an answer as text; alternatives are joined by " or ". */
export function selectorText(clauses: readonly unknown[] | undefined): string {
  return (clauses ?? []).map((clause) => clauseText(clause as object)).join(" or ");
}

function clauseText(clause: object): string {
  return Object.entries(clause).flatMap(([key, value]) => {
    if (key === "locality") return Object.entries(value).map(([part, text]) => `${part}=${text}`);
    if (key === "metadata") {
      return Object.entries(value).map(([path, wanted]) => metadataText(path, wanted));
    }
    return [`${key}=${Array.isArray(value) ? value.join("|") : value}`];
  }).join(",");
}

function metadataText(path: string, wanted: unknown): string {
  if (Array.isArray(wanted)) return `metadata.${path}=${wanted.join("|")}`;
  const { exists } = wanted as { exists?: boolean };
  return exists === false ? `!metadata.${path}` : `metadata.${path}`;
}
