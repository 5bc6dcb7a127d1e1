// SPDX-License-Identifier: Apache-2.0
/**
 * `deno task bench:hds`: what reports of a fleet cost, and how soon a verdict is in EDS. There is no
 * other server of health discovery to stand beside, only a goal. The method is in benches/README.md.
 * @module
 */
import { isWanted, parseBenchOptions } from "../lib/command_line.ts";
import { Comparison } from "../lib/comparison.ts";
import { print, progress } from "../lib/output.ts";
import { describeMachine, saveResults } from "../lib/results.ts";
import { runBench } from "../lib/run_bench.ts";
import { type FleetPlan, runFleet } from "./fleet.ts";
import { runLatency } from "./latency.ts";

const full = {
  envoys: 100,
  endpoints: 1000,
  steadyMs: 15_000,
  reports: 2000,
  changes: 30,
} as const;
const quick = { envoys: 20, endpoints: 1000, steadyMs: 6_000, reports: 400, changes: 10 } as const;

async function main(): Promise<void> {
  const options = parseBenchOptions(Deno.args);
  const plan: FleetPlan & { readonly changes: number } = options.quick ? quick : full;
  print(`bench:hds on ${describeMachine()}`);
  print("No other server of health discovery is to be had: Denvoy stands against a goal.");
  const comparison = new Comparison("denvoy");
  for (let pair = 0; pair < (options.pairs ?? 1); pair++) {
    if (isWanted("fleet", options.only)) {
      progress(`${plan.envoys} Envoys with ${plan.endpoints} endpoints each`);
      await runFleet(plan, { comparison, pair });
    }
    if (isWanted("latency", options.only)) {
      progress("from a probe's result to EDS");
      await runLatency(plan.changes, { comparison, pair });
    }
  }
  print(`\n${comparison.table()}\n`);
  if (options.save) print(await saveResults("hds", { comparison, args: Deno.args }));
  for (const line of comparison.ratioLines()) print(line);
}

if (import.meta.main) await runBench(main);
