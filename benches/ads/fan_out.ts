// SPDX-License-Identifier: Apache-2.0
/**
 * Scenarios in which many streams want everything: start, changes, CPU and memory.
 * @module
 */
import { type Comparison, type Figure, median } from "../lib/comparison.ts";
import { progress } from "../lib/output.ts";
import type { ProcessUsage } from "../lib/process_usage.ts";
import type { Server } from "../lib/server.ts";
import { Fleet } from "./fleet.ts";
import { type Change, putChange, type WorkSize } from "./work.ts";

/** One scenario. */
export interface FanOut {
  /** Its part of the figures' names, e.g. `delta1000`. */
  readonly name: string;
  /** Streams, each on a connection of its own. */
  readonly streams: number;
  /** Bytes that a connection may have unread; what Envoy allows if absent. */
  readonly windowBytes?: number;
  /** Names of sides that take no part. */
  readonly without?: readonly string[];
  /** How often each side does it. */
  readonly pairs: number;
  /** Changes that are made one after another; at least 1 when there is a burst. */
  readonly changes: number;
  /** Changes that are then made at once. */
  readonly burst: number;
}

/** What one run of a scenario is about. */
export interface FanOutRun {
  /** The scenario. */
  readonly scenario: FanOut;
  /** The load client. */
  readonly program: string;
  /** What is served. */
  readonly size: WorkSize;
  /** Who is measured. */
  readonly side: string;
  /** Number of the pair. */
  readonly pair: number;
  /** Gets the values. */
  readonly comparison: Comparison;
}

const idleMs = 50;
// What a server still does after the last stream has a change counts as its CPU, too.
const settleMs = 1_000;

/** Does the scenario once against a server that is ready and has no streams. */
export async function runFanOut(server: Server, run: FanOutRun): Promise<void> {
  const { scenario, size, program } = run;
  await using fleet = new Fleet(program, server, { resources: size.clusters, ...scenario });
  const subject: Subject = { server, fleet, run };
  await measureStart(subject);
  if (scenario.changes > 0) await measureChanges(subject);
  if (scenario.burst > 0) await measureBurst(subject);
  const end = await settledUsage(server);
  record(run, { what: "memory", title: "peak memory (RSS)", unit: "bytes" }, end.peakBytes);
  const settled = { what: "memory_settled", title: "memory at the end", unit: "bytes" } as const;
  record(run, settled, end.residentBytes);
}

interface Subject {
  readonly server: Server;
  readonly fleet: Fleet;
  readonly run: FanOutRun;
}

async function measureStart({ server, fleet, run }: Subject): Promise<void> {
  const before = await server.usage();
  const loaded = { what: "memory_loaded", title: "memory before streams", unit: "bytes" } as const;
  record(run, { what: "load", title: "start to ready", unit: "ms" }, server.loadMs);
  record(run, loaded, before.residentBytes);
  const start = await fleet.start();
  const after = await settledUsage(server);
  const title = "until all streams have everything";
  record(run, { what: "start", title, unit: "ms" }, last(start.lastMs));
  record(run, { what: "start_cpu", title: "CPU for that", unit: "s" }, cpuBetween(before, after));
  progress(`load client: ${start.clientCpuSeconds.toFixed(1)} s of CPU for the start`);
}

async function measureChanges({ server, fleet, run }: Subject): Promise<void> {
  const count = run.scenario.changes;
  const before = await server.usage();
  const all = await fleet.changes(changes({ first: 0, count }, { server, run }), { idleMs });
  const after = await settledUsage(server);
  const toLast = { what: "change_to_last", title: "change to last stream", unit: "ms" } as const;
  record(run, toLast, median(all.lastMs) ?? NaN);
  const cpu = { what: "cpu", title: "CPU for 100 changes", unit: "s" } as const;
  record(run, cpu, cpuBetween(before, after) * 100 / count);
}

async function measureBurst({ server, fleet, run }: Subject): Promise<void> {
  const { burst: count, changes: first } = run.scenario;
  const burst = await fleet.burst(changes({ first, count }, { server, run }));
  const title = `${count} changes at once to last stream`;
  record(run, { what: "burst", title, unit: "ms" }, last(burst.lastMs));
}

type Measured = Pick<Figure, "title" | "unit"> & { readonly what: string };

function record(run: FanOutRun, { what, title, unit }: Measured, value: number): void {
  const { comparison, side, pair, scenario } = run;
  const name = `ads.${scenario.name}.${what}`;
  comparison.record({ name, title, unit, better: "less" }, { side, pair, value });
}

async function settledUsage(server: Server): Promise<ProcessUsage> {
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  return await server.usage();
}

function changes(
  { first, count }: { readonly first: number; readonly count: number },
  { server, run }: { readonly server: Server; readonly run: FanOutRun },
): readonly Change[] {
  const into = { size: run.size, httpUrl: server.httpUrl };
  return Array.from({ length: count }, (_, index) => putChange(first + index, into));
}

function cpuBetween(before: ProcessUsage, after: ProcessUsage): number {
  return after.cpuSeconds - before.cpuSeconds;
}

function last(values: readonly number[]): number {
  return values.at(-1) ?? NaN;
}
