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

/** How files are read. */
export interface TextFileOptions {
  /** What one of them is, for problems, e.g. `limit file`. */
  readonly what: string;
  /** Files beyond this number are not seen. @default 10000 */
  readonly maxFiles?: number;
}

/**
 * Reads the files that count at or under `path`; that there is none is a problem. Never rejects for
 * what is wrong with a file.
 */
export async function readTextFiles(
  path: string,
  { what, maxFiles = 10_000 }: TextFileOptions,
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
  if (texts.size > 0 || problems.length > 0) return { texts, problems };
  const message = await exists(root)
    ? `no ${what} (.yaml, .yml, .json) is there`
    : "must exist: there is no such file or folder";
  return { texts, problems: [{ severity: "error", file: path, message }] };
}

/** What cannot be looked at is there. */
async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}
