// SPDX-License-Identifier: Apache-2.0
/**
 * Collects what is wrong with the parts of a secret.
 * @module
 */
import type { Problem } from "@denvoy/base";
import type { SecretPart } from "./secret_check.ts";

/** What is wrong with a part, and where in it. */
export interface PartProblem {
  /** Action, rule, value. */
  readonly message: string;
  /** 1-based line. */
  readonly line?: number;
  /** What was probably meant. */
  readonly hint?: string;
}

/** The problems of one secret, with the file of each part where it has one. */
export class ProblemList {
  readonly #places: Readonly<Partial<Record<SecretPart, string>>>;
  readonly #problems: Problem[] = [];

  /** `places` are the files of the parts. */
  constructor(places: Readonly<Partial<Record<SecretPart, string>>> = {}) {
    this.#places = places;
  }

  /** All problems so far. */
  get all(): readonly Problem[] {
    return this.#problems;
  }

  /** Whether one of them refuses the secret. */
  get refuses(): boolean {
    return this.#problems.some(({ severity }) => severity === "error");
  }

  /** Adds what refuses the secret. */
  error(part: SecretPart, { message, ...place }: PartProblem): void {
    this.#add({ severity: "error", message, ...place }, part);
  }

  /** Adds what lets it pass. */
  warn(part: SecretPart, { message, ...place }: PartProblem): void {
    this.#add({ severity: "warning", message, ...place }, part);
  }

  #add(problem: Problem, part: SecretPart): void {
    const file = this.#places[part];
    this.#problems.push(file === undefined ? { path: part, ...problem } : { file, ...problem });
  }
}
