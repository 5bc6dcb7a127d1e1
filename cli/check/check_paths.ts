// SPDX-License-Identifier: Apache-2.0
/**
 * Reads what `denvoy check` was given and checks it: resources and limits by the rules of their
 * services, and bootstraps.
 * @module
 */
import { checkFiles, type ConsistencyPolicy, readResourceFiles } from "@denvoy/ads";
import type { Problem } from "@denvoy/base";
import { isLimitText, readLimitFiles, readLimitSet } from "@denvoy/rls";
import { checkBootstrapText } from "./bootstrap_document.ts";

/** What a check found. */
export interface CheckResult {
  /** Files that were read. */
  readonly files: number;
  /** How many of them hold limits. */
  readonly limitFiles: number;
  /** Resources without errors. */
  readonly resources: number;
  /** Rules of limit files; 0 when one of these has an error. */
  readonly rules: number;
  /** All errors and warnings. */
  readonly problems: readonly Problem[];
  /** References could not be followed as a file cannot be read at all. */
  readonly referencesUnknown: boolean;
}

/** How a check is done. */
export interface CheckOptions {
  /** What broken references are. */
  readonly policy: ConsistencyPolicy;
  /** Files and folders that hold limits, whatever their files look like. */
  readonly limits: readonly string[];
  /** Several limit files may add rules to one domain. */
  readonly mergeDomains: boolean;
  /** Returns the standard input, for the path `-`. */
  readInput(): Promise<string>;
}

/** The name of the standard input in problems. */
const INPUT = "(standard input)";

/**
 * Checks files and folders together, as if they were all that is served. A file in the form of limits
 * is checked as one wherever it is found.
 */
export async function checkPaths(
  paths: readonly string[],
  options: CheckOptions,
): Promise<CheckResult> {
  const read = await readResourceFiles(paths.filter((path) => path !== "-"));
  const texts = new Map(read.texts);
  if (paths.includes("-")) texts.set(INPUT, await options.readInput());
  const found = takeMatching(texts, isLimitText);
  const files = texts.size;
  const bootstraps = takeBootstraps(texts, paths);
  const checked = checkFiles(texts, options.policy);
  const limits = await checkLimits(found, options);
  const drafts = [...checked.drafts.values()];
  return {
    files: files + limits.files,
    limitFiles: limits.files,
    resources: drafts.reduce((sum, list) => sum + list.length, 0),
    rules: limits.rules,
    problems: [...read.problems, ...bootstraps, ...checked.problems, ...limits.problems],
    referencesUnknown: checked.referencesUnknown,
  };
}

/** Moves the texts that are in a form out of `texts`. */
function takeMatching(
  texts: Map<string, string>,
  isForm: (text: string, file: string) => boolean,
): ReadonlyMap<string, string> {
  const taken = [...texts].filter(([file, text]) => isForm(text, file));
  for (const [file] of taken) texts.delete(file);
  return new Map(taken);
}

/** In a folder a bootstrap is a mistake: the service would refuse it, too. */
function takeBootstraps(
  texts: Map<string, string>,
  paths: readonly string[],
): readonly Problem[] {
  const all: Problem[] = [];
  for (const path of [...paths, INPUT]) {
    const text = texts.get(path);
    const problems = text === undefined ? undefined : checkBootstrapText(text, path);
    if (problems === undefined) continue;
    all.push(...problems);
    texts.delete(path);
  }
  return all;
}

async function checkLimits(
  found: ReadonlyMap<string, string>,
  { limits, mergeDomains }: CheckOptions,
): Promise<Pick<CheckResult, "files" | "rules" | "problems">> {
  const texts = new Map(found);
  const problems: Problem[] = [];
  for (const path of limits) {
    const read = await readLimitFiles(path);
    problems.push(...read.problems);
    for (const [file, text] of read.texts) texts.set(file, text);
  }
  const { set, problems: more } = readLimitSet(texts, { mergeDomains });
  const rules = set === undefined ? 0 : [...set.rules()].length;
  return { files: texts.size, rules, problems: [...problems, ...more] };
}
