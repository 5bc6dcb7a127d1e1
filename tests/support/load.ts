// SPDX-License-Identifier: Apache-2.0
/**
 * Steady requests through Envoy while a test changes things, and an account of every failure.
 * @module
 */

/** What to send. */
export interface LoadOptions {
  /** Where to, e.g. `http://127.0.0.1:41000/`. */
  readonly url: string;
  /** Requests a second, sent on time whether or not earlier ones have been answered. */
  readonly requestsPerSecond: number;
  /** A request without an answer in this time has failed. @default 5000 */
  readonly timeoutMs?: number;
  /** Headers of every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that was not answered with 2xx. */
export interface LoadFailure {
  /** Milliseconds since the start of the load at which it was sent. */
  readonly atMs: number;
  /** Status and body, or what the connection said. */
  readonly detail: string;
}

/** What came of it. */
export interface LoadReport {
  /** Requests sent, all of them answered or failed. */
  readonly sent: number;
  /** Answers with 2xx, by body: which backend answered how often. */
  readonly answers: ReadonlyMap<string, number>;
  /** Every request that failed. */
  readonly failures: readonly LoadFailure[];
  /** Times of the answers in milliseconds. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** Load that goes on until it is stopped. Disposing it stops it. */
export class Load implements AsyncDisposable {
  readonly #options: LoadOptions;
  readonly #client: Deno.HttpClient;
  readonly #startMs = performance.now();
  readonly #open = new Set<Promise<void>>();
  readonly #answers = new Map<string, number>();
  readonly #failures: LoadFailure[] = [];
  readonly #latencies: number[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  #sent = 0;
  #stopped = false;

  private constructor(options: LoadOptions) {
    this.#options = options;
    this.#client = Deno.createHttpClient({ poolMaxIdlePerHost: 64 });
    this.#timer = setInterval(() => this.#sendDue(), 5);
  }

  /** Starts sending. */
  static start(options: LoadOptions): Load {
    return new Load(options);
  }

  /** Requests that have been answered with 2xx so far. */
  get succeeded(): number {
    return this.#latencies.length;
  }

  /** Requests that have failed so far. */
  get failed(): number {
    return this.#failures.length;
  }

  /** Answers with 2xx so far whose body was `body`. */
  answersOf(body: string): number {
    return this.#answers.get(body) ?? 0;
  }

  /** Stops sending, waits for the answers under way and returns the account. */
  async stop(): Promise<LoadReport> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    if (!this.#stopped) this.#client.close();
    this.#stopped = true;
    return this.#report();
  }

  /** Stops the load. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #sendDue(): void {
    const elapsedSeconds = (performance.now() - this.#startMs) / 1000;
    const due = Math.floor(elapsedSeconds * this.#options.requestsPerSecond);
    while (this.#sent < due) {
      this.#sent++;
      const open = this.#sendOne().finally(() => this.#open.delete(open));
      this.#open.add(open);
    }
  }

  async #sendOne(): Promise<void> {
    const sentMs = performance.now();
    try {
      const response = await fetch(this.#options.url, {
        client: this.#client,
        headers: { ...this.#options.headers },
        signal: AbortSignal.timeout(this.#options.timeoutMs ?? 5_000),
      });
      const body = await response.text();
      if (!response.ok) return this.#fail(sentMs, `${response.status} ${body}`);
      this.#latencies.push(performance.now() - sentMs);
      this.#answers.set(body, this.answersOf(body) + 1);
    } catch (error) {
      this.#fail(sentMs, errorChain(error));
    }
  }

  #fail(sentMs: number, detail: string): void {
    this.#failures.push({ atMs: Math.round(sentMs - this.#startMs), detail });
  }

  #report(): LoadReport {
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    const at = (share: number) =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return {
      sent: this.#sent,
      answers: new Map(this.#answers),
      failures: [...this.#failures],
      latencyMs: { p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0 },
    };
  }
}

/** Throws, with the first failures in full, unless every request was answered with 2xx. */
export function assertNoFailures(report: LoadReport): void {
  if (report.sent === 0) throw new Error("cannot judge a load of which no request was sent");
  if (report.failures.length === 0) return;
  const shown = report.failures.slice(0, 10).map(({ atMs, detail }) =>
    `  at ${atMs} ms: ${detail}`
  );
  throw new Error(
    `${report.failures.length} of ${report.sent} requests failed:\n${shown.join("\n")}`,
  );
}

function errorChain(error: unknown): string {
  const parts: string[] = [];
  for (let next = error; next instanceof Error; next = next.cause) parts.push(next.message);
  return parts.join(": ") || String(error);
}
