// SPDX-License-Identifier: Apache-2.0
/**
 * The way to one Redis server. Requests that arrive in one turn travel together, few batches are
 * under way at a time, and what arrives meanwhile gathers: the busier, the larger the batches.
 * Whoever waits is answered by its deadline, whatever Redis does; a server that keeps failing is
 * left alone and probed.
 * @module
 */
import type { Clock, Timer } from "@denvoy/base";
import { firstKey, keyCount, type RedisLink, type ScriptCall, ScriptCommand } from "@denvoy/redis";
import { CircuitBreaker, type CircuitBreakerOptions } from "../domain/circuit_breaker.ts";
import type {
  ChargeOutcome,
  StoreFailure,
  StoreHealth,
  StoreServer,
} from "../domain/counter_store.ts";
import { type PlacedRequest, RedisBatch, type Waiting } from "./redis_batch.ts";
import { explainRedisError, type RedisFailure } from "./redis_failure.ts";
import { chargeScript, fixedWindowScript, type RedisScript } from "./redis_scripts.ts";

/** What a lane needs to know. */
export interface RedisLaneOptions {
  /** The server, as {@linkcode RedisLink.place} names it. */
  readonly lane: string;
  /** The connection. */
  readonly link: RedisLink;
  /** Time. */
  readonly clock: Clock;
  /** Calls back when the event loop has handled what is there already. */
  readonly schedule: (callback: () => void) => void;
  /** Seconds that a counter of a window is kept. */
  readonly timeToLive: (windowSeconds: number) => number;
  /** When the server is left alone. */
  readonly breaker: CircuitBreakerOptions;
  /** Most batches under way at a time. */
  readonly depth: number;
  /** Most charges in one batch. */
  readonly maxBatch: number;
  /** Most requests that wait; more are refused at once. */
  readonly maxWaiting: number;
}

/** After so long without a word from a server that does not answer, its connection is given up. */
const SILENCE_MS = 1_000;

/** Requests that go to Redis together, by cluster slot. */
class Load {
  readonly batches = new Map<number, RedisBatch>();
  readonly waiting = new Set<Waiting>();
  charges = 0;
  /** Someone did not get an answer in time. */
  late = false;
}

/** A script call and who takes its answer. */
interface Step {
  readonly script: RedisScript;
  readonly call: ScriptCall;
  readonly take: (reply: unknown) => RedisFailure | undefined;
}

/** Sends to one server, within bounds of time and size. */
export class RedisLane {
  readonly #options: RedisLaneOptions;
  readonly #breaker: CircuitBreaker;
  /** Those that are not sent yet, and those that are. */
  readonly #loads: Load[] = [];
  readonly #sent: Load[] = [];
  #waitingCount = 0;
  #scheduled = false;
  #closed = false;
  #why = "";
  #lastHeardMs: number;
  #lastTimeoutMs = 20;
  #probeKey = "denvoy_probe";
  #probeTimer: Timer | undefined;
  /** One for all who wait: timers that come and go with each load hold on to one another in old memory. */
  #expiryTimer: Timer | undefined;
  #expiryAtMs = Infinity;

  /** A lane on which nothing was sent yet. */
  constructor(options: RedisLaneOptions) {
    this.#options = options;
    this.#breaker = new CircuitBreaker(options.breaker);
    this.#lastHeardMs = options.clock.monotonicMs();
  }

  /** Sends a request that is for `slot`; resolves within `timeoutMs` and a turn or two. */
  submit(
    request: PlacedRequest,
    { slot, timeoutMs }: { readonly slot: number; readonly timeoutMs: number },
  ): Promise<ChargeOutcome> | StoreFailure {
    const refusal = this.#refusal();
    if (refusal !== undefined) return refusal;
    const deadlineMs = this.#options.clock.monotonicMs() + timeoutMs;
    this.#lastTimeoutMs = Math.max(10, timeoutMs);
    return new Promise((resolve) => this.#gather({ request, deadlineMs, answer: resolve }, slot));
  }

  /** Whether requests pass. */
  health(): StoreHealth {
    const { link } = this.#options;
    if (!link.ready()) return { kind: "failing", why: `not connected: ${link.trouble()}` };
    if (this.#breaker.state === "closed") return { kind: "serving" };
    return { kind: "failing", why: this.#why };
  }

  /** How the server is, for metrics. */
  get state(): Pick<StoreServer, "breaker" | "waiting"> {
    return { breaker: this.#breaker.state, waiting: this.#waitingCount };
  }

  /** Probes now if the server is being left alone: its connection is new. */
  reconnected(): void {
    this.#lastHeardMs = this.#options.clock.monotonicMs();
    if (this.#breaker.tryProbe(Infinity)) this.#probe();
  }

  /** Answers all who wait and stops probing. */
  close(): void {
    this.#closed = true;
    this.#probeTimer?.cancel();
    this.#expiryTimer?.cancel();
    for (const load of this.#loads.splice(0)) fail(load, closedFailure());
  }

  #refusal(): StoreFailure | undefined {
    if (this.#closed) return closedFailure();
    if (this.#breaker.state !== "closed") {
      return { kind: "unavailable", why: `left alone after failures: ${this.#why}` };
    }
    const { link, maxWaiting } = this.#options;
    if (!link.ready()) {
      const failure = { kind: "unavailable", why: `not connected: ${link.trouble()}` } as const;
      this.#noteFailure({ failure, concerns: "store" });
      return failure;
    }
    if (this.#waitingCount < maxWaiting) return undefined;
    return { kind: "overloaded", why: `${this.#waitingCount} requests wait for Redis` };
  }

  #gather(waiting: Waiting, slot: number): void {
    const load = this.#openLoad();
    let batch = load.batches.get(slot);
    if (batch === undefined) {
      batch = new RedisBatch(this.#options.timeToLive);
      load.batches.set(slot, batch);
    }
    const inTime = this.#once(load, waiting);
    batch.add(inTime);
    load.waiting.add(inTime);
    load.charges += waiting.request.charges.length;
    this.#waitingCount++;
    this.#arm(waiting.deadlineMs);
    this.#scheduleFlush();
  }

  #openLoad(): Load {
    const last = this.#loads.at(-1);
    if (last !== undefined && last.charges < this.#options.maxBatch) return last;
    const load = new Load();
    this.#loads.push(load);
    return load;
  }

  /** Wraps an answer so that the first one counts and the books are kept. */
  #once(load: Load, { request, deadlineMs, answer }: Waiting): Waiting {
    const waiting: Waiting = {
      request,
      deadlineMs,
      answer: (outcome) => {
        if (!load.waiting.delete(waiting)) return;
        this.#waitingCount--;
        answer(outcome);
      },
    };
    return waiting;
  }

  #scheduleFlush(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.schedule(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#sent.length < this.#options.depth) {
      const load = this.#loads.shift();
      if (load === undefined) return;
      this.#sent.push(load);
      this.#send(load).finally(() => {
        this.#sent.splice(this.#sent.indexOf(load), 1);
        this.#flush();
      });
    }
  }

  async #send(load: Load): Promise<void> {
    const calls: Promise<void>[] = [];
    for (const batch of load.batches.values()) {
      const call = batch.fixed.call();
      this.#probeKey = firstKey(call) ?? firstKey(batch.grouped) ?? this.#probeKey;
      if (call.keys.length > 0) {
        const take = (reply: unknown) => batch.answerFixed(reply);
        calls.push(this.#run(load, { script: fixedWindowScript, call, take }));
      }
      if (batch.grouped.keys.length > 0) {
        const take = (reply: unknown) => batch.answerGroups(reply);
        calls.push(this.#run(load, { script: chargeScript, call: batch.grouped, take }));
      }
    }
    await Promise.all(calls);
    // What a failed call left behind.
    fail(load, { kind: "unavailable", why: this.#why });
  }

  async #run(load: Load, { script, call, take }: Step): Promise<void> {
    let failed: RedisFailure | undefined;
    try {
      failed = take(await this.#evaluate(script, call));
    } catch (error) {
      failed = explainRedisError(error instanceof Error ? error.message : String(error));
      const { failure } = failed;
      take(Array.from({ length: keyCount(call.keys) }, () => failure.why));
    }
    if (failed === undefined || failed.failure.kind === "refused") this.#heard();
    if (failed === undefined) {
      // An answer that comes too late helps nobody: a slow server is left alone too.
      if (!load.late) this.#breaker.succeeded();
    } else if (failed.concerns !== "request") this.#noteFailure(failed);
  }

  async #evaluate({ sha, text }: RedisScript, call: ScriptCall): Promise<unknown> {
    const { link } = this.#options;
    try {
      return await link.send(new ScriptCommand({ command: "evalsha", script: sha }, call));
    } catch (error) {
      if (!(error instanceof Error) || !error.message.includes("NOSCRIPT")) throw error;
      return await link.send(new ScriptCommand({ command: "eval", script: text }, call));
    }
  }

  #arm(deadlineMs: number): void {
    if (deadlineMs >= this.#expiryAtMs) return;
    this.#expiryTimer?.cancel();
    this.#expiryAtMs = deadlineMs;
    const { clock, schedule } = this.#options;
    // When this process was held up, the answer may be here already: it is read first.
    this.#expiryTimer = clock.after(
      deadlineMs - clock.monotonicMs(),
      () => schedule(() => this.#expireAll()),
    );
  }

  #expireAll(): void {
    if (this.#closed) return;
    this.#expiryAtMs = Infinity;
    const now = this.#options.clock.monotonicMs();
    const all = [...this.#sent, ...this.#loads];
    const late = all.filter((load) => expire(load, now));
    if (late.length > 0) this.#noteFailure({ failure: expired, concerns: "store" });
    for (const load of all) {
      for (const { deadlineMs } of load.waiting) this.#arm(deadlineMs);
      if (load.waiting.size === 0) this.#forget(load);
    }
  }

  /** Does not send what nobody waits for any more. */
  #forget(load: Load): void {
    const at = this.#loads.indexOf(load);
    if (at >= 0) this.#loads.splice(at, 1);
  }

  #heard(): void {
    this.#lastHeardMs = this.#options.clock.monotonicMs();
  }

  #noteFailure({ failure, concerns }: RedisFailure): void {
    this.#why = failure.why;
    const { clock, lane, link } = this.#options;
    const probeWasDueMs = this.#breaker.probeAtMs;
    this.#breaker.failed(clock.monotonicMs(), { certain: concerns === "server" });
    if (concerns === "server") link.drop(lane);
    if (this.#breaker.probeAtMs !== probeWasDueMs) this.#scheduleProbe();
  }

  #scheduleProbe(): void {
    if (this.#closed) return;
    const { clock } = this.#options;
    this.#probeTimer?.cancel();
    this.#probeTimer = clock.after(this.#breaker.probeAtMs - clock.monotonicMs(), () => {
      if (this.#breaker.tryProbe(clock.monotonicMs())) this.#probe();
      else if (this.#breaker.state === "open") this.#scheduleProbe();
    });
  }

  /** Asks for what a check of a counter asks: a write that changes no count. */
  #probe(): void {
    this.#probeTimer?.cancel();
    const { clock, link, timeToLive } = this.#options;
    const settle = (failed: RedisFailure | undefined) => {
      if (this.#breaker.state !== "half-open" || this.#closed) return;
      if (failed === undefined || failed.concerns === "request") {
        this.#heard();
        return this.#breaker.succeeded();
      }
      this.#noteFailure(failed);
      if (failed.failure.kind !== "refused") this.#dropIfSilent();
    };
    if (!link.ready()) return settle(explainRedisError(`not connected: ${link.trouble()}`));
    const late = { kind: "deadline", why: "Redis did not answer a probe in time" } as const;
    const timer = clock.after(
      this.#lastTimeoutMs,
      () => settle({ failure: late, concerns: "store" }),
    );
    const call = { keys: [this.#probeKey], args: [timeToLive(1), 1, 1, 1, 0] };
    this.#evaluate(fixedWindowScript, call).then(
      (reply) => settle(probeFailure(reply)),
      (error: unknown) => settle(explainRedisError(String(error))),
    ).finally(() => timer.cancel());
  }

  #dropIfSilent(): void {
    const { clock, lane, link } = this.#options;
    if (clock.monotonicMs() - this.#lastHeardMs < SILENCE_MS) return;
    this.#heard();
    link.drop(lane);
  }
}

function probeFailure(reply: unknown): RedisFailure | undefined {
  const first: unknown = Array.isArray(reply) ? reply[0] : undefined;
  return typeof first === "string" ? explainRedisError(first) : undefined;
}

const expired: StoreFailure = { kind: "deadline", why: "Redis did not answer in time" };

/** Answers those whose time is over; returns whether there were any. */
function expire(load: Load, nowMs: number): boolean {
  const over = [...load.waiting].filter(({ deadlineMs }) => deadlineMs <= nowMs + 0.5);
  for (const { answer } of over) answer(expired);
  if (over.length > 0) load.late = true;
  return over.length > 0;
}

function fail({ waiting }: Load, failure: StoreFailure): void {
  for (const { answer } of [...waiting]) answer(failure);
}

function closedFailure(): StoreFailure {
  return { kind: "unavailable", why: "the store is closed" };
}
