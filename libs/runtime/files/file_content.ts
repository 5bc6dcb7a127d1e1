// SPDX-License-Identifier: Apache-2.0
/**
 * Reads one file of a folder that users fill, whatever lies at its path: never waits for a pipe, never takes more into
 * memory than a file may hold, and never takes bytes for text that are none.
 * @module
 */

/** Largest file in bytes; what is served is far smaller. */
export const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** What a file is, as far as it can be read. */
export type FileContent =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "absent" }
  | { readonly kind: "unreadable"; readonly reason: string };

/** Reads a file; what is neither a file nor a link to one counts as absent. Never rejects. */
export async function readFileContent(path: string): Promise<FileContent> {
  try {
    // To open a pipe waits for its writer, for ever: it must not come to that.
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) return { kind: "absent" };
    if (size > MAX_FILE_BYTES) {
      const reason = `must be at most ${MAX_FILE_BYTES} bytes long: size is ${size}`;
      return { kind: "unreadable", reason };
    }
    return { kind: "bytes", bytes: await Deno.readFile(path) };
  } catch (error) {
    if (isAbsence(error)) return { kind: "absent" };
    const reason = `cannot be read: ${error instanceof Error ? error.message : error}`;
    return { kind: "unreadable", reason };
  }
}

/** Returns the text of a file; undefined unless its bytes are UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** What {@linkcode textOf} refuses. */
export const NOT_UTF8 = "must be UTF-8";

function isAbsence(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.FilesystemLoop;
}
