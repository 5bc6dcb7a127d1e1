// SPDX-License-Identifier: Apache-2.0
/**
 * One replica among several: claims its part of each limit, again and again, and goes on with what
 * it has while the others cannot be reached.
 * @module
 */
import type { Clock, Logger, Timer } from "@denvoy/base";
import type { ComponentHealth } from "@denvoy/runtime";
import type { QuotaBook } from "./domain/quota_book.ts";
import type { QuotaExchange, QuotaGrant } from "./domain/quota_exchange.ts";
import type { SharedLimit } from "./domain/shared_limit.ts";

/** What a replica works with. */
export interface QuotaReplicaOptions {
  /** Its quotas. */
  readonly book: QuotaBook;
  /** Where it meets the others. */
  readonly exchange: QuotaExchange;
  /** How long an Envoy may use a share after it was told, in milliseconds. */
  readonly leaseMs: number;
  /** Says whether the others can be reached. */
  readonly health: ComponentHealth;
  /** Where it is logged when that changes. */
  readonly logger: Logger;
  /** Time. */
  readonly clock: Clock;
  /** Is called when shares may have changed. */
  readonly onGranted: () => void;
}

const ROUND_MS = 500;
/** Claims of one round: with more limits each has its turn less often. */
const MAX_CLAIMS = 500;
/** For so long a new limit waits for the others before it is begun without them. */
const PATIENCE_MS = 1_000;

/** Claims parts for as long as there are limits. Dispose of it to give them up. */
export class QuotaReplica implements AsyncDisposable {
  readonly #options: QuotaReplicaOptions;
  #timer: Timer | undefined;
  #round: Promise<void> | undefined;
  #replicas = 1;
  #failingSinceMs: number | undefined;
  #closed = false;

  /** Claims nothing before {@linkcode wake}. */
  constructor(options: QuotaReplicaOptions) {
    this.#options = options;
    options.health.ok();
  }

  /** Claims new limits at once, and keeps the others claimed. */
  wake(): void {
    if (this.#closed || this.#round !== undefined) return;
    if (this.#timer !== undefined && !this.#options.book.pools.hasFresh) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    const { pools } = this.#options.book;
    const [ended, limits] = [pools.takeEnded(), pools.nextInTurn(MAX_CLAIMS)];
    if (limits.length === 0 && ended.length === 0) return;
    this.#round = this.#meet(limits, ended).finally(() => {
      this.#round = undefined;
      this.#rest();
    });
  }

  /** Gives all claims up: the Envoys are expected to go to other replicas. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#round;
    const { book, exchange } = this.#options;
    await exchange.release([...book.pools.all()].map(({ key }) => key));
    await exchange.close();
  }

  #rest(): void {
    if (this.#closed) return;
    if (this.#options.book.pools.hasFresh && this.#failingSinceMs === undefined) return this.wake();
    this.#timer = this.#options.clock.after(ROUND_MS, () => {
      this.#timer = undefined;
      this.wake();
    });
  }

  async #meet(limits: readonly SharedLimit[], ended: readonly string[]): Promise<void> {
    await this.#options.exchange.release(ended);
    if (limits.length > 0) await this.#claim(limits);
  }

  async #claim(limits: readonly SharedLimit[]): Promise<void> {
    const { book, exchange, leaseMs, clock } = this.#options;
    const turnMs = Math.ceil(book.limits / MAX_CLAIMS) * ROUND_MS;
    const nowMs = clock.monotonicMs();
    const claims = limits.map(({ key, pool }) => ({ key, ...pool.claim(nowMs) }));
    try {
      const grants = await exchange.claim(claims, { ttlMs: leaseMs + 4 * turnMs });
      this.#succeed(limits, grants);
    } catch (error) {
      this.#fail(limits, error);
    }
  }

  #succeed(limits: readonly SharedLimit[], grants: readonly QuotaGrant[]): void {
    const { clock, health, logger, onGranted } = this.#options;
    if (this.#failingSinceMs !== undefined) logger.info("shares quotas with other replicas again");
    this.#failingSinceMs = undefined;
    health.ok();
    const nowMs = clock.monotonicMs();
    for (const [index, limit] of limits.entries()) {
      const grant = grants[index];
      if (grant === undefined) continue;
      this.#replicas = Math.max(1, grant.replicas);
      limit.grant(grant.part, nowMs);
    }
    onGranted();
  }

  /** After a while what is new is begun with an equal part; nothing changes of what was granted. */
  #fail(limits: readonly SharedLimit[], error: unknown): void {
    const { clock, health, logger, onGranted } = this.#options;
    const why = error instanceof Error ? error.message : String(error);
    const nowMs = clock.monotonicMs();
    if (this.#failingSinceMs === undefined) {
      logger.warn("cannot share quotas with other replicas", { why });
      this.#failingSinceMs = nowMs;
    }
    health.degraded(`quotas go on with the parts of before: ${why}`);
    if (nowMs - this.#failingSinceMs < PATIENCE_MS) return;
    for (const limit of limits) {
      if (limit.pool.part === 0) limit.grant(1 / this.#replicas, nowMs);
    }
    onGranted();
  }
}
