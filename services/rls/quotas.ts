// SPDX-License-Identifier: Apache-2.0
/**
 * The quota service put together: quotas, the clock that drives them, their RPC, route and metrics.
 * @module
 */
import type { MethodImplementation } from "@denvoy/grpc";
import type { AnyRoute, Runtime } from "@denvoy/runtime";
import type { RlsConfig } from "./config.ts";
import type { LimitSet } from "./domain/limit_set.ts";
import { QuotaBook } from "./domain/quota_book.ts";
import type { QuotaSettings } from "./domain/quota_settings.ts";
import { quotaMethods } from "./handlers/quota_service.ts";
import { quotaRoutes } from "./http/quota_routes.ts";
import { observeQuotas, QuotaInstruments } from "./quota_metrics.ts";
import { QuotaTicker } from "./quota_ticker.ts";

/** Quotas as the service runs them. Dispose of them to stop their clock. */
export class Quotas implements Disposable {
  readonly #book: QuotaBook;
  readonly #ticker: QuotaTicker;
  readonly #runtime: Runtime;

  /** There are no limits yet; at most once for each `runtime`. */
  constructor(config: RlsConfig, runtime: Runtime) {
    const observer = new QuotaInstruments(runtime.metrics);
    this.#runtime = runtime;
    this.#book = new QuotaBook({ settings: settingsOf(config), observer });
    this.#ticker = new QuotaTicker(this.#book, runtime.clock);
    observeQuotas(runtime.metrics, this.#book);
  }

  /** Takes limits over. */
  take(limits: LimitSet): void {
    this.#book.takeRules(limits, this.#runtime.clock.monotonicMs());
    this.#ticker.wake();
  }

  /** The RPCs. */
  methods(): readonly MethodImplementation[] {
    const { clock } = this.#runtime;
    return quotaMethods({ book: this.#book, clock, onActive: () => this.#ticker.wake() });
  }

  /** The routes. */
  routes(): readonly AnyRoute[] {
    return quotaRoutes({ book: this.#book, clock: this.#runtime.clock });
  }

  /** Has all streams end. */
  endStreams(): void {
    this.#book.endStreams();
  }

  /** Stops the clock. */
  [Symbol.dispose](): void {
    this.#ticker[Symbol.dispose]();
  }
}

function settingsOf(config: RlsConfig): QuotaSettings {
  return {
    ttlSeconds: Math.floor(config.quotaTtlMs / 1000),
    idleMs: config.quotaIdleMs,
    strategy: config.quotaStrategy,
    withoutRule: config.quotaWithoutRule,
    shadowMode: config.shadowMode,
    maxBuckets: config.quotaMaxBuckets,
    maxBucketsPerStream: config.quotaMaxBucketsPerStream,
  };
}
