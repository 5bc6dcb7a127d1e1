// SPDX-License-Identifier: Apache-2.0
/**
 * What the limit files at or under a path say. The service and `denvoy check` see the same ones.
 * @module
 */
import { type FileTexts, readTextFiles, rootOf } from "@denvoy/runtime";

/** Files beyond this number are not seen. */
const MAX_LIMIT_FILES = 10_000;

/** Reads the limit files at or under `path`. Never rejects for what is wrong with a file. */
export async function readLimitFiles(path: string): Promise<FileTexts> {
  const { texts, problems } = await readTextFiles(path, { maxFiles: MAX_LIMIT_FILES });
  if (texts.size > 0 || problems.length > 0) return { texts, problems };
  const message = await exists(rootOf(path))
    ? "no limit file (.yaml, .yml, .json) is there"
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
