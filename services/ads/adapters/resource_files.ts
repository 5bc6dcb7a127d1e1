// SPDX-License-Identifier: Apache-2.0
/**
 * Which files at or under a path hold resources. The service and `denvoy check` see the same ones.
 * @module
 */
import type { Problem } from "@denvoy/base";
import {
  type FileTexts,
  isTextPath,
  NOT_UTF8,
  readFileContent,
  rootOf,
  scanSignatures,
  textOf,
} from "@denvoy/runtime";

/** Files beyond this number are not seen. */
export const MAX_FILES = 100_000;

/**
 * Tells whether a file counts: as {@linkcode isTextPath} says, but for those that editors keep beside
 * what is edited.
 */
export function isResourcePath(path: string, root: string): boolean {
  if (path === root) return true;
  return isTextPath(path, root) && !path.slice(path.lastIndexOf("/") + 1).startsWith("#");
}

/** Returns the resource files at or under `path`, in order; none when there is nothing there. */
export async function listResourceFiles(path: string): Promise<readonly string[]> {
  const root = rootOf(path);
  const include = (file: string) => isResourcePath(file, root);
  const found = await scanSignatures(root, { include, maxFiles: MAX_FILES });
  return [...found.keys()];
}

/** Returns what the resource files at or under `paths` hold; a file that is there twice, once. */
export async function readResourceFiles(paths: readonly string[]): Promise<FileTexts> {
  const texts = new Map<string, string>();
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const path of paths) {
    const files = await listResourceFiles(path);
    if (files.length === 0) problems.push(...await nothingAt(path));
    for (const file of files) {
      const identity = await Deno.realPath(file).catch(() => file);
      if (seen.has(identity)) continue;
      seen.add(identity);
      const read = await readText(file);
      if (read.kind === "text") texts.set(file, read.text);
      else problems.push({ severity: "error", file, message: read.reason });
    }
  }
  return { texts, problems };
}

type Read =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "refused"; readonly reason: string };

async function readText(file: string): Promise<Read> {
  const content = await readFileContent(file);
  if (content.kind === "absent") return { kind: "refused", reason: "cannot be read: it is gone" };
  if (content.kind === "unreadable") return { kind: "refused", reason: content.reason };
  const text = textOf(content.bytes);
  return text === undefined ? { kind: "refused", reason: NOT_UTF8 } : { kind: "text", text };
}

async function nothingAt(file: string): Promise<readonly Problem[]> {
  try {
    await Deno.stat(file);
    return [{ severity: "warning", file, message: "holds no .yaml, .yml or .json file" }];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return [{ severity: "error", file, message: "no such file or folder" }];
    }
    const reason = error instanceof Error ? error.message : String(error);
    return [{ severity: "error", file, message: `cannot be read: ${reason}` }];
  }
}
