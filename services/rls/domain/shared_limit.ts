// SPDX-License-Identifier: Apache-2.0
/**
 * A limit that is shared at present, with the moments at which something about it must be done.
 * @module
 */
import type { QuotaCapacity } from "./quota_assignment.ts";
import type { QuotaCalendar, Timed } from "./quota_calendar.ts";
import { QuotaPool } from "./quota_pool.ts";

/** What a shared limit works with. */
export interface SharedLimitOptions {
  /** Its name among all. */
  readonly key: string;
  /** What is divided. */
  readonly capacity: QuotaCapacity;
  /** Which part of it is divided here, until another is granted. */
  readonly part: number;
  /** Where it waits. */
  readonly calendar: QuotaCalendar;
  /** Is called when nobody has a share any more. */
  readonly onUnused: (limit: SharedLimit) => void;
}

/** A shared limit. */
export class SharedLimit implements Timed {
  /** Its name among all. */
  readonly key: string;
  /** Who shares it. */
  readonly pool: QuotaPool;
  readonly #options: SharedLimitOptions;
  #scheduledMs = Infinity;

  /** Nobody shares it yet. */
  constructor(options: SharedLimitOptions) {
    this.#options = options;
    this.key = options.key;
    this.pool = new QuotaPool(options.capacity);
    this.pool.limitTo(options.part);
  }

  /** Divides another part of it here from now on. */
  grant(part: number, nowMs: number): void {
    if (part === this.pool.part) return;
    this.pool.limitTo(part);
    this.settle(nowMs);
  }

  /** Has the limit divided anew, now or as soon as may be. */
  settle(nowMs: number): void {
    const nextMs = this.pool.settle(nowMs);
    if (this.pool.isUnused) this.#options.onUnused(this);
    else if (nextMs !== undefined && nextMs < this.#scheduledMs) {
      this.#scheduledMs = nextMs;
      this.#options.calendar.add(this, nextMs);
    }
  }

  /** Does what it was waiting for. */
  due(nowMs: number): undefined {
    this.#scheduledMs = Infinity;
    this.settle(nowMs);
  }
}
