// SPDX-License-Identifier: Apache-2.0
/**
 * The limits that count now, and how their files are.
 * @module
 */
import { formatProblem } from "@denvoy/base";
import type { ComponentHealth, TextFileState } from "@denvoy/runtime";
import type { LimitSet } from "./domain/limit_set.ts";
import type { RlsInstruments } from "./metrics.ts";

/** Problems that `/readyz` shows; the log has all. */
const SHOWN_PROBLEMS = 10;

/** Holds the last good limits. */
export class LimitsInForce {
  /** How the limits are, for `/readyz`. */
  readonly health: ComponentHealth;
  readonly #instruments: RlsInstruments;
  readonly #listeners: ((set: LimitSet) => void)[] = [];
  #set: LimitSet | undefined;
  #rules = 0;
  #problems = 0;

  /** There are none yet. */
  constructor(health: ComponentHealth, instruments: RlsInstruments) {
    this.health = health;
    this.#instruments = instruments;
  }

  /** The limits; undefined before any were good. */
  get set(): LimitSet | undefined {
    return this.#set;
  }

  /** How many rules there are. */
  get rules(): number {
    return this.#rules;
  }

  /** Errors of the files as they are now. */
  get problems(): number {
    return this.#problems;
  }

  /** Has a listener told of all limits that are taken over from now on. */
  subscribe(listener: (set: LimitSet) => void): void {
    this.#listeners.push(listener);
  }

  /** Takes limits over; calls under way keep theirs. */
  take(set: LimitSet): void {
    this.#set = set;
    this.#rules = [...set.rules()].length;
    for (const listener of this.#listeners) listener(set);
  }

  /** Takes a state of the files. */
  follow(state: TextFileState<LimitSet>): void {
    if (state.kind === "ok") {
      this.#problems = 0;
      this.#instruments.fileLoads.add(1, { outcome: "applied" });
      return this.health.ok(`${state.files} files, ${this.#rules} rules`);
    }
    const errors = state.problems.filter(({ severity }) => severity === "error");
    this.#problems = errors.length;
    this.#instruments.fileLoads.add(1, { outcome: "refused" });
    const shown = errors.slice(0, SHOWN_PROBLEMS).map(formatProblem);
    const more = errors.length > SHOWN_PROBLEMS
      ? [`and ${errors.length - SHOWN_PROBLEMS} more`]
      : [];
    if (this.#set === undefined) return this.health.failed([...shown, ...more].join("\n"));
    this.health.degraded(["the last good limits count", ...shown, ...more].join("\n"));
  }
}
