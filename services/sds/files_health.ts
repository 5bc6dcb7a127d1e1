// SPDX-License-Identifier: Apache-2.0
/**
 * Tells readiness and metrics how the secret files are.
 * @module
 */
import { formatProblem } from "@denvoy/base";
import type { ComponentHealth } from "@denvoy/runtime";
import type { SecretFilesState } from "./adapters/secret_files.ts";
import type { SdsInstruments } from "./metrics.ts";

/** Problems that `/readyz` shows; the log has all. */
const SHOWN_PROBLEMS = 10;

/** How the secret files are, from their states. */
export class FilesHealth {
  readonly #health: ComponentHealth;
  readonly #loads: SdsInstruments["fileLoads"];
  #problems = 0;

  /** Nothing has been loaded yet. */
  constructor(health: ComponentHealth, { fileLoads }: Pick<SdsInstruments, "fileLoads">) {
    this.#health = health;
    this.#loads = fileLoads;
  }

  /** What is wrong with the files as they are on the disk now. */
  get problems(): number {
    return this.#problems;
  }

  /** Takes a state of the files. */
  follow(state: SecretFilesState): void {
    if (state.kind === "ok") {
      this.#problems = 0;
      this.#loads.add(1, { outcome: "applied" });
      this.#health.ok(`${state.secrets} secrets`);
      return;
    }
    this.#problems = state.problems.length;
    this.#loads.add(1, { outcome: "refused" });
    const shown = state.problems.slice(0, SHOWN_PROBLEMS).map(formatProblem);
    const left = state.problems.length - shown.length;
    const more = left > 0 ? [`and ${left} more`] : [];
    this.#health.degraded(["what was good before is served", ...shown, ...more].join("\n"));
  }

  /** There are no files to follow. */
  absent(): void {
    this.#health.ok("no --secrets");
  }
}
