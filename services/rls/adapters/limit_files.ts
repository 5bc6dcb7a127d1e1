// SPDX-License-Identifier: Apache-2.0
/**
 * Which files at or under a path hold limits, and what they say. The service and `denvoy check` see
 * the same ones.
 * @module
 */
import type { Problem } from "@denvoy/base";
import { NOT_UTF8, readFileContent, scanSignatures, textOf } from "@denvoy/runtime";

/** Files beyond this number are not seen. */
export const MAX_LIMIT_FILES = 10_000;

/** What files say. */
export interface LimitTexts {
  /** Texts by path, in the order of the paths; each starts as it was given. */
  readonly texts: ReadonlyMap<string, string>;
  /** Files that cannot be read, and that there is none. */
  readonly problems: readonly Problem[];
}

/** Returns the path without slashes at its end. */
export function limitRootOf(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") || "/" : path;
}

/** The root itself counts whatever its name; below it `.yaml`, `.yml` and `.json`, not hidden. */
export function isLimitPath(path: string, root: string): boolean {
  if (path === root) return true;
  const names = path.slice(root.length).split("/").filter(Boolean);
  return names.every((name) => !name.startsWith(".")) && /\.(ya?ml|json)$/.test(path);
}

/** Reads the limit files at or under `path`. Never rejects for what is wrong with a file. */
export async function readLimitFiles(path: string): Promise<LimitTexts> {
  const root = limitRootOf(path);
  const include = (file: string) => isLimitPath(file, root);
  const found = await scanSignatures(root, { include, maxFiles: MAX_LIMIT_FILES });
  const texts = new Map<string, string>();
  const problems: Problem[] = [];
  for (const file of [...found.keys()].sort()) {
    const content = await readFileContent(file);
    if (content.kind === "absent") continue;
    const text = content.kind === "bytes" ? textOf(content.bytes) : undefined;
    const reason = content.kind === "bytes" ? NOT_UTF8 : content.reason;
    if (text === undefined) problems.push({ severity: "error", file, message: reason });
    else texts.set(file, text);
  }
  if (texts.size === 0 && problems.length === 0) {
    const message = await exists(root)
      ? "no limit file (.yaml, .yml, .json) is there"
      : "must exist: there is no such file or folder";
    problems.push({ severity: "error", file: path, message });
  }
  return { texts, problems };
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
