// SPDX-License-Identifier: Apache-2.0
/**
 * Says what is wrong with a value of a document, with its place.
 * @module
 */
import type { Problem } from "@denvoy/base";
import { formatPath, type Path } from "./path.ts";
import type { SourceDocument } from "./source.ts";

/** What is wrong, without its place. */
export interface Complaint extends Pick<Problem, "message" | "hint"> {
  /** @default "error" */
  readonly severity?: Problem["severity"] | undefined;
  /** Which of both is wrong where the path ends in a key of a map. @default "value" */
  readonly at?: "key" | "value" | undefined;
}

/** Returns the problem of the value at a path, or of its key, in the file of its document. */
export function problemAt(
  source: SourceDocument,
  path: Path,
  { severity = "error", message, hint, at }: Complaint,
): Problem {
  const { file } = source;
  return {
    severity,
    message,
    ...(file !== undefined && { file }),
    ...source.place(path, at),
    ...(path.length > 0 && { path: formatPath(path) }),
    ...(hint !== undefined && { hint }),
  };
}
