// SPDX-License-Identifier: Apache-2.0
/**
 * `deno task bench:sds`: how fast certificates are issued, and a new bundle reaches all Envoys. The
 * method is in benches/README.md.
 * @module
 */
import { type BenchOptions, isWanted, parseBenchOptions } from "../lib/command_line.ts";
import { Comparison } from "../lib/comparison.ts";
import { buildGoProgram } from "../lib/go.ts";
import { print, progress } from "../lib/output.ts";
import { describeMachine, saveResults } from "../lib/results.ts";
import { runBench } from "../lib/run_bench.ts";
import { compareIssuing, denvoyName, type Issuing } from "./issuing.ts";
import { runPushes } from "./pushes.ts";

interface Plan {
  readonly issuing: readonly Issuing[];
  /** How many Envoys get pushes. */
  readonly nodes: readonly number[];
  /** Changes of a bundle. */
  readonly changes: number;
  readonly pairs: number;
}

const full: Plan = {
  issuing: [
    { name: "p256", keyType: "ec-p256", count: 1000, pairs: 3 },
    { name: "rsa2048", keyType: "rsa-2048", count: 50, pairs: 2 },
  ],
  nodes: [1000],
  changes: 10,
  pairs: 2,
};
const quick: Plan = {
  issuing: [
    { name: "p256", keyType: "ec-p256", count: 1000, pairs: 1 },
    { name: "rsa2048", keyType: "rsa-2048", count: 20, pairs: 1 },
  ],
  nodes: [100],
  changes: 3,
  pairs: 1,
};

async function main(): Promise<void> {
  const options = parseBenchOptions(Deno.args);
  print(`bench:sds on ${describeMachine()}, load average ${Deno.loadavg()[0]?.toFixed(2)}`);
  const plan = options.quick ? quick : full;
  const comparison = new Comparison(denvoyName);
  await measureIssuing(plan, { options, comparison });
  await measurePushes(plan, { options, comparison });
  print(`\n${comparison.table()}\n`);
  if (options.save) print(await saveResults("sds", { comparison, args: Deno.args }));
  for (const line of comparison.ratioLines()) print(line);
}

interface Measuring {
  readonly options: BenchOptions;
  readonly comparison: Comparison;
}

async function measureIssuing(plan: Plan, { options, comparison }: Measuring): Promise<void> {
  for (const issuing of plan.issuing.filter(({ name }) => isWanted(name, options.only))) {
    const pairs = options.pairs ?? issuing.pairs;
    await compareIssuing({ ...issuing, pairs }, { comparison, wanted: options.side });
  }
}

async function measurePushes(plan: Plan, { options, comparison }: Measuring): Promise<void> {
  const wanted = plan.nodes.filter((nodes) => isWanted(`bundle${nodes}`, options.only));
  if (wanted.length === 0 || !isWanted(denvoyName, options.side)) return;
  const load = await buildGoProgram(`${import.meta.dirname}/../ads/load`);
  if (load.kind === "unavailable") {
    return print(`No load client, so pushes are not measured: ${load.reason}`);
  }
  const pairs = options.pairs ?? plan.pairs;
  for (const nodes of wanted) {
    for (let pair = 0; pair < pairs; pair++) {
      progress(`bundle${nodes}, run ${pair + 1} of ${pairs}`);
      const { changes } = plan;
      await runPushes({ program: load.path, nodes, changes, side: denvoyName, pair, comparison });
    }
  }
}

if (import.meta.main) await runBench(main);
