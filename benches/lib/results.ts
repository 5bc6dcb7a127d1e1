// SPDX-License-Identifier: Apache-2.0
/**
 * Keeps the figures of a run with what they depend on: the machine and the commit.
 * @module
 */
import { repositoryRoot } from "@denvoy/tools/real_parts";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { capture } from "../../tools/real_parts/process.ts";
import type { Comparison } from "./comparison.ts";

/** Writes `benches/results/<bench>-<time>.json` and returns its path. */
export async function saveResults(
  bench: string,
  { comparison, args }: { readonly comparison: Comparison; readonly args: readonly string[] },
): Promise<string> {
  const time = new Date().toISOString();
  const ratios = comparison.ratios().map(({ figure, value }) => ({ ...figure, ratio: value }));
  const content = {
    bench,
    args,
    time,
    commit: await commit(),
    machine: machine(),
    ratios,
    measurements: comparison.measurements,
  };
  const folder = join(repositoryRoot, "benches", "results");
  await Deno.mkdir(folder, { recursive: true });
  const path = join(folder, `${bench}-${time.replace(/[:.]/g, "-")}.json`);
  await Deno.writeTextFile(path, `${JSON.stringify(content, undefined, 2)}\n`);
  return path;
}

/** One line about the machine, for the head of the output. */
export function describeMachine(): string {
  const { cpu, cores, memoryBytes, os, deno } = machine();
  return `${cores} x ${cpu}, ${Math.round(memoryBytes / 1024 ** 3)} GiB, ${os}, Deno ${deno}`;
}

function machine() {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? "unknown processor",
    cores: processors.length,
    memoryBytes: totalmem(),
    os: `${Deno.build.os} ${release()} ${Deno.build.arch}`,
    deno: Deno.version.deno,
  };
}

async function commit(): Promise<string> {
  const head = await capture("git", ["-C", repositoryRoot, "rev-parse", "HEAD"]);
  const changes = await capture("git", ["-C", repositoryRoot, "status", "--porcelain"]);
  return head.stdout.trim() + (changes.stdout.trim() === "" ? "" : " with changes");
}
