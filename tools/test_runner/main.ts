// SPDX-License-Identifier: Apache-2.0
/**
 * `deno task test [stage…] [flags of deno test]`: gets what it needs, runs the stages, and ends with
 * the counts. After a failure the rest is not run, except under CI, which wants to know everything.
 * @module
 */
import { join } from "node:path";
import { exists, repositoryRoot } from "../real_parts/mod.ts";
import { Report } from "./report.ts";
import { runStage, type StageResult } from "./run_stage.ts";
import { allStages, selectStages, type Stage, unitFolders } from "./stages.ts";

/** What was asked for on the command line. */
export interface TestFlags {
  /** Stages to run; all when empty. */
  readonly names: readonly string[];
  /** Run the rest after a failure. */
  readonly keepGoing: boolean;
  /** Passed on to `deno test`. */
  readonly testArgs: readonly string[];
}

/** Reads the arguments: names of stages, then flags. */
export function parseTestFlags(args: readonly string[], isCi: boolean): TestFlags {
  const firstFlag = args.findIndex((arg) => arg.startsWith("-"));
  const names = firstFlag < 0 ? args : args.slice(0, firstFlag);
  const flags = firstFlag < 0 ? [] : args.slice(firstFlag);
  return {
    names,
    keepGoing: isCi || flags.includes("--keep-going"),
    testArgs: flags.filter((flag) => flag !== "--keep-going"),
  };
}

/** Runs the stages in batches; returns the exit code. */
export async function runTests(stages: readonly Stage[], flags: TestFlags): Promise<number> {
  using report = new Report();
  const results: StageResult[] = [];
  const left = [...stages];
  for (const batch of batches(stages)) {
    if (!flags.keepGoing && results.some(({ counts }) => counts.failed > 0)) break;
    left.splice(0, batch.length);
    results.push(...await runBatch(batch, { flags, report }));
  }
  report.total(results, left);
  return results.some(({ counts }) => counts.failed > 0) ? 1 : 0;
}

/** Returns runs of neighbours that are isolated, and each other stage by itself. */
export function batches(stages: readonly Stage[]): readonly (readonly Stage[])[] {
  const found: Stage[][] = [];
  for (const stage of stages) {
    const last = found.at(-1);
    if (stage.isolated && last?.every((other) => other.isolated)) last.push(stage);
    else found.push([stage]);
  }
  return found;
}

interface BatchOptions {
  readonly flags: TestFlags;
  readonly report: Report;
}

async function runBatch(
  batch: readonly Stage[],
  { flags, report }: BatchOptions,
): Promise<readonly StageResult[]> {
  const waiting = [...batch];
  const results: StageResult[] = [];
  async function work(): Promise<void> {
    for (let stage = waiting.shift(); stage !== undefined; stage = waiting.shift()) {
      const current = stage;
      report.begin(current);
      const onLine = (line: string) => report.progress(current, line);
      const result = await runStage(current, { testArgs: flags.testArgs, onLine });
      report.end(result);
      results.push(result);
    }
  }
  const workers = Math.max(1, Math.min(navigator.hardwareConcurrency, batch.length));
  await Promise.all(Array.from({ length: workers }, work));
  return results;
}

async function findTests(folder: string): Promise<boolean> {
  const path = join(repositoryRoot, folder);
  if (!await exists(path)) return false;
  for await (const entry of Deno.readDir(path)) {
    if (entry.isFile && entry.name.endsWith("_test.ts")) return true;
    if (entry.isDirectory && await findTests(join(folder, entry.name))) return true;
  }
  return false;
}

async function main(): Promise<number> {
  const flags = parseTestFlags(Deno.args, Deno.env.get("CI") !== undefined);
  const candidates = [...unitFolders];
  for await (const { name } of Deno.readDir(join(repositoryRoot, "tests"))) {
    candidates.push(join("tests", name));
  }
  const found = await Promise.all(candidates.map(findTests));
  const stages = allStages(candidates.filter((_folder, index) => found[index]));
  return await runTests(selectStages(stages, flags.names), flags);
}

if (import.meta.main) {
  try {
    Deno.exitCode = await main();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    await Deno.stderr.write(new TextEncoder().encode(`${message}\n`));
    Deno.exitCode = 1;
  }
}
