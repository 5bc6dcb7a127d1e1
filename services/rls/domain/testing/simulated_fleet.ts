// SPDX-License-Identifier: Apache-2.0
/**
 * Envoys that take quotas by a simulated clock, as the rate_limit_quota filter does: they count what
 * passes and what does not, report at intervals, and go on with what they were told until it expires.
 * @module
 */
import { type QuotaAssignment, sameAssignment } from "../quota_assignment.ts";
import { QuotaBook } from "../quota_book.ts";
import type { QuotaSettings } from "../quota_settings.ts";
import type { QuotaAction, QuotaStream } from "../quota_stream.ts";
import { limitsOf } from "../testing.ts";

/** Settings of tests, unless they say otherwise. */
export const testQuotaSettings: QuotaSettings = {
  ttlSeconds: 30,
  idleMs: 300_000,
  strategy: "token-bucket",
  withoutRule: "abandon",
  shadowMode: false,
  isShared: false,
  maxBuckets: 1000,
  maxBucketsPerStream: 100,
};

/** A simulated Envoy with one bucket. */
export class SimulatedEnvoy {
  /** Requests a second that it gets. */
  load = 0;
  /** Whether it reads what it is sent. */
  reads = true;
  /** Requests that passed since the start. */
  passed = 0;
  /** All actions that it was sent. */
  readonly actions: QuotaAction[] = [];
  /** Its stream; undefined while it is not connected. */
  stream: QuotaStream | undefined;
  /** What it is called. */
  readonly name: string;
  readonly #bucketId: Readonly<Record<string, string>>;
  #assignment: QuotaAssignment | undefined;
  #expiresMs = 0;
  #tokens = 0;
  #allowed = 0;
  #denied = 0;
  #arrivals = 0;
  #reportedMs: number | undefined;
  #forgotten = false;

  /** It is not connected. */
  constructor(name: string, bucketId: Readonly<Record<string, string>>) {
    this.name = name;
    this.#bucketId = bucketId;
  }

  /** Requests a second that it lets pass in the long run by what it was told. */
  get rate(): number {
    const assignment = this.#assignment;
    return assignment?.kind === "token-bucket"
      ? assignment.tokensPerFill / assignment.fillSeconds
      : 0;
  }

  /** Lives through `ms` milliseconds until `nowMs`. */
  live(ms: number, nowMs: number): void {
    if (nowMs >= this.#expiresMs) this.#assignment = undefined;
    const assignment = this.#assignment;
    if (assignment?.kind === "token-bucket") {
      const { maxTokens, tokensPerFill, fillSeconds } = assignment;
      this.#tokens = Math.min(maxTokens, this.#tokens + tokensPerFill / fillSeconds * ms / 1000);
    }
    this.#arrivals += this.load * ms / 1000;
    const arrivals = Math.floor(this.#arrivals);
    this.#arrivals -= arrivals;
    for (let count = 0; count < arrivals; count++) this.#request();
  }

  /** Reports, as Envoy does: with whole seconds, and nothing of a bucket that it has forgotten. */
  report(domain: string, nowMs: number): void {
    if (this.#forgotten) return;
    const elapsedSeconds = Math.floor((nowMs - (this.#reportedMs ?? nowMs)) / 1000);
    this.#reportedMs = nowMs;
    const [allowed, denied] = [this.#allowed, this.#denied];
    [this.#allowed, this.#denied] = [0, 0];
    const usage = { bucketId: this.#bucketId, allowed, denied, elapsedSeconds };
    this.stream?.report({ domain, usages: [usage] }, nowMs);
  }

  /** Takes what there is for it. */
  read(nowMs: number): void {
    if (this.stream === undefined || !this.reads) return;
    for (const action of this.stream.pull(nowMs, 100)) {
      this.actions.push(action);
      if (action.kind === "abandon") this.#forget();
      else this.#take(action.assignment, nowMs + action.ttlSeconds * 1000);
    }
  }

  /** The tokens that were left are scaled to the new bucket, and cut to whole ones. */
  #take(next: QuotaAssignment, expiresMs: number): void {
    const before = this.#assignment;
    const isSame = before !== undefined && sameAssignment(before, next);
    if (next.kind === "token-bucket" && !isSame) {
      const part = before?.kind === "token-bucket" ? this.#tokens / before.maxTokens : 1;
      this.#tokens = Math.floor(part * next.maxTokens);
    }
    this.#assignment = next;
    this.#expiresMs = expiresMs;
  }

  #forget(): void {
    this.#assignment = undefined;
    this.#reportedMs = undefined;
    this.#forgotten = true;
    [this.#allowed, this.#denied] = [0, 0];
  }

  #request(): void {
    this.#forgotten = false;
    const passes = this.#assignment?.kind === "allow-all" || this.#tokens >= 1;
    if (!passes || this.#assignment === undefined || this.#assignment.kind === "deny-all") {
      this.#denied++;
      return;
    }
    this.#tokens--;
    this.#allowed++;
    this.passed++;
  }
}

/** A book and its Envoys under one clock. */
export class SimulatedFleet {
  /** What is tested. */
  readonly book: QuotaBook;
  /** The Envoys, in the order in which they came. */
  readonly envoys: SimulatedEnvoy[] = [];
  /** Kinds of what was told. */
  readonly told: string[] = [];
  /** Why buckets were not taken in. */
  readonly refused: string[] = [];
  /** The time. */
  nowMs = 1_000_000;
  readonly #intervalMs: number;
  readonly #onStep: () => void;

  /** Time stands still until `run`. */
  constructor(
    { limits, settings = {}, intervalMs = 1000, onStep = () => {} }: {
      readonly limits: string;
      readonly settings?: Partial<QuotaSettings>;
      readonly intervalMs?: number;
      readonly onStep?: () => void;
    },
  ) {
    this.#intervalMs = intervalMs;
    this.#onStep = onStep;
    this.book = new QuotaBook({
      settings: { ...testQuotaSettings, ...settings },
      observer: {
        reported: () => {},
        refused: (why) => this.refused.push(why),
        told: (action) => this.told.push(action),
      },
    });
    this.rules(limits);
  }

  /** Changes the limits. */
  rules(text: string): void {
    this.book.takeRules(limitsOf(text), this.nowMs);
  }

  /** Adds an Envoy whose first request has just come. */
  add(
    name: string,
    { load = 0, bucket = { k: "v" } }: {
      readonly load?: number;
      readonly bucket?: Readonly<Record<string, string>>;
    } = {},
  ): SimulatedEnvoy {
    const envoy = new SimulatedEnvoy(name, bucket);
    this.envoys.push(envoy);
    envoy.load = 1;
    this.connect(envoy);
    envoy.live(1000, this.nowMs);
    envoy.load = load;
    envoy.report("d", this.nowMs);
    this.#read();
    return envoy;
  }

  /** Connects an Envoy, anew if it is connected. */
  connect(envoy: SimulatedEnvoy): void {
    this.disconnect(envoy);
    const client = { name: envoy.name, address: "10.0.0.1:1", identity: envoy.name };
    envoy.stream = this.book.open(client, this.nowMs);
  }

  /** Ends the stream of an Envoy, which lives on. */
  disconnect(envoy: SimulatedEnvoy): void {
    if (envoy.stream !== undefined) this.book.close(envoy.stream, this.nowMs);
    envoy.stream = undefined;
  }

  /** Lets time pass. */
  run(seconds: number): void {
    const endMs = this.nowMs + seconds * 1000;
    while (this.nowMs < endMs) {
      this.nowMs += 100;
      this.book.tick(this.nowMs);
      this.#read();
      for (const [index, envoy] of this.envoys.entries()) {
        envoy.live(100, this.nowMs);
        const turn = (this.nowMs + index * 300) % this.#intervalMs === 0;
        if (turn && envoy.stream !== undefined) envoy.report("d", this.nowMs);
      }
      this.#read();
      this.#onStep();
    }
  }

  /** The rates of all Envoys, in requests a second. */
  rates(): readonly number[] {
    return this.envoys.map(({ rate }) => rate);
  }

  #read(): void {
    for (const envoy of this.envoys) envoy.read(this.nowMs);
  }
}
