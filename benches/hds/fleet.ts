// SPDX-License-Identifier: Apache-2.0
/**
 * What the reports of a fleet cost: at their pace, and as fast as they can be taken.
 * @module
 */
import type { Comparison } from "../lib/comparison.ts";
import type { Server } from "../lib/server.ts";
import { endpointAddresses, startHds, webResources } from "./hds_server.ts";
import { reportOf, SimulatedEnvoy } from "./simulated_envoy.ts";

/** How large the fleet is, and for how long it is looked at. */
export interface FleetPlan {
  /** Envoys. */
  readonly envoys: number;
  /** Endpoints, all of which each Envoy checks. */
  readonly endpoints: number;
  /** How long the fleet reports at its pace, in milliseconds. */
  readonly steadyMs: number;
  /** Reports as fast as can be. */
  readonly reports: number;
}

/** Where figures go. */
export interface Run {
  /** All of them. */
  readonly comparison: Comparison;
  /** Number of the run. */
  readonly pair: number;
}

const INTERVAL_MS = 5000;
/** What was set out to be reached at 100 Envoys. */
const GOAL_CORES = 0.5;
const GOAL_ENVOYS = 100;

/** Measures a fleet. */
export async function runFleet(plan: FleetPlan, run: Run): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "denvoy-bench-" });
  try {
    const addresses = endpointAddresses(plan.endpoints);
    await using server = await startHds({
      folder,
      resources: webResources(addresses),
      flags: [
        ...["--probers", "100", "--report-interval", `${INTERVAL_MS}ms`],
        ...["--doubt-from", "0", "--panic-threshold", "0"],
      ],
    });
    const before = await server.usage();
    await using closing = new AsyncDisposableStack();
    const envoys = Array.from(
      { length: plan.envoys },
      (_, index) => closing.use(new SimulatedEnvoy(`envoy-${index}`, server.grpcAddress)),
    );
    await untilAssigned(envoys, plan.endpoints);
    await steady(envoys, { plan, server, run });
    await flood(envoys, { plan, server, run, kind: "same" });
    await flood(envoys, { plan, server, run, kind: "changed" });
    const { residentBytes, peakBytes } = await server.usage();
    record(run, { name: "hds.memory", title: "memory at the end", unit: "bytes" }, residentBytes);
    record(run, { name: "hds.memory_peak", title: "most memory", unit: "bytes" }, peakBytes);
    const empty = before.residentBytes;
    record(run, { name: "hds.memory_empty", title: "memory without Envoys", unit: "bytes" }, empty);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface Phase {
  readonly plan: FleetPlan;
  readonly server: Server;
  readonly run: Run;
}

async function untilAssigned(envoys: readonly SimulatedEnvoy[], endpoints: number): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (envoys.some(({ assigned }) => assigned.length !== endpoints)) {
    if (performance.now() > deadline) throw new Error("Envoys were not told what to check");
    await pause(20);
  }
}

/** Each Envoy reports once in an interval, the same as before. */
async function steady(
  envoys: readonly SimulatedEnvoy[],
  { plan, server, run }: Phase,
): Promise<void> {
  const reports = envoys.map(({ assigned }) => reportOf(assigned));
  for (const [index, envoy] of envoys.entries()) await envoy.send(reports[index] ?? reportOf([]));
  const { cpuSeconds } = await server.usage();
  const beginMs = performance.now();
  for (let sent = 0; performance.now() - beginMs < plan.steadyMs; sent++) {
    const dueMs = beginMs + sent * INTERVAL_MS / envoys.length;
    if (dueMs > performance.now()) await pause(dueMs - performance.now());
    const index = sent % envoys.length;
    await envoys[index]?.send(reports[index] ?? reportOf([]));
  }
  const seconds = (performance.now() - beginMs) / 1000;
  const cores = ((await server.usage()).cpuSeconds - cpuSeconds) / seconds;
  const figure = { name: "hds.steady.cores", title: "cores, every 5 s", unit: "count" } as const;
  record(run, figure, cores);
  const goal = GOAL_CORES * plan.envoys / GOAL_ENVOYS;
  run.comparison.record({ ...figure, better: "less" }, {
    side: "goal",
    pair: run.pair,
    value: goal,
  });
}

/** Reports as fast as they are taken: the same ones, or each with ten endpoints that differ. */
async function flood(
  envoys: readonly SimulatedEnvoy[],
  { plan, server, run, kind }: Phase & { readonly kind: "same" | "changed" },
): Promise<void> {
  const forms = envoys.map(({ assigned }, index) =>
    [0, 1].map((form) => reportOf(assigned, kind === "same" ? new Set() : failingIn(index, form)))
  );
  const { cpuSeconds } = await server.usage();
  const counted = await reportsTaken(server);
  const each = Math.ceil(plan.reports / envoys.length);
  await Promise.all(envoys.map(async (envoy, index) => {
    for (let sent = 0; sent < each; sent++) {
      await envoy.send(forms[index]?.[sent % 2] ?? reportOf([]));
    }
  }));
  const wanted = counted + each * envoys.length;
  while (await reportsTaken(server) < wanted) await pause(20);
  const used = (await server.usage()).cpuSeconds - cpuSeconds;
  const title = kind === "same" ? "reports per core, same" : "reports per core, 10 differ";
  const figure = { name: `hds.reports.${kind}`, title, unit: "per second" } as const;
  record(run, { ...figure, better: "more" }, each * envoys.length / used);
}

function failingIn(envoy: number, form: number): ReadonlySet<number> {
  return new Set(Array.from({ length: 10 }, (_, index) => (envoy * 7 + form * 500 + index) % 1000));
}

async function reportsTaken({ httpUrl }: Server): Promise<number> {
  const text = await (await fetch(`${httpUrl}/metrics`)).text();
  let sum = 0;
  for (const [, value] of text.matchAll(/^hds_reports_total\{.*\} (\d+)$/gm)) sum += Number(value);
  return sum;
}

type Recorded = Parameters<Comparison["record"]>[0];

function record(
  { comparison, pair }: Run,
  ...[figure, value]: [Omit<Recorded, "better"> & Partial<Recorded>, number]
): void {
  comparison.record({ better: "less", ...figure }, { side: "denvoy", pair, value });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
