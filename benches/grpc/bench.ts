// SPDX-License-Identifier: Apache-2.0
/**
 * `deno task bench:grpc`: Denvoy's own HTTP/2 server, grpc-js and grpc-go answer the same calls in
 * turn. The method is in benches/README.md.
 * @module
 */
import { type BenchOptions, isWanted, parseBenchOptions } from "../lib/command_line.ts";
import { Comparison, orderOfPair } from "../lib/comparison.ts";
import { buildGoProgram } from "../lib/go.ts";
import { print, progress } from "../lib/output.ts";
import { describeMachine, saveResults } from "../lib/results.ts";
import { runBench } from "../lib/run_bench.ts";
import { runScenario } from "./run_scenario.ts";
import { pushBytes, type Scenario, scenarios } from "./scenarios.ts";
import { denvoyName, denvoySide, grpcGo, type Side } from "./sides.ts";

const full = { pairs: 3, share: 1 };
const quick = { pairs: 1, share: 0.2 };

async function main(): Promise<void> {
  const options = parseBenchOptions(Deno.args);
  print(`bench:grpc on ${describeMachine()}`);
  const { load, sides } = await prepare(options);
  if (load === undefined) return;
  // One comparison with each peer, as one of them is much further away than the other.
  const comparisons = new Map([
    ["grpc", new Comparison(denvoyName)],
    ["grpc_over_grpc_js", new Comparison(denvoyName)],
  ]);
  for (const scenario of scenarios.filter(({ name }) => isWanted(name, options.only))) {
    await compare(scenario, { load, sides, options, comparisons });
  }
  for (const comparison of comparisons.values()) print(`\n${comparison.table()}\n`);
  for (const [prefix, comparison] of comparisons) {
    if (options.save) print(await saveResults(prefix, { comparison, args: Deno.args }));
    for (const line of comparison.ratioLines()) print(line);
  }
}

interface Parts {
  /** The load client; undefined when it cannot be had. */
  readonly load: string | undefined;
  readonly sides: readonly Side[];
}

async function prepare(options: BenchOptions): Promise<Parts> {
  const folder = import.meta.dirname ?? ".";
  const load = await buildGoProgram(`${folder}/load`);
  if (load.kind === "unavailable") {
    print(`No load client, so nothing is measured: ${load.reason}`);
    return { load: undefined, sides: [] };
  }
  const sides = [denvoySide(denvoyName, "native"), denvoySide("grpc-js", "grpc-js")];
  const peer = await buildGoProgram(`${folder}/peer`);
  if (peer.kind === "unavailable") print(`No grpc-go: ${peer.reason}`);
  else sides.push(grpcGo(peer.path));
  return { load: load.path, sides: sides.filter(({ name }) => isWanted(name, options.side)) };
}

async function compare(
  scenario: Scenario,
  { load, sides, options, comparisons }: {
    readonly load: string;
    readonly sides: readonly Side[];
    readonly options: BenchOptions;
    readonly comparisons: ReadonlyMap<string, Comparison>;
  },
): Promise<void> {
  const plan = options.quick ? quick : full;
  const pairs = options.pairs ?? plan.pairs;
  for (let pair = 0; pair < pairs; pair++) {
    for (const side of orderOfPair(sides, pair)) {
      progress(`${scenario.name}, pair ${pair + 1} of ${pairs}: ${side.name}`);
      const keepers = comparisonsOf(side, comparisons);
      await using server = await side.start({ tls: scenario.tls, pushBytes });
      const { share } = plan;
      const run = { scenario, program: load, side: side.name, pair, share, comparisons: keepers };
      await runScenario(server, run);
    }
  }
}

/** Our values stand against each peer's; a peer's only against ours. */
function comparisonsOf(
  { name }: Side,
  comparisons: ReadonlyMap<string, Comparison>,
): ReadonlyMap<string, Comparison> {
  if (name === denvoyName) return comparisons;
  const own = name === "grpc-js" ? "grpc_over_grpc_js" : "grpc";
  return new Map([...comparisons].filter(([prefix]) => prefix === own));
}

if (import.meta.main) await runBench(main);
