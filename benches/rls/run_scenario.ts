// SPDX-License-Identifier: Apache-2.0
/**
 * One pair of runs: each side as fast as it can, then each at half of what the peer could.
 * @module
 */
import { type Figure, orderOfPair } from "../lib/comparison.ts";
import { JsonProcess } from "../lib/json_process.ts";
import { readProcessUsage } from "../lib/process_usage.ts";
import { startRedis } from "../lib/redis.ts";
import type { Server } from "../lib/server.ts";
import { requestTemplate, type Scenario } from "./scenarios.ts";
import { denvoyName, type Side } from "./sides.ts";

/** What is done by whom. */
export interface PairRun {
  /** What is asked. */
  readonly scenario: Scenario;
  /** The load client. */
  readonly program: string;
  /** Who is measured. */
  readonly sides: readonly Side[];
  /** Number of the pair, from 0. */
  readonly pair: number;
  /** How long each measurement takes. */
  readonly seconds: number;
}

/** One value; the figure's name is without the bench's own prefix, e.g. `redis.cpu`. */
export interface Measured {
  /** Who was measured. */
  readonly side: string;
  /** What was measured. */
  readonly figure: Figure;
  /** The value in the figure's unit. */
  readonly value: number;
}

/** What the load client answers; see benches/grpc/load. */
interface Report {
  readonly messages: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const connections = 4;
const inFlight = 64;
const path = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
/** Fields 1 of a response: `overall_code` OK and OVER_LIMIT. */
const codes = { ok: "CAE=", over: "CAI=" };
// Compilers that work while a program runs need some calls before they are done.
const warmUpSeconds = 1;

/** Runs a pair; both sides are on one Redis, and only one works at a time. */
export async function runPair(run: PairRun): Promise<readonly Measured[]> {
  await using opened = new AsyncDisposableStack();
  const redis = opened.use(await startRedis());
  const sides = orderOfPair(run.sides, run.pair);
  const measured: Measured[] = [];
  const runs: SideRun[] = [];
  for (const side of sides) {
    const folder = await Deno.makeTempDir({ prefix: "denvoy-bench-" });
    opened.defer(() => Deno.remove(folder, { recursive: true }));
    const { scenario } = run;
    const address = redis.address;
    const server = opened.use(await side.start({ scenario, redis: address, folder }));
    const load = opened.use(JsonProcess.start("load client", { command: run.program, args: [] }));
    runs.push(new SideRun({ side, server, load, run, redisPid: redis.pid }));
  }
  for (const one of runs) measured.push(...await one.saturate());
  const peer = runs.find(({ name }) => name !== denvoyName);
  if (peer === undefined) return measured;
  for (const one of runs) measured.push(...await one.pace(peer.perSecond / 2));
  for (const one of runs) measured.push(await one.memory());
  return measured;
}

interface SideRunParts {
  readonly side: Side;
  readonly server: Server;
  readonly load: JsonProcess;
  readonly run: PairRun;
  readonly redisPid: number;
}

class SideRun {
  readonly #parts: SideRunParts;
  /** Requests in a second at saturation, once that is known. */
  perSecond = 0;

  constructor(parts: SideRunParts) {
    this.#parts = parts;
  }

  get name(): string {
    return this.#parts.side.name;
  }

  async saturate(): Promise<readonly Measured[]> {
    const { load, server, run: { seconds }, redisPid } = this.#parts;
    await load.ask({ connect: connections, address: server.grpcAddress });
    await this.#call({ seconds: warmUpSeconds });
    await this.#call({ seconds: warmUpSeconds });
    const [before, redisBefore] = await Promise.all([server.usage(), readProcessUsage(redisPid)]);
    const report = await this.#call({ seconds });
    const [after, redisAfter] = await Promise.all([server.usage(), readProcessUsage(redisPid)]);
    this.perSecond = report.messages / report.seconds;
    const cpu = perMessage(after.cpuSeconds - before.cpuSeconds, report);
    const redisCpu = perMessage(redisAfter.cpuSeconds - redisBefore.cpuSeconds, report);
    return [
      this.#measured("throughput", this.perSecond),
      this.#measured("cpu", cpu),
      this.#measured("redis_cpu", redisCpu),
    ];
  }

  async pace(perSecond: number): Promise<readonly Measured[]> {
    const { server, run: { seconds } } = this.#parts;
    await this.#call({ seconds: warmUpSeconds, perSecond });
    const before = await server.usage();
    const report = await this.#call({ seconds, perSecond });
    const after = await server.usage();
    return [
      this.#measured("half.p50", report.p50Ms),
      this.#measured("half.p99", report.p99Ms),
      this.#measured("half.cpu", perMessage(after.cpuSeconds - before.cpuSeconds, report)),
    ];
  }

  async memory(): Promise<Measured> {
    return this.#measured("memory", (await this.#parts.server.usage()).peakBytes);
  }

  async #call({ seconds, perSecond = 0 }: {
    readonly seconds: number;
    readonly perSecond?: number;
  }): Promise<Report> {
    const { load, server, run: { scenario } } = this.#parts;
    const expect = scenario.over ? codes.over : codes.ok;
    const { values: numbers } = scenario;
    const request = { ...requestTemplate(scenario), numbers, path, expect };
    try {
      const work = { kind: "unary", inFlight, seconds, perSecond, ...request };
      return await load.ask(work) as Report;
    } catch (error) {
      const words = await server.lastWords();
      throw new Error(`${(error as Error).message}\n${words}`, { cause: error });
    }
  }

  #measured(kind: keyof typeof kinds, value: number): Measured {
    const { scenario } = this.#parts.run;
    const { title, unit, better } = kinds[kind];
    const name = `${scenario.name}.${kind}`;
    const figure = { name, title: `${scenario.title}: ${title}`, unit, better };
    return { side: this.name, figure, value };
  }
}

const kinds = {
  "throughput": { title: "requests", unit: "per second", better: "more" },
  "cpu": { title: "CPU of the service for a request", unit: "µs", better: "less" },
  "redis_cpu": { title: "CPU of Redis for a request", unit: "µs", better: "less" },
  "half.p50": { title: "p50 at half of the peer's", unit: "ms", better: "less" },
  "half.p99": { title: "p99 at half of the peer's", unit: "ms", better: "less" },
  "half.cpu": { title: "CPU at half of the peer's", unit: "µs", better: "less" },
  "memory": { title: "peak memory", unit: "bytes", better: "less" },
} as const;

/** CPU is counted in steps of 10 ms. */
function perMessage(cpuSeconds: number, { messages }: Report): number {
  return Math.max(cpuSeconds, 0.01) / messages * 1e6;
}
