// SPDX-License-Identifier: Apache-2.0
/**
 * Tells readiness and metrics how the resource files are.
 * @module
 */
import { formatProblem } from "@denvoy/base";
import type { ComponentHealth } from "@denvoy/runtime";
import type { FileSourceState } from "./adapters/file_source.ts";
import type { AdsInstruments } from "./metrics.ts";

/** Problems that `/readyz` shows; the log has all. */
const SHOWN_PROBLEMS = 10;

/** How the resource files are, from their states. */
export class FilesHealth {
  readonly #health: ComponentHealth;
  readonly #loads: AdsInstruments["fileLoads"];
  #problems = 0;

  /** Nothing has been loaded yet. */
  constructor(health: ComponentHealth, { fileLoads }: Pick<AdsInstruments, "fileLoads">) {
    this.#health = health;
    this.#loads = fileLoads;
  }

  /** Errors of the files as they are on the disk now; while there are any, nothing of them is taken. */
  get problems(): number {
    return this.#problems;
  }

  /** Takes a state of the source. */
  follow(state: FileSourceState): void {
    if (state.kind === "ok") {
      this.#problems = 0;
      this.#loads.add(1, { outcome: "applied" });
      this.#health.ok(`${state.files} files`);
      return;
    }
    const errors = state.problems.filter(({ severity }) => severity === "error");
    this.#problems = errors.length;
    this.#loads.add(1, { outcome: "refused" });
    const shown = errors.slice(0, SHOWN_PROBLEMS).map(formatProblem);
    const more = errors.length > SHOWN_PROBLEMS
      ? [`and ${errors.length - SHOWN_PROBLEMS} more`]
      : [];
    this.#health.degraded(["the last good state is served", ...shown, ...more].join("\n"));
  }

  /** There are no files to follow. */
  absent(): void {
    this.#health.ok("no --resources");
  }
}
