// SPDX-License-Identifier: Apache-2.0
/**
 * What the limit files at or under a path say. The service and `denvoy check` see the same ones.
 * @module
 */
import { type FileTexts, readTextFiles } from "@denvoy/runtime";

/** What one of them is, for logs and problems. */
export const LIMIT_FILE = "limit file";

/** Reads the limit files at or under `path`. Never rejects for what is wrong with a file. */
export function readLimitFiles(path: string): Promise<FileTexts> {
  return readTextFiles(path, { what: LIMIT_FILE });
}
