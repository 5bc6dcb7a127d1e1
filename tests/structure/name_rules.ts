// SPDX-License-Identifier: Apache-2.0
/**
 * Rules about names of files and folders, and the size of an entry point.
 * @module
 */

/** Names that say nothing about what is inside. */
const emptyNames: ReadonlySet<string> = new Set([
  ...["util", "utils", "common", "helper", "helpers", "misc", "shared", "types", "index"],
]);

/** Most lines of a service's main.ts. */
export const maxMainLines = 15;

/** Every name says what is inside, in snake_case. */
export function nameBreaches(paths: readonly string[]): readonly string[] {
  return paths.filter((path) => path.endsWith(".ts")).flatMap((path) =>
    path.split("/").flatMap((part) => {
      const stem = part.replace(/(\.d)?\.ts$/, "");
      if (emptyNames.has(stem)) return [`${path}: the name "${stem}" says nothing`];
      if (/^\.?[a-z0-9]+(_[a-z0-9]+)*$/.test(stem)) return [];
      return [`${path}: "${stem}" must be in snake_case`];
    })
  );
}

/** An entry point only calls the app. */
export function mainBreaches(path: string, text: string): readonly string[] {
  if (!/^services\/[^/]+\/main\.ts$/.test(path)) return [];
  const lines = text.trimEnd().split("\n").length;
  if (lines <= maxMainLines) return [];
  return [`${path} must have at most ${maxMainLines} lines: it has ${lines}`];
}

/** Versions in the import map are exact, so that every machine runs the same code. */
export function pinBreaches(imports: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(imports).flatMap(([name, specifier]) => {
    if (/^npm:\/?(@[^/]+\/)?[^@/]+@\d+\.\d+\.\d+(-[\w.]+)?(\/.*)?$/.test(specifier)) return [];
    return [`${name} must be pinned to an exact npm version: it is ${specifier}`];
  });
}
