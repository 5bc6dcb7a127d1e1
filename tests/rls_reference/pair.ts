// SPDX-License-Identifier: Apache-2.0
/**
 * Denvoy and the reference with the same limits and settings, each on a Redis of its own.
 * @module
 */
import { connectGrpc } from "@denvoy/grpc";
import { startDenvoyRls, startRedis } from "../support/mod.ts";
import { type Answer, ask, type Service, type Way } from "./answer.ts";
import { type RedisContents, RedisReader } from "./redis_contents.ts";
import { startReference } from "./reference.ts";
import { denvoyStatistics, type Statistics, StatsdListener } from "./statistics.ts";
import type { RequestFields } from "./requests.ts";

/** How a pair is started. */
export interface PairOptions {
  /** The reference's program. */
  readonly program: string;
  /** Limit files by name. */
  readonly limits: Readonly<Record<string, string>>;
  /** Settings, as the reference names them. */
  readonly env: Readonly<Record<string, string>>;
  /** Windows of one second are in another Redis. */
  readonly perSecond: boolean;
}

/** One of each. */
export interface OfBoth<T> {
  /** Denvoy's. */
  readonly denvoy: T;
  /** The reference's. */
  readonly reference: T;
}

/** What both said, and when. */
export interface Answers extends OfBoth<Answer> {
  /** Just before both were asked, in ms since the Unix epoch. */
  readonly fromMs: number;
  /** When both had answered. */
  readonly toMs: number;
}

/** Enough for a pair of answers, nearly always. */
const MARGIN_MS = 400;

/** Both services. Disposing it stops everything. */
export class Pair implements AsyncDisposable {
  /** When it was started, in ms since the Unix epoch; no counter is older. */
  readonly startMs: number = Date.now();
  readonly #services: OfBoth<Service>;
  readonly #readers: OfBoth<readonly RedisReader[]>;
  readonly #statsd: StatsdListener;
  readonly #opened: AsyncDisposableStack;

  private constructor(services: OfBoth<Service>, { readers, statsd, opened }: PairParts) {
    this.#services = services;
    this.#readers = readers;
    this.#statsd = statsd;
    this.#opened = opened;
  }

  /** Starts both. */
  static async start(options: PairOptions): Promise<Pair> {
    await using opening = new AsyncDisposableStack();
    const count = options.perSecond ? 4 : 2;
    const redises = await Promise.all(Array.from({ length: count }, () => startRedis()));
    for (const redis of redises) opening.use(redis);
    const ports = redises.map(({ port }) => port);
    const [denvoyPorts, referencePorts] = [ports.slice(0, count / 2), ports.slice(count / 2)];
    // It goes last: the reference ends its connection.
    const statsd = opening.use(new StatsdListener());
    const services = await startBoth(options, { opening, statsd, denvoyPorts, referencePorts });
    const readersOf = (own: readonly number[]) =>
      own.map((port) => opening.use(new RedisReader(port)));
    const readers = { denvoy: readersOf(denvoyPorts), reference: readersOf(referencePorts) };
    return new Pair(services, { readers, statsd, opened: opening.move() });
  }

  /** Asks both at the same time, and not just before a window ends. */
  async ask(
    request: RequestFields,
    { way, windowMs }: { readonly way: Way; readonly windowMs: number },
  ): Promise<Answers> {
    const leftMs = windowMs - Date.now() % windowMs;
    if (leftMs < MARGIN_MS) await new Promise((resolve) => setTimeout(resolve, leftMs + 1));
    const fromMs = Date.now();
    const [denvoy, reference] = await Promise.all([
      ask(this.#services.denvoy, { request, way }),
      ask(this.#services.reference, { request, way }),
    ]);
    return { denvoy, reference, fromMs, toMs: Date.now() };
  }

  /** Returns what is in the Redis of each. */
  async contents(): Promise<OfBoth<RedisContents>> {
    const [denvoy, reference] = await Promise.all([
      contentsOf(this.#readers.denvoy),
      contentsOf(this.#readers.reference),
    ]);
    return { denvoy, reference };
  }

  /** Returns what each has counted so far; the reference tells it a little later. */
  async statistics(): Promise<OfBoth<Statistics>> {
    const denvoy = await denvoyStatistics(this.#services.denvoy.httpUrl);
    return { denvoy, reference: this.#statsd.statistics };
  }

  /** Stops both. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }
}

interface PairParts {
  readonly readers: OfBoth<readonly RedisReader[]>;
  readonly statsd: StatsdListener;
  readonly opened: AsyncDisposableStack;
}

interface Ports {
  readonly opening: AsyncDisposableStack;
  readonly statsd: StatsdListener;
  readonly denvoyPorts: readonly number[];
  readonly referencePorts: readonly number[];
}

async function startBoth(
  { program, limits, env }: PairOptions,
  { opening, statsd, denvoyPorts, referencePorts }: Ports,
): Promise<OfBoth<Service>> {
  const [rls, reference] = await Promise.all([
    startDenvoyRls({
      limits,
      env: { ...env, ...redisEnv(denvoyPorts) },
      connects: denvoyPorts.map((port) => `127.0.0.1:${port}`),
      // The machine may be slow, and what is compared is not how long it takes.
      flags: ["--store-timeout", "10s"],
    }),
    startReference({
      program,
      limits,
      env: { ...env, ...redisEnv(referencePorts), ...statsdEnv(statsd) },
    }),
  ]);
  opening.use(rls);
  opening.use(reference);
  const serviceOf = (one: { readonly grpcAddress: string; readonly httpUrl: string }) => ({
    client: opening.use(connectGrpc({ address: one.grpcAddress })),
    httpUrl: one.httpUrl,
  });
  return { denvoy: serviceOf(rls), reference: serviceOf(reference) };
}

function redisEnv([port, perSecondPort]: readonly number[]): Readonly<Record<string, string>> {
  return {
    REDIS_URL: `127.0.0.1:${port}`,
    ...(perSecondPort !== undefined && {
      REDIS_PERSECOND: "true",
      REDIS_PERSECOND_URL: `127.0.0.1:${perSecondPort}`,
    }),
  };
}

function statsdEnv({ port }: StatsdListener): Readonly<Record<string, string>> {
  const address = { STATSD_HOST: "127.0.0.1", STATSD_PORT: String(port) };
  return { DISABLE_STATS: "false", STATS_FLUSH_INTERVAL: "200ms", ...address };
}

/** Keys of the second Redis have a mark: the same key in the first is another counter. */
async function contentsOf(readers: readonly RedisReader[]): Promise<RedisContents> {
  const contents = await Promise.all(readers.map((reader) => reader.contents()));
  return new Map(
    contents.flatMap((one, index) =>
      [...one].map(([key, counter]) => [index === 0 ? key : `per second: ${key}`, counter] as const)
    ),
  );
}
