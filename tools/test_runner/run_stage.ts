// SPDX-License-Identifier: Apache-2.0
/**
 * Runs one stage and says what came of it.
 * @module
 */
import { stripVTControlCharacters } from "node:util";
import { join } from "node:path";
import { Child } from "../child.ts";
import { cacheFolder, repositoryRoot } from "../real_parts/mod.ts";
import { type Counts, noCounts, parseCounts } from "./counts.ts";
import type { Stage } from "./stages.ts";

/** What came of a stage. */
export interface StageResult {
  /** The stage. */
  readonly stage: Stage;
  /** Its tests; of a check, one. */
  readonly counts: Counts;
  /** How long it took. */
  readonly tookMs: number;
  /** What it printed, without colours. */
  readonly lines: readonly string[];
}

/** What a stage is run with. */
export interface RunOptions {
  /** More arguments for `deno test`, e.g. `--filter`; not for checks. */
  readonly testArgs: readonly string[];
  /** Called with each line that the stage prints. */
  readonly onLine: (line: string) => void;
}

/** Runs a stage to its end, or to the end of its time. Its output is kept in the cache folder. */
export async function runStage(stage: Stage, options: RunOptions): Promise<StageResult> {
  const started = performance.now();
  const lines: string[] = [];
  const onLine = (line: string) => {
    lines.push(stripVTControlCharacters(line));
    options.onLine(lines.at(-1) ?? "");
  };
  const args = stage.kind === "tests" ? [...stage.args, ...options.testArgs] : stage.args;
  await using child = Child.start({
    name: stage.name,
    command: Deno.execPath(),
    args,
    cwd: repositoryRoot,
    env: { NO_COLOR: "1" },
    onLine,
  });
  const code = await endOf(child, { stage, onLine });
  await keepLog(stage, lines);
  return {
    stage,
    counts: countsOf(stage, { code, lines }),
    tookMs: performance.now() - started,
    lines,
  };
}

/** Returns the counts of a stage that ended with `code` after printing `lines`. */
export function countsOf(
  stage: Stage,
  { code, lines }: { readonly code: number; readonly lines: readonly string[] },
): Counts {
  if (stage.kind === "check") return { ...noCounts, [code === 0 ? "passed" : "failed"]: 1 };
  const counts = parseCounts(lines) ?? noCounts;
  // It failed, but not by a test: a module that cannot be loaded, a crash, no time left.
  if (code !== 0 && counts.failed === 0) return { ...counts, failed: 1 };
  return counts;
}

async function endOf(
  child: Child,
  { stage, onLine }: { readonly stage: Stage; readonly onLine: (line: string) => void },
): Promise<number> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    onLine(`${stage.name} must end in ${stage.withinMs / 1000} s: it was ended`);
    void child.stop();
  }, stage.withinMs);
  const { code } = await child.exited;
  clearTimeout(timer);
  return isLate ? Math.max(code, 1) : code;
}

async function keepLog(stage: Stage, lines: readonly string[]): Promise<void> {
  const folder = join(cacheFolder(), "test-logs");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, `${stage.name}.log`), lines.join("\n") + "\n");
}
