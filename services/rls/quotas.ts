// SPDX-License-Identifier: Apache-2.0
/**
 * The quota service put together: quotas, the clock that drives them, their RPC, route and metrics.
 * @module
 */
import { openRedisLink } from "@denvoy/redis";
import type { MethodImplementation } from "@denvoy/grpc";
import type { AnyRoute, Runtime } from "@denvoy/runtime";
import { RedisQuotaExchange } from "./adapters/redis_quota_exchange.ts";
import type { RlsConfig } from "./config.ts";
import type { LimitSet } from "./domain/limit_set.ts";
import { QuotaBook } from "./domain/quota_book.ts";
import { LEASE_GRACE_MS } from "./domain/quota_holder.ts";
import type { QuotaSettings } from "./domain/quota_settings.ts";
import { quotaMethods } from "./handlers/quota_service.ts";
import { quotaRoutes } from "./http/quota_routes.ts";
import { mainRedis } from "./open_store.ts";
import { observeQuotas, QuotaInstruments } from "./quota_metrics.ts";
import { QuotaReplica } from "./quota_replica.ts";
import { QuotaTicker } from "./quota_ticker.ts";

/** Quotas as the service runs them. Dispose of them to stop their clock and leave other replicas. */
export class Quotas implements AsyncDisposable {
  readonly #book: QuotaBook;
  readonly #ticker: QuotaTicker;
  readonly #replica: QuotaReplica | undefined;
  readonly #runtime: Runtime;

  /** There are no limits yet; at most once for each `runtime`. */
  constructor(config: RlsConfig, runtime: Runtime) {
    const observer = new QuotaInstruments(runtime.metrics);
    this.#runtime = runtime;
    this.#book = new QuotaBook({ settings: settingsOf(config), observer });
    this.#ticker = new QuotaTicker(this.#book, runtime.clock);
    this.#replica = this.#openReplica(config);
    observeQuotas(runtime.metrics, this.#book);
  }

  /** Takes limits over. */
  take(limits: LimitSet): void {
    this.#book.takeRules(limits, this.#runtime.clock.monotonicMs());
    this.#wake();
  }

  /** The RPCs. */
  methods(): readonly MethodImplementation[] {
    const { clock, logger } = this.#runtime;
    return quotaMethods({ book: this.#book, clock, logger, onActive: () => this.#wake() });
  }

  /** The routes. */
  routes(): readonly AnyRoute[] {
    return quotaRoutes({ book: this.#book, clock: this.#runtime.clock });
  }

  /** Has all streams end. */
  endStreams(): void {
    this.#book.endStreams();
  }

  /** Stops the clock, and leaves its parts of limits to other replicas. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ticker[Symbol.dispose]();
    await this.#replica?.[Symbol.asyncDispose]();
  }

  #wake(): void {
    this.#ticker.wake();
    this.#replica?.wake();
  }

  /** Replicas that count in one Redis share quotas there, too. */
  #openReplica(config: RlsConfig): QuotaReplica | undefined {
    if (config.redisUrl === undefined) return undefined;
    const { clock, logger, readiness } = this.#runtime;
    const exchange = new RedisQuotaExchange({
      link: openRedisLink(mainRedis(config, config.redisUrl)),
      replica: crypto.randomUUID(),
      keyPrefix: config.keyPrefix ?? "",
      clock,
    });
    return new QuotaReplica({
      ...{ book: this.#book, exchange, clock, logger },
      leaseMs: settingsOf(config).ttlSeconds * 1000 + LEASE_GRACE_MS,
      health: readiness.component("quotas"),
      onGranted: () => this.#ticker.wake(),
    });
  }
}

function settingsOf(config: RlsConfig): QuotaSettings {
  return {
    ttlSeconds: Math.floor(config.quotaTtlMs / 1000),
    idleMs: config.quotaIdleMs,
    strategy: config.quotaStrategy,
    withoutRule: config.quotaWithoutRule,
    shadowMode: config.shadowMode,
    isShared: config.redisUrl !== undefined,
    maxBuckets: config.quotaMaxBuckets,
    maxBucketsPerStream: config.quotaMaxBucketsPerStream,
  };
}
