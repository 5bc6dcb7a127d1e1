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
import { type Measured, runScenario } from "./run_scenario.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import { denvoyName, denvoySide, grpcGo, grpcGoName, grpcJsName, type Side } from "./sides.ts";

const full = { pairs: 3, seconds: 3 };
const quick = { pairs: 1, seconds: 1 };

/** Denvoy against one peer: one is much further away than the other. */
class Duel {
  readonly comparison = new Comparison(denvoyName);
  readonly #peer: string;
  readonly #suffix: string;

  /** Figures are named `grpc.<figure><suffix>`. */
  constructor(peer: string, suffix: string) {
    this.#peer = peer;
    this.#suffix = suffix;
  }

  record({ figure, value }: Measured, { side, pair }: { side: string; pair: number }): void {
    if (side !== denvoyName && side !== this.#peer) return;
    const name = `grpc.${figure.name}${this.#suffix}`;
    this.comparison.record({ ...figure, name }, { side, pair, value });
  }
}

async function main(): Promise<void> {
  const options = parseBenchOptions(Deno.args);
  print(`bench:grpc on ${describeMachine()}`);
  const parts = await prepare(options);
  if (parts === undefined) return;
  const duels = [new Duel(grpcGoName, ""), new Duel(grpcJsName, ".vs_grpc_js")];
  for (const scenario of scenarios.filter(({ name }) => isWanted(name, options.only))) {
    await compare(scenario, { ...parts, options, duels });
  }
  for (const { comparison } of duels) print(`\n${comparison.table()}\n`);
  for (const { comparison } of duels) {
    if (options.save) print(await saveResults("grpc", { comparison, args: Deno.args }));
    for (const line of comparison.ratioLines()) print(line);
  }
}

interface Parts {
  /** The load client. */
  readonly program: string;
  readonly sides: readonly Side[];
}

async function prepare(options: BenchOptions): Promise<Parts | undefined> {
  const folder = import.meta.dirname ?? ".";
  const load = await buildGoProgram(`${folder}/load`);
  if (load.kind === "unavailable") {
    print(`No load client, so nothing is measured: ${load.reason}`);
    return undefined;
  }
  const sides = [denvoySide(denvoyName, "native"), denvoySide(grpcJsName, "grpc-js")];
  const peer = await buildGoProgram(`${folder}/peer`);
  if (peer.kind === "unavailable") print(`No grpc-go: ${peer.reason}`);
  else sides.push(grpcGo(peer.path));
  return { program: load.path, sides: sides.filter(({ name }) => isWanted(name, options.side)) };
}

interface Participants extends Parts {
  readonly options: BenchOptions;
  readonly duels: readonly Duel[];
}

async function compare(scenario: Scenario, participants: Participants): Promise<void> {
  const { program, sides, options, duels } = participants;
  const plan = options.quick ? quick : full;
  const pairs = options.pairs ?? plan.pairs;
  for (let pair = 0; pair < pairs; pair++) {
    for (const side of orderOfPair(sides, pair)) {
      progress(`${scenario.name}, pair ${pair + 1} of ${pairs}: ${side.name}`);
      const values = await runScenario({ scenario, program, side, seconds: plan.seconds });
      for (const value of values) {
        for (const duel of duels) duel.record(value, { side: side.name, pair });
      }
    }
  }
}

if (import.meta.main) await runBench(main);
