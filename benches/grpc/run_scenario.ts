// SPDX-License-Identifier: Apache-2.0
/**
 * One run of a scenario against one server.
 * @module
 */
import type { Comparison, Figure } from "../lib/comparison.ts";
import { JsonProcess } from "../lib/json_process.ts";
import type { Server } from "../lib/server.ts";
import { requestBytes, type Scenario } from "./scenarios.ts";

/** Who does what, and who keeps the values. */
export interface ScenarioRun {
  /** What is done. */
  readonly scenario: Scenario;
  /** The load client. */
  readonly program: string;
  /** Who is measured. */
  readonly side: string;
  /** Number of the pair. */
  readonly pair: number;
  /** Share of the calls that is made. */
  readonly share: number;
  /** Get the values, each under a name of its own. */
  readonly comparisons: ReadonlyMap<string, Comparison>;
}

/** What the load client answers; see benches/grpc/load. */
interface Report {
  readonly calls: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

// Compilers that work while a program runs need some calls before they are done.
const warmUpShare = 0.2;
const warmUps = 2;

/** Does the scenario once against a server that is ready. */
export async function runScenario(server: Server, run: ScenarioRun): Promise<void> {
  const { program } = run;
  await using load = JsonProcess.start("load client", { command: program, args: [] });
  for (let times = 0; times < warmUps; times++) await ask(load, { server, run, part: warmUpShare });
  const before = await server.usage();
  const report = await ask(load, { server, run, part: 1 });
  const after = await server.usage();
  const cpuSeconds = Math.max(after.cpuSeconds - before.cpuSeconds, 0.01);
  const messages = run.scenario.kind === "push" ? report.calls * run.scenario.push : report.calls;
  record(run, "throughput", messages / report.seconds);
  record(run, "cpu", messages / cpuSeconds);
  record(run, "p50", report.p50Ms);
  record(run, "p99", report.p99Ms);
  record(run, "memory", after.peakBytes);
}

async function ask(
  load: JsonProcess,
  { server, run, part }: {
    readonly server: Server;
    readonly run: ScenarioRun;
    readonly part: number;
  },
): Promise<Report> {
  const { kind, tls, connections, inFlight, calls, push } = run.scenario;
  try {
    return await load.ask({
      address: server.grpcAddress,
      tls,
      kind,
      connections,
      inFlight,
      calls: Math.max(inFlight, Math.round(calls * run.share * part)),
      request: requestBytes,
      push,
    }) as Report;
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${await server.lastWords()}`, { cause: error });
  }
}

const kinds = {
  throughput: { title: "messages per second", unit: "per second", better: "more" },
  cpu: { title: "messages per CPU second of the server", unit: "per second", better: "more" },
  p50: { title: "p50", unit: "ms", better: "less" },
  p99: { title: "p99", unit: "ms", better: "less" },
  memory: { title: "peak memory (RSS)", unit: "bytes", better: "less" },
} as const;

function record(run: ScenarioRun, kind: keyof typeof kinds, value: number): void {
  const { scenario, side, pair } = run;
  const { title, unit, better } = kinds[kind];
  for (const [prefix, comparison] of run.comparisons) {
    const figure: Figure = {
      name: `${prefix}.${scenario.name}.${kind}`,
      title: `${scenario.title}: ${title}`,
      unit,
      better,
    };
    comparison.record(figure, { side, pair, value });
  }
}
