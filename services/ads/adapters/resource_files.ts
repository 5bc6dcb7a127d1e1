// SPDX-License-Identifier: Apache-2.0
/**
 * Which files at or under a path hold resources. The service and `denvoy check` see the same ones.
 * @module
 */
import type { Problem } from "@denvoy/base";
import { NOT_UTF8, readFileContent, scanSignatures, textOf } from "@denvoy/runtime";

/** Files beyond this number are not seen. */
export const MAX_FILES = 100_000;

/** Returns the path without slashes at its end. */
export function rootOf(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") || "/" : path;
}

/**
 * Tells whether a file counts: the root itself whatever its name, and below it `.yaml`, `.yml` and
 * `.json`, unless it or a folder above it is hidden. Backups and temporary files of editors do not.
 */
export function isResourcePath(path: string, root: string): boolean {
  if (path === root) return true;
  const names = path.slice(root.length).split("/").filter(Boolean);
  const name = names.at(-1) ?? "";
  return names.every((part) => !part.startsWith(".")) &&
    /\.(ya?ml|json)$/.test(name) && !name.startsWith("#");
}

/** Returns the resource files at or under `path`, in order; none when there is nothing there. */
export async function listResourceFiles(path: string): Promise<readonly string[]> {
  const root = rootOf(path);
  const include = (file: string) => isResourcePath(file, root);
  const found = await scanSignatures(root, { include, maxFiles: MAX_FILES });
  return [...found.keys()];
}

/** Texts by path, and the problems of those that cannot be read. */
export interface ResourceTexts {
  /** Texts by path; each path starts as it was given. */
  readonly texts: ReadonlyMap<string, string>;
  /** Paths that lead nowhere, files that cannot be read. */
  readonly problems: readonly Problem[];
}

/** Returns what the resource files at or under `paths` hold; a file that is there twice, once. */
export async function readResourceFiles(paths: readonly string[]): Promise<ResourceTexts> {
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
