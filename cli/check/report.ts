// SPDX-License-Identifier: Apache-2.0
/**
 * How problems are shown: to people, to programs, and beside the lines of a pull request.
 * @module
 */
import { formatProblem, type Problem } from "@denvoy/base";
import type { Styles } from "../output/styles.ts";
import type { CheckResult } from "./check_paths.ts";

/** The forms of a report. */
export const reportFormats = ["text", "json", "github"] as const;

/** Returns a report for people: a line per problem, and a summary. */
export function textReport(result: CheckResult, styles: Styles): string {
  const lines = result.problems.map((problem) => {
    const paint = problem.severity === "error" ? styles.red : styles.yellow;
    return `${paint(`${problem.severity}:`)} ${formatProblem(problem)}`;
  });
  const note = result.referencesUnknown
    ? ["note: references were not followed, as not every file could be read"]
    : [];
  const { errors, warnings } = countProblems(result.problems);
  const verdict = errors + warnings === 0
    ? styles.green("no problems")
    : [count(errors, "error"), count(warnings, "warning")].filter(Boolean).join(", ");
  const parts = [count(result.resources, "resource"), count(result.rules, "limit rule")];
  const what = `${count(result.files, "file") || "no files"}, ` +
    (parts.filter(Boolean).join(", ") || nothingOf(result));
  return [...lines, ...note, `${what}: ${verdict}`].join("\n") + "\n";
}

/** Files with errors count for nothing: only what they are about can be said. */
function nothingOf({ files, limitFiles }: CheckResult): string {
  return files > 0 && files === limitFiles ? "no limit rules without errors" : "no resources";
}

/** Returns a report for programs. */
export function jsonReport(result: CheckResult): string {
  const { errors, warnings } = countProblems(result.problems);
  const { files, resources, rules, problems, referencesUnknown } = result;
  const report = {
    ok: errors === 0,
    files,
    resources,
    rules,
    errors,
    warnings,
    referencesChecked: !referencesUnknown,
    problems,
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

/** Returns workflow commands of GitHub Actions, which shows each problem at its line. */
export function githubReport({ problems }: CheckResult): string {
  return problems.map((problem) => {
    const { severity, file, line, column, path, message, hint } = problem;
    const properties = [
      ...(file === undefined ? [] : [`file=${escapeProperty(file)}`]),
      ...(line === undefined ? [] : [`line=${line}`]),
      ...(column === undefined ? [] : [`col=${column}`]),
    ];
    const text = formatProblem({ severity, message, ...(path && { path }), ...(hint && { hint }) });
    return `::${severity} ${properties.join(",")}::${escapeData(text)}\n`;
  }).join("");
}

/** Returns how many errors and warnings there are. */
export function countProblems(
  problems: readonly Problem[],
): { readonly errors: number; readonly warnings: number } {
  const errors = problems.filter(({ severity }) => severity === "error").length;
  return { errors, warnings: problems.length - errors };
}

function count(number: number, noun: string): string {
  return number === 0 ? "" : `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
