// SPDX-License-Identifier: Apache-2.0
/**
 * What rls counts of quotas. Labels are those of the limit files.
 * @module
 */
import type { Counter, CounterSeries, Metrics } from "@denvoy/runtime";
import type { QuotaBook } from "./domain/quota_book.ts";
import type { QuotaUsage } from "./domain/quota_demand.ts";
import type { LimitedBucket, UnlimitedBucket } from "./domain/quota_matcher.ts";
import type { QuotaObserver, RefusedBucket } from "./domain/quota_settings.ts";
import type { LimitRule } from "./domain/limit_rule.ts";
import { type QuotaView, quotaViews } from "./domain/quota_view.ts";

/** Rules whose rates are shown, so that their series stay few. */
const MAX_RULES = 2000;

interface RuleSeries {
  readonly allowed: CounterSeries;
  readonly denied: CounterSeries;
}

/** Counts what happens to quotas. */
export class QuotaInstruments implements QuotaObserver {
  readonly #requests: Counter<"domain" | "rule" | "verdict">;
  readonly #actions: Counter<"kind">;
  readonly #refused: Counter<"reason">;
  readonly #series = new WeakMap<LimitRule, RuleSeries>();

  /** Makes the instruments; at most once for each `metrics`. */
  constructor(metrics: Metrics) {
    this.#requests = metrics.counter("quota_requests_total", {
      help: "Requests that Envoys report, by limit and by what they did: allowed or denied.",
      labels: ["domain", "rule", "verdict"],
    });
    this.#actions = metrics.counter("quota_actions_total", {
      help: "What Envoys were told, by kind: token_bucket, requests_per_time_unit, allow_all, " +
        "deny_all, abandon.",
      labels: ["kind"],
    });
    this.#refused = metrics.counter("quota_refused_buckets_total", {
      help: "Reports of buckets that were not taken in, by reason: invalid, too_many, no_rule, " +
        "domain_not_found, concurrency.",
      labels: ["reason"],
    });
  }

  /** See {@linkcode QuotaObserver.reported}. */
  reported(match: LimitedBucket | UnlimitedBucket, { allowed, denied }: QuotaUsage): void {
    const series = this.#seriesOf(match);
    if (allowed > 0) series.allowed.add(allowed);
    if (denied > 0) series.denied.add(denied);
  }

  /** See {@linkcode QuotaObserver.refused}. */
  refused(why: RefusedBucket): void {
    this.#refused.add(1, { reason: why.replaceAll(" ", "_") });
  }

  /** See {@linkcode QuotaObserver.told}. */
  told(action: Parameters<QuotaObserver["told"]>[0]): void {
    this.#actions.add(1, { kind: action.replaceAll("-", "_") });
  }

  #seriesOf({ rule, metricKey }: LimitedBucket | UnlimitedBucket): RuleSeries {
    if (metricKey !== rule.path) return this.#make(rule.domain, metricKey);
    let series = this.#series.get(rule);
    if (series === undefined) {
      series = this.#make(rule.domain, rule.path);
      this.#series.set(rule, series);
    }
    return series;
  }

  #make(domain: string, key: string): RuleSeries {
    const rule = key.slice(domain.length + 1);
    return {
      allowed: this.#requests.with({ domain, rule, verdict: "allowed" }),
      denied: this.#requests.with({ domain, rule, verdict: "denied" }),
    };
  }
}

/** Adds gauges whose values are read at each scrape. */
export function observeQuotas(metrics: Metrics, book: QuotaBook): void {
  metrics.observeGauge(
    "quota_streams",
    { help: "Streams of Envoys that take quotas." },
    () => book.streams.size,
  );
  metrics.observeGauge(
    "quota_buckets",
    { help: "Buckets of Envoys that take quotas, each Envoy's for itself." },
    () => book.buckets,
  );
  metrics.observeGauge(
    "quota_limits",
    { help: "Limits that are shared out to Envoys at present." },
    () => book.limits,
  );
  observeRates(metrics, book);
}

/** What may be used and what is wanted, by rule; buckets that share no limit are left out. */
function observeRates(metrics: Metrics, book: QuotaBook): void {
  const labels = ["domain", "rule"] as const;
  const rates = (rateOf: (view: QuotaView, seconds: number) => number) => () => {
    const sums = new Map<LimitRule, number>();
    for (const view of quotaViews(book)) {
      const { match: { rule }, capacity } = view;
      if (capacity === undefined) continue;
      sums.set(rule, (sums.get(rule) ?? 0) + rateOf(view, capacity.seconds));
    }
    return [...sums].slice(0, MAX_RULES).map(([{ domain, path }, value]) => ({
      value,
      labels: { domain, rule: path.slice(domain.length + 1) },
    }));
  };
  metrics.observeGauge(
    "quota_assigned_per_second",
    { help: "Requests a second that Envoys may let pass together, by rule.", labels },
    rates(({ heldUnits }, seconds) => heldUnits / seconds),
  );
  metrics.observeGauge(
    "quota_demand_per_second",
    { help: "Requests a second that Envoys get together, by rule.", labels },
    rates(({ buckets }) =>
      buckets.reduce((sum, { holder }) => sum + (holder.demandPerSecond ?? 0), 0)
    ),
  );
}
