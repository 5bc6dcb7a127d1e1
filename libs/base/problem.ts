// SPDX-License-Identifier: Apache-2.0
/**
 * What is wrong with an input, in a form that people and programs can act on: where (file, line,
 * column, field path), which rule, which value, and what was probably meant.
 * @module
 */

/** One thing wrong with an input. */
export interface Problem {
  /** `error` refuses the input; `warning` lets it pass. */
  readonly severity: "error" | "warning";
  /** What is wrong, with the rule and the value: lower-case start, no full stop. */
  readonly message: string;
  /** The file as the user named it; absent for input that came over a socket. */
  readonly file?: string;
  /** 1-based line of the value in its file. */
  readonly line?: number;
  /** 1-based column of the value in its file. */
  readonly column?: number;
  /** Path of the field in proto names, e.g. `resources[2].filter_chains[0].filters[1].typed_config`. */
  readonly path?: string;
  /** What the user probably meant, e.g. `did you mean "connect_timeout"?`. */
  readonly hint?: string;
}

/** Thrown where an input with problems cannot be used at all; carries each of them. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  /** All problems found, errors and warnings, in the order of the input. */
  readonly problems: readonly Problem[];

  /** `problems` holds at least one error. */
  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.problems = problems;
  }
}

/** Returns one line for people: `file:line:column: path: message (hint)`; absent parts are left out. */
export function formatProblem(problem: Problem): string {
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== undefined);
  const parts = place.length > 0 ? [place.join(":")] : [];
  if (problem.path) parts.push(problem.path);
  const hint = problem.hint ? ` (${problem.hint})` : "";
  return [...parts, problem.message + hint].join(": ");
}

/** Tells whether any of the problems refuses the input. */
export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === "error");
}
