// SPDX-License-Identifier: Apache-2.0
/**
 * Reads what `denvoy check` was given and checks it: resources by the service's own rules, and
 * bootstraps.
 * @module
 */
import { checkFiles, type ConsistencyPolicy, readResourceFiles } from "@denvoy/ads";
import type { Problem } from "@denvoy/base";
import { checkBootstrapText } from "./bootstrap_document.ts";

/** What a check found. */
export interface CheckResult {
  /** Files that were read. */
  readonly files: number;
  /** Resources without errors. */
  readonly resources: number;
  /** All errors and warnings. */
  readonly problems: readonly Problem[];
  /** References could not be followed as a file cannot be read at all. */
  readonly referencesUnknown: boolean;
}

/** How a check is done. */
export interface CheckOptions {
  /** What broken references are. */
  readonly policy: ConsistencyPolicy;
  /** Returns the standard input, for the path `-`. */
  readInput(): Promise<string>;
}

/** The name of the standard input in problems. */
const INPUT = "(standard input)";

/** Checks files and folders together, as if they were all that is served. */
export async function checkPaths(
  paths: readonly string[],
  { policy, readInput }: CheckOptions,
): Promise<CheckResult> {
  const read = await readResourceFiles(paths.filter((path) => path !== "-"));
  const texts = new Map(read.texts);
  if (paths.includes("-")) texts.set(INPUT, await readInput());
  const files = texts.size;
  const bootstraps: Problem[] = [];
  // In a folder a bootstrap is a mistake: the service would refuse it, too.
  for (const path of [...paths, INPUT]) {
    const text = texts.get(path);
    const problems = text === undefined ? undefined : checkBootstrapText(text, path);
    if (problems === undefined) continue;
    bootstraps.push(...problems);
    texts.delete(path);
  }
  const checked = checkFiles(texts, policy);
  const drafts = [...checked.drafts.values()];
  return {
    files,
    resources: drafts.reduce((sum, list) => sum + list.length, 0),
    problems: [...read.problems, ...bootstraps, ...checked.problems],
    referencesUnknown: checked.referencesUnknown,
  };
}
