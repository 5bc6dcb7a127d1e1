// SPDX-License-Identifier: Apache-2.0
/**
 * All quotas: every stream with its buckets, and the limits that they share. Time comes in as the
 * milliseconds of a clock that never steps back.
 * @module
 */
import type { LimitSet } from "./limit_set.ts";
import { QuotaCalendar } from "./quota_calendar.ts";
import { QuotaPools } from "./quota_pools.ts";
import type { QuotaObserver, QuotaSettings } from "./quota_settings.ts";
import { type QuotaClient, QuotaStream } from "./quota_stream.ts";

/** What a book works with. */
export interface QuotaBookOptions {
  /** How quotas are served. */
  readonly settings: QuotaSettings;
  /** Is told what happens. */
  readonly observer: QuotaObserver;
}

/** Shares limits out to streams. */
export class QuotaBook {
  readonly #options: QuotaBookOptions;
  readonly #calendar = new QuotaCalendar();
  readonly #pools: QuotaPools;
  readonly #streams = new Set<QuotaStream>();
  #buckets = 0;

  /** There are no limits and no streams yet. */
  constructor(options: QuotaBookOptions) {
    this.#options = options;
    this.#pools = new QuotaPools(options.settings, this.#calendar);
  }

  /** The open streams. */
  get streams(): ReadonlySet<QuotaStream> {
    return this.#streams;
  }

  /** The limits that are shared. */
  get pools(): QuotaPools {
    return this.#pools;
  }

  /** Buckets of all streams, each stream's for itself. */
  get buckets(): number {
    return this.#buckets;
  }

  /** Limits that are shared at present. */
  get limits(): number {
    return this.#pools.size;
  }

  /** Whether nothing is to be done at any later moment. */
  get isAtRest(): boolean {
    return this.#calendar.isEmpty;
  }

  /** Opens a stream. */
  open(client: QuotaClient, nowMs: number): QuotaStream {
    const { settings, observer } = this.#options;
    const stream = new QuotaStream({
      settings,
      observer,
      pools: this.#pools,
      calendar: this.#calendar,
      hasRoom: () => Math.max(this.#buckets, this.#pools.size) < settings.maxBuckets,
      onCount: (change) => this.#buckets += change,
    }, { client, nowMs });
    this.#streams.add(stream);
    return stream;
  }

  /** Ends a stream; ending it twice does nothing. */
  close(stream: QuotaStream, nowMs: number): void {
    if (this.#streams.delete(stream)) stream.close(nowMs);
  }

  /** Has all streams end, as they never do by themselves; new ones can still be opened. */
  endStreams(): void {
    for (const stream of this.#streams) stream.end();
  }

  /** Takes rules over: every bucket is placed anew, and told what changed for it. */
  takeRules(rules: LimitSet, nowMs: number): void {
    this.#pools.takeRules(rules);
    this.#pools.placeMany(() => {
      for (const stream of this.#streams) stream.replace();
    });
    this.#pools.settle(nowMs);
  }

  /** Does what is due: to be called about every 100 ms unless {@linkcode isAtRest}. */
  tick(nowMs: number): void {
    this.#calendar.tick(nowMs);
  }
}
