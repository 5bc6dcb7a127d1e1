// SPDX-License-Identifier: Apache-2.0
/**
 * `deno task bench:rls`: Denvoy and envoyproxy/ratelimit decide on the same requests in turn, on one
 * Redis. The method is in benches/README.md.
 * @module
 */
import { getRateLimitReference } from "@denvoy/tools/real_parts";
import { type BenchOptions, isWanted, parseBenchOptions } from "../lib/command_line.ts";
import { Comparison } from "../lib/comparison.ts";
import { buildGoProgram } from "../lib/go.ts";
import { print, progress } from "../lib/output.ts";
import { describeMachine, saveResults } from "../lib/results.ts";
import { runBench } from "../lib/run_bench.ts";
import { runPair } from "./run_scenario.ts";
import { scenarios } from "./scenarios.ts";
import { denvoy, denvoyName, reference, type Side } from "./sides.ts";

const full = { pairs: 3, seconds: 4 };
const quick = { pairs: 1, seconds: 1 };

async function main(): Promise<void> {
  const options = parseBenchOptions(Deno.args);
  print(`bench:rls on ${describeMachine()}, load average ${Deno.loadavg()[0]?.toFixed(2)}`);
  const load = await buildGoProgram(`${import.meta.dirname}/../grpc/load`);
  if (load.kind === "unavailable") {
    return print(`No load client, so nothing is measured: ${load.reason}`);
  }
  const sides = await findSides(options);
  const comparison = new Comparison(denvoyName);
  await compare(comparison, { program: load.path, sides, options });
  print(`\n${comparison.table()}\n`);
  if (options.save) print(await saveResults("rls", { comparison, args: Deno.args }));
  for (const line of comparison.ratioLines()) print(line);
}

async function findSides(options: BenchOptions): Promise<readonly Side[]> {
  const peer = await getRateLimitReference();
  if (peer.kind === "unavailable") print(`No envoyproxy/ratelimit: ${peer.reason}`);
  const sides = peer.kind === "built" ? [denvoy, reference(peer.path)] : [denvoy];
  return sides.filter(({ name }) => isWanted(name, options.side));
}

async function compare(
  comparison: Comparison,
  { program, sides, options }: {
    readonly program: string;
    readonly sides: readonly Side[];
    readonly options: BenchOptions;
  },
): Promise<void> {
  const plan = options.quick ? quick : full;
  const pairs = options.pairs ?? plan.pairs;
  for (const scenario of scenarios.filter(({ name }) => isWanted(name, options.only))) {
    for (let pair = 0; pair < pairs; pair++) {
      progress(`${scenario.name}, pair ${pair + 1} of ${pairs}`);
      const run = { scenario, program, sides, pair, seconds: plan.seconds };
      for (const { figure, side, value } of await runPair(run)) {
        const name = `rls.${figure.name}`;
        comparison.record({ ...figure, name }, { side, pair, value });
      }
    }
  }
}

if (import.meta.main) await runBench(main);
