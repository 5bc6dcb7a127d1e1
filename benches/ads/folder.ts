// SPDX-License-Identifier: Apache-2.0
/**
 * How Denvoy copes with a large folder: how long it loads, and how long one changed file takes to
 * reach a node, which must not grow with the folder.
 * @module
 */
import { type Comparison, type Figure, median } from "../lib/comparison.ts";
import { progress } from "../lib/output.ts";
import type { Server } from "../lib/server.ts";
import { Fleet } from "./fleet.ts";
import { denvoy, denvoyName, withServer } from "./sides.ts";
import { fileChange, type WorkSize, writeOneFileEach } from "./work.ts";

const changes = 10;
// Longer than any debounce, so that each change is one by itself.
const idleMs = 300;

/** What the folder bench needs. */
export interface FolderBench {
  /** The load client; without it only the load time is measured. */
  readonly program: string | undefined;
  /** Gets the values. */
  readonly comparison: Comparison;
  /** How often each size is measured. */
  readonly runs: number;
}

/** Measures folders with `resources` resources, half clusters and half endpoints, a file each. */
export async function runFolder(resources: number, bench: FolderBench): Promise<void> {
  const size: WorkSize = { clusters: resources / 2, endpoints: 10 };
  const folder = await Deno.makeTempDir({ prefix: "denvoy-bench-" });
  try {
    await writeOneFileEach(folder, size);
    for (let run = 0; run < bench.runs; run++) {
      progress(`folder of ${resources} resources, run ${run + 1} of ${bench.runs}`);
      await withServer(
        { side: denvoy, resources: folder },
        (server) => measure(server, { bench, size, folder, run }),
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface FolderRun {
  readonly bench: FolderBench;
  readonly size: WorkSize;
  readonly folder: string;
  readonly run: number;
}

async function measure(server: Server, folderRun: FolderRun): Promise<void> {
  const { bench, size, run } = folderRun;
  const record = (what: string, title: string) => (value: number) => {
    const name = `ads.folder${size.clusters * 2}.${what}`;
    const figure: Figure = { name, title, unit: "ms", better: "less" };
    bench.comparison.record(figure, { side: denvoyName, pair: run, value });
  };
  record("load", "start to ready")(server.loadMs);
  if (bench.program === undefined) return;
  const measured = await changeFiles(server, { ...folderRun, program: bench.program });
  record("file_change", "one file changed, to the node")(measured.ms);
  record("file_change_cpu", "CPU for that")(measured.cpuMs);
}

async function changeFiles(
  server: Server,
  { program, size, folder, run }: FolderRun & { readonly program: string },
): Promise<{ readonly ms: number; readonly cpuMs: number }> {
  await using fleet = new Fleet(program, server, { streams: 1, resources: size.clusters });
  await fleet.start();
  const before = await server.usage();
  const numbers = Array.from({ length: changes }, (_, index) => run * changes + index);
  const all = await fleet.changes(
    numbers.map((number) => fileChange(number, { size, folder })),
    { idleMs },
  );
  const after = await server.usage();
  const cpuMs = (after.cpuSeconds - before.cpuSeconds) * 1000 / changes;
  return { ms: median(all.lastMs) ?? NaN, cpuMs };
}
