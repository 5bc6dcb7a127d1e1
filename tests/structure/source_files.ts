// SPDX-License-Identifier: Apache-2.0
/**
 * The files of the repository, without what is downloaded or written at run time.
 * @module
 */
import { join, relative } from "node:path";
import { repositoryRoot } from "@denvoy/tools/real_parts";

const skippedFolders: ReadonlySet<string> = new Set([".git", ".cache", "data", "node_modules"]);

/** Returns the paths of all files, relative to the root, sorted. */
export function sourceFiles(folder: string = repositoryRoot): readonly string[] {
  const found: string[] = [];
  for (const entry of Deno.readDirSync(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory && !skippedFolders.has(entry.name)) found.push(...sourceFiles(path));
    if (entry.isFile) found.push(relative(repositoryRoot, path));
  }
  return found.sort();
}

/** Returns the paths of all TypeScript files. */
export function typescriptFiles(): readonly string[] {
  return sourceFiles().filter((path) => path.endsWith(".ts"));
}
