// SPDX-License-Identifier: Apache-2.0
/**
 * Verdicts on their way to one sink: those that changed, the newest of each endpoint only; and all
 * of them again from time to time, for a sink that forgets.
 * @module
 */
import { targetKey } from "./assignment.ts";
import { type Health, isFailing } from "./health.ts";

/** A verdict as sinks take it. */
export interface PublishedVerdict {
  /** Load assignment that the endpoint is in. */
  readonly service: string;
  /** IP address or name, as the load assignment has it. */
  readonly host: string;
  /** Its port. */
  readonly port: number;
  /** The verdict; UNKNOWN takes an earlier one back. */
  readonly health: Health;
}

/** How an outbox repeats itself and recovers. */
export interface OutboxSettings {
  /** After how many milliseconds all is due again; 0 for never. */
  readonly repeatMs: number;
  /** Wait after the first failure, in milliseconds; doubled by each that follows. */
  readonly retryMs: number;
  /** The longest wait. */
  readonly maxRetryMs: number;
}

interface Pending {
  readonly verdict: PublishedVerdict;
  /** Since when it waits. */
  readonly sinceMs: number;
}

/** What is sent at once. */
export interface OutboxBatch {
  /** One for each endpoint. */
  readonly verdicts: readonly PublishedVerdict[];
  /** Since when the oldest of them waits. */
  readonly sinceMs: number;
}

/** One outbox. Time comes in. */
export class VerdictOutbox {
  readonly #settings: OutboxSettings;
  #pending = new Map<string, Pending>();
  #sending = new Map<string, Pending>();
  #failures = 0;
  #notBeforeMs = 0;
  #repeatAtMs: number;

  /** Nothing waits. */
  constructor(settings: OutboxSettings, nowMs: number) {
    this.#settings = settings;
    this.#repeatAtMs = settings.repeatMs === 0 ? Infinity : nowMs + settings.repeatMs;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** When there may be something to do; Infinity while there is not. */
  get dueMs(): number {
    if (this.#sending.size > 0) return Infinity;
    const pendingMs = this.#pending.size > 0 ? this.#notBeforeMs : Infinity;
    return Math.min(pendingMs, Math.max(this.#repeatAtMs, this.#notBeforeMs));
  }

  /** Adds a verdict; it takes the place of an older one of its endpoint. */
  put(verdict: PublishedVerdict, nowMs: number): void {
    const key = targetKey(verdict.service, `${verdict.host} ${verdict.port}`);
    const sinceMs = this.#pending.get(key)?.sinceMs ?? nowMs;
    this.#pending.set(key, { verdict, sinceMs });
  }

  /** Returns what is due, or undefined; `all` returns all verdicts, for when they are repeated. */
  take(nowMs: number, all: () => Iterable<PublishedVerdict>): OutboxBatch | undefined {
    if (nowMs < this.dueMs) return undefined;
    if (nowMs >= this.#repeatAtMs) {
      this.#repeatAtMs = nowMs + this.#settings.repeatMs;
      for (const verdict of all()) this.put(verdict, nowMs);
    }
    if (this.#pending.size === 0) return undefined;
    this.#sending = this.#pending;
    this.#pending = new Map();
    const items = [...this.#sending.values()];
    const sinceMs = items.reduce((oldest, item) => Math.min(oldest, item.sinceMs), nowMs);
    return { verdicts: items.map(({ verdict }) => verdict), sinceMs };
  }

  /** The sink is known to be back: what waits is due at once. */
  hurry(): void {
    this.#notBeforeMs = 0;
  }

  /** What was taken has arrived. */
  sent(): void {
    this.#sending = new Map();
    this.#failures = 0;
    this.#notBeforeMs = 0;
  }

  /** What was taken has not arrived: it waits again, unless something newer does. */
  failed(nowMs: number): void {
    for (const [key, item] of this.#sending) {
      const newer = this.#pending.get(key);
      this.#pending.set(key, newer === undefined ? item : { ...newer, sinceMs: item.sinceMs });
    }
    this.#sending = new Map();
    const { retryMs, maxRetryMs } = this.#settings;
    this.#notBeforeMs = nowMs + Math.min(maxRetryMs, retryMs * 2 ** this.#failures);
    this.#failures++;
  }
}

/**
 * Returns what is said of an endpoint that several clusters have, each with checks of its own: the
 * worst of it.
 */
export function worstOf(healths: readonly Health[]): Health {
  return healths.find(isFailing) ?? healths.find((health) => health === "HEALTHY") ?? "UNKNOWN";
}
