// SPDX-License-Identifier: Apache-2.0
/**
 * Bearer tokens from files, one a line; empty lines and those that start with `#` are passed over.
 * @module
 */
import { type Problem, ProblemError } from "@denvoy/base";
import { TokenSet } from "../http/api/authentication.ts";
import { ReloadedFiles, type ReloadedFilesOptions } from "./reloaded_files.ts";

const SHORTEST_TOKEN = 16;

/** Tokens that follow their files. */
export type TokenFiles = ReloadedFiles<TokenSet>;

/** Loads the tokens and keeps them up to date. Rejects with ProblemError when a file has none. */
export function loadTokenFiles(
  paths: readonly string[],
  options: Omit<ReloadedFilesOptions<TokenSet>, "what" | "paths" | "read">,
): Promise<TokenFiles> {
  return ReloadedFiles.load({
    ...options,
    what: "HTTP tokens",
    paths,
    read: () => readTokens(paths),
  });
}

async function readTokens(paths: readonly string[]): Promise<TokenSet> {
  const problems: Problem[] = [];
  const tokens: (readonly [string, string])[] = [];
  for (const path of paths) {
    try {
      const found = parseTokens(await Deno.readTextFile(path), path);
      for (const token of found) tokens.push([fileName(path), token]);
    } catch (error) {
      if (error instanceof ProblemError) problems.push(...error.problems);
      else {
        const why = error instanceof Error ? error.message : String(error);
        problems.push({ severity: "error", file: path, message: `cannot read file: ${why}` });
      }
    }
  }
  if (problems.length > 0) throw new ProblemError(problems);
  return new TokenSet(tokens);
}

function parseTokens(text: string, file: string): readonly string[] {
  const lines = text.split("\n").map((line) => line.trim());
  const problems: Problem[] = [];
  for (const [index, line] of lines.entries()) {
    if (line === "" || line.startsWith("#") || isToken(line)) continue;
    const message = `cannot use token as it must be at least ${SHORTEST_TOKEN} printable ` +
      `characters without spaces: it has ${line.length}`;
    problems.push({ severity: "error", file, line: index + 1, message });
  }
  const tokens = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (tokens.length === 0) {
    problems.push({ severity: "error", file, message: "cannot use file as it holds no token" });
  }
  if (problems.length > 0) throw new ProblemError(problems);
  return tokens;
}

function isToken(line: string): boolean {
  return line.length >= SHORTEST_TOKEN && /^[\u0021-\u007e]+$/.test(line);
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
