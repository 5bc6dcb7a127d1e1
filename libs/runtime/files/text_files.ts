// SPDX-License-Identifier: Apache-2.0
/**
 * Which files at or under a path that a user names count, and what they say: the same for whatever
 * is read from a folder of YAML and JSON.
 * @module
 */
import type { Problem } from "@denvoy/base";
import { NOT_UTF8, readFileContent, textOf } from "./file_content.ts";
import { scanSignatures } from "./file_signatures.ts";

/** Texts by path, and the problems of those that cannot be read. */
export interface FileTexts {
  /** Texts by path, in the order of the paths; each path starts as it was given. */
  readonly texts: ReadonlyMap<string, string>;
  /** Files that cannot be read. */
  readonly problems: readonly Problem[];
}

/** Returns the path without slashes at its end. */
export function rootOf(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") || "/" : path;
}

/**
 * Tells whether a file counts: the root itself whatever its name, and below it `.yaml`, `.yml` and
 * `.json`, unless it or a folder above it is hidden.
 */
export function isTextPath(path: string, root: string): boolean {
  if (path === root) return true;
  const names = path.slice(root.length).split("/").filter(Boolean);
  return names.every((name) => !name.startsWith(".")) && /\.(ya?ml|json)$/.test(path);
}

/** Reads the files that count at or under `path`. Never rejects for what is wrong with a file. */
export async function readTextFiles(
  path: string,
  { maxFiles }: { readonly maxFiles: number },
): Promise<FileTexts> {
  const root = rootOf(path);
  const include = (file: string) => isTextPath(file, root);
  const found = await scanSignatures(root, { include, maxFiles });
  const texts = new Map<string, string>();
  const problems: Problem[] = [];
  for (const file of [...found.keys()].sort()) {
    const content = await readFileContent(file);
    if (content.kind === "absent") continue;
    const text = content.kind === "bytes" ? textOf(content.bytes) : undefined;
    const message = content.kind === "bytes" ? NOT_UTF8 : content.reason;
    if (text === undefined) problems.push({ severity: "error", file, message });
    else texts.set(file, text);
  }
  return { texts, problems };
}
