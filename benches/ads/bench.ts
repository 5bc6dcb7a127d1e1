// SPDX-License-Identifier: Apache-2.0
/**
 * `deno task bench:ads`: Denvoy and a server on go-control-plane do the same work in turn. The
 * method is in benches/README.md.
 * @module
 */
import { isWanted, parseBenchOptions } from "../lib/command_line.ts";
import { Comparison, orderOfPair } from "../lib/comparison.ts";
import { buildGoProgram } from "../lib/go.ts";
import { print, progress } from "../lib/output.ts";
import { describeMachine, saveResults } from "../lib/results.ts";
import { runBench } from "../lib/run_bench.ts";
import { type FanOut, runFanOut } from "./fan_out.ts";
import { runFolder } from "./folder.ts";
import { denvoy, denvoyName, goControlPlane, peerName, type Side, withServer } from "./sides.ts";
import { type WorkSize, writeTwoFiles } from "./work.ts";

const size: WorkSize = { clusters: 1_000, endpoints: 100 };

// gRPC clients other than Envoy allow this much unread: the rest waits in the server. The snapshot
// form takes a minute and more for it, and more memory than the linear one.
const window64k = {
  name: "window64k",
  streams: 1_000,
  windowBytes: 65_535,
  without: [peerName("snapshot")],
  pairs: 2,
  changes: 0,
  burst: 0,
} as const;

const full = {
  fanOuts: [
    { name: "delta100", streams: 100, pairs: 3, changes: 30, burst: 10 },
    { name: "delta1000", streams: 1_000, pairs: 2, changes: 15, burst: 10 },
    window64k,
  ],
  folders: [100, 1_000, 10_000],
  folderRuns: 3,
} as const;

const quick = {
  fanOuts: [{ name: "delta100", streams: 100, pairs: 2, changes: 10, burst: 10 }],
  folders: [100, 1_000],
  folderRuns: 1,
} as const;

async function main(): Promise<void> {
  const options = parseBenchOptions(Deno.args);
  const plan = options.quick ? quick : full;
  print(`bench:ads on ${describeMachine()}`);
  const parts = await prepare();
  const sides = parts.sides.filter(({ name }) => isWanted(name, options.side));
  const comparison = new Comparison(denvoyName);
  const { load } = parts;
  if (load !== undefined) {
    for (const scenario of plan.fanOuts.filter(({ name }) => isWanted(name, options.only))) {
      const pairs = options.pairs ?? scenario.pairs;
      await compare({ ...scenario, pairs }, { load, sides, comparison });
    }
  }
  const folders = isWanted(denvoyName, options.side) ? plan.folders : [];
  for (const resources of folders.filter((count) => isWanted(`folder${count}`, options.only))) {
    const runs = options.pairs ?? plan.folderRuns;
    await runFolder(resources, { program: load, comparison, runs });
  }
  print(`\n${comparison.table()}\n`);
  if (options.save) print(await saveResults("ads", { comparison, args: Deno.args }));
  for (const line of comparison.ratioLines()) print(line);
}

interface Parts {
  /** The load client; undefined when it cannot be had. */
  readonly load: string | undefined;
  readonly sides: readonly Side[];
}

async function prepare(): Promise<Parts> {
  const folder = import.meta.dirname ?? ".";
  const load = await buildGoProgram(`${folder}/load`);
  if (load.kind === "unavailable") {
    print(`No load client, so only the loading of folders is measured: ${load.reason}`);
    return { load: undefined, sides: [] };
  }
  const peer = await buildGoProgram(`${folder}/peer`);
  if (peer.kind === "unavailable") {
    print(`No go-control-plane, so Denvoy is measured alone: ${peer.reason}`);
    return { load: load.path, sides: [denvoy] };
  }
  const forms = ["linear", "snapshot"] as const;
  const peers = forms.map((form) => goControlPlane(peer.path, form));
  return { load: load.path, sides: [denvoy, ...peers] };
}

async function compare(
  scenario: FanOut,
  { load, sides, comparison }: {
    readonly load: string;
    readonly sides: readonly Side[];
    readonly comparison: Comparison;
  },
): Promise<void> {
  const participants = sides.filter(({ name }) => !scenario.without?.includes(name));
  const resources = await Deno.makeTempDir({ prefix: "denvoy-bench-" });
  try {
    await writeTwoFiles(resources, size);
    for (let pair = 0; pair < scenario.pairs; pair++) {
      for (const side of orderOfPair(participants, pair)) {
        progress(`${scenario.name}, pair ${pair + 1} of ${scenario.pairs}: ${side.name}`);
        const run = { scenario, program: load, size, side: side.name, pair, comparison };
        await withServer({ side, resources }, (server) => runFanOut(server, run));
      }
    }
  } finally {
    await Deno.remove(resources, { recursive: true });
  }
}

if (import.meta.main) await runBench(main);
