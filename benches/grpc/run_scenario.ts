// SPDX-License-Identifier: Apache-2.0
/**
 * One run of a scenario against one server.
 * @module
 */
import type { Figure } from "../lib/comparison.ts";
import { JsonProcess } from "../lib/json_process.ts";
import type { ProcessUsage } from "../lib/process_usage.ts";
import type { Server } from "../lib/server.ts";
import { pushBytes, pushCount, requestBytes, type Scenario } from "./scenarios.ts";
import type { Side } from "./sides.ts";

/** Who does what. */
export interface ScenarioRun {
  /** What is done. */
  readonly scenario: Scenario;
  /** The load client. */
  readonly program: string;
  /** Who is measured. */
  readonly side: Side;
  /** How long calls are made. */
  readonly seconds: number;
}

/** One value of a run; the figure's name is without the bench's own prefix, e.g. `unary32.cpu`. */
export interface Measured {
  /** What was measured. */
  readonly figure: Figure;
  /** The value in the figure's unit. */
  readonly value: number;
}

/** What the load client answers; see benches/grpc/load. */
interface Report {
  readonly messages: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly clientCpuSeconds: number;
}

// Compilers that work while a program runs need some calls before they are done.
const warmUpSeconds = 1;
const settleMs = 1_500;

/** Does the scenario once, with a server that is started for it. */
export async function runScenario(run: ScenarioRun): Promise<readonly Measured[]> {
  const { scenario, side, program } = run;
  // The server goes first at the end: node:http2 may abort while clients leave.
  await using load = JsonProcess.start("load client", { command: program, args: [] });
  await using server = await side.start({ tls: scenario.tls, pushBytes });
  const client = new LoadClient(load, { server, run });
  return scenario.idle ? await measureIdle(client) : await measureCalls(client);
}

async function measureCalls(client: LoadClient): Promise<readonly Measured[]> {
  const { scenario, seconds } = client.run;
  await client.connect(scenario.connections);
  await client.call(warmUpSeconds);
  await client.call(warmUpSeconds);
  const before = await client.usage();
  const report = await client.call(seconds);
  const after = await client.usage();
  const cpuSeconds = Math.max(after.cpuSeconds - before.cpuSeconds, 0.01);
  return [
    measured(scenario, "throughput", report.messages / report.seconds),
    measured(scenario, "cpu", cpuSeconds / report.messages * 1e6),
    measured(scenario, "p50", report.p50Ms),
    measured(scenario, "p99", report.p99Ms),
    ...(scenario.kind === "push" ? [measured(scenario, "peak", after.peakBytes)] : []),
  ];
}

/** A few connections first, so that what the server itself takes is there already. */
async function measureIdle(client: LoadClient): Promise<readonly Measured[]> {
  const { scenario } = client.run;
  await client.connect(4);
  await client.call(warmUpSeconds);
  await client.settle();
  const before = await client.usage();
  await client.connect(scenario.connections);
  await client.call(0);
  await client.settle();
  const after = await client.usage();
  const bytes = (after.residentBytes - before.residentBytes) / scenario.connections;
  return [measured(scenario, "memory", Math.max(bytes, 1) / 1024)];
}

class LoadClient {
  readonly run: ScenarioRun;
  readonly #load: JsonProcess;
  readonly #server: Server;

  constructor(load: JsonProcess, { server, run }: { server: Server; run: ScenarioRun }) {
    this.#load = load;
    this.#server = server;
    this.run = run;
  }

  async connect(connections: number): Promise<void> {
    const { tls } = this.run.scenario;
    await this.#ask({ connect: connections, address: this.#server.grpcAddress, tls });
  }

  async call(seconds: number): Promise<Report> {
    const { kind, inFlight } = this.run.scenario;
    return await this.#ask({ kind, inFlight, seconds, request: requestBytes, push: pushCount });
  }

  async usage(): Promise<ProcessUsage> {
    return await this.#server.usage();
  }

  async settle(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, settleMs));
  }

  async #ask(step: unknown): Promise<Report> {
    try {
      return await this.#load.ask(step) as Report;
    } catch (error) {
      const words = await this.#server.lastWords();
      throw new Error(`${(error as Error).message}\n${words}`, { cause: error });
    }
  }
}

const kinds = {
  throughput: { title: "messages", unit: "per second", better: "more" },
  cpu: { title: "CPU of the server for a message", unit: "µs", better: "less" },
  p50: { title: "p50", unit: "ms", better: "less" },
  p99: { title: "p99", unit: "ms", better: "less" },
  peak: { title: "peak memory", unit: "bytes", better: "less" },
  memory: { title: "memory for each", unit: "KiB", better: "less" },
} as const;

function measured(scenario: Scenario, kind: keyof typeof kinds, value: number): Measured {
  const { title, unit, better } = kinds[kind];
  const name = `${scenario.name}.${kind}`;
  return { figure: { name, title: `${scenario.title}: ${title}`, unit, better }, value };
}
