// SPDX-License-Identifier: Apache-2.0
/**
 * Runs one stage and says what came of it.
 * @module
 */
import { stripVTControlCharacters } from "node:util";
import { join } from "node:path";
import { Child, type ChildExit } from "../child.ts";
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

/**
 * Runs a stage to its end, or to the end of its time. Its output is kept in the cache folder. A check
 * that a signal ended is run once more: Deno 2.9.5 crashes now and then as it lints with a plugin,
 * and a crash of the tool says nothing about the code. Tests are never run again.
 */
export async function runStage(stage: Stage, options: RunOptions): Promise<StageResult> {
  const { result, signal } = await runOnce(stage, options);
  if (stage.kind === "tests" || signal === undefined) return result;
  return (await runOnce(stage, options)).result;
}

interface Run {
  readonly result: StageResult;
  /** What ended it, unless it ended by itself or for being late. */
  readonly signal: ChildExit["signal"];
}

async function runOnce(stage: Stage, options: RunOptions): Promise<Run> {
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
  const { code, signal } = await endOf(child, { stage, onLine });
  if (signal !== undefined) onLine(`${stage.name} was ended by ${signal}`);
  await keepLog(stage, lines);
  const counts = countsOf(stage, { code, lines });
  return { result: { stage, counts, tookMs: performance.now() - started, lines }, signal };
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
): Promise<Pick<ChildExit, "code" | "signal">> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    onLine(`${stage.name} must end in ${stage.withinMs / 1000} s: it was ended`);
    void child.stop();
  }, stage.withinMs);
  const { code, signal } = await child.exited;
  clearTimeout(timer);
  return isLate ? { code: Math.max(code, 1), signal: undefined } : { code, signal };
}

async function keepLog(stage: Stage, lines: readonly string[]): Promise<void> {
  const folder = join(cacheFolder(), "test-logs");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, `${stage.name}.log`), lines.join("\n") + "\n");
}
