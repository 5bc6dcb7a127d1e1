// SPDX-License-Identifier: Apache-2.0
/**
 * What rls counts of itself. Every series and label is named here. Labels are those of the limit
 * files; values of requests appear only where a rule asks for it, and then share a bounded number of
 * series.
 * @module
 */
import {
  type Counter,
  type CounterSeries,
  type Histogram,
  LATENCY_BUCKETS_SECONDS,
  type Metrics,
} from "@denvoy/runtime";
import type { StoreFailure } from "./domain/counter_store.ts";
import type { CountedMatch, NoLimitReason } from "./domain/descriptor_matcher.ts";
import type { LimitStatus } from "./domain/decision.ts";
import {
  type CountedLimit,
  type FailurePolicy,
  type LimitRule,
  limitsTogether,
  windowName,
} from "./domain/limit_rule.ts";
import type { LimitSet } from "./domain/limit_set.ts";
import type { RuleTotals } from "./domain/reference_stats.ts";
import type { Tally } from "./domain/tally.ts";

/** What a request was told; `shadowed` is over a limit while the service is in shadow mode. */
export type DecisionName = "ok" | "over_limit" | "shadowed" | "error";

/** The series of one rule. */
type RuleSeries = Readonly<Record<keyof Tally, CounterSeries>>;

type RuleLabels = Readonly<Record<"domain" | "rule" | "window", string>>;

type RuleCounter = Counter<"domain" | "rule" | "window">;

const ruleCounters: Readonly<Record<keyof Tally, readonly [name: string, help: string]>> = {
  total: ["hits_total", "Units that requests asked for, by limit."],
  within: ["within_limit_total", "Units that fit into their limit."],
  near: ["near_limit_total", "Units between the near limit and the limit."],
  over: ["over_limit_total", "Units over their limit."],
  overFromCache: ["over_limit_cached_total", "Units over their limit that no store was asked for."],
  shadow: ["shadow_over_limit_total", "Units over a limit in shadow mode, which passed."],
  refunded: ["refunded_hits_total", "Units that requests gave back."],
};

/** The `rule` of limits that requests bring along. */
const OVERRIDE = "override";

/** Counts what happens. */
export class RlsInstruments {
  /** Answers by what they said. */
  readonly decisions: Readonly<Record<DecisionName, CounterSeries>>;
  /** Descriptors without a limit, by why. */
  readonly unmatched: Counter<"reason">;
  /** Requests that the store did not count, by why. */
  readonly storeFailures: Counter<"kind">;
  /** Limits that answered without the store, by policy. */
  readonly failureAnswers: Counter<"policy">;
  /** How long the store took, where it did not answer at once. */
  readonly storeTime: Histogram<never>;
  /** Loads of the limit files by outcome. */
  readonly fileLoads: Counter<"outcome">;
  /** Calls that failed as nothing counted; they are among the errors of `decisions`. */
  failedByStore = 0;
  readonly #counters: Readonly<Record<keyof Tally, RuleCounter>>;
  readonly #series = new WeakMap<LimitRule, RuleSeries>();
  readonly #windowSeries = new WeakMap<CountedLimit, RuleSeries>();
  #known: ReadonlyMap<string, RuleLabels> = new Map();

  /** Makes the instruments; at most once for each `metrics`. */
  constructor(metrics: Metrics) {
    const decisions = metrics.counter("decisions_total", {
      help: "Answers: ok, over_limit, shadowed (over, but the service is in shadow mode), error.",
      labels: ["decision"],
    });
    this.decisions = {
      ok: decisions.with({ decision: "ok" }),
      over_limit: decisions.with({ decision: "over_limit" }),
      shadowed: decisions.with({ decision: "shadowed" }),
      error: decisions.with({ decision: "error" }),
    };
    this.unmatched = metrics.counter("unmatched_descriptors_total", {
      help: "Descriptors without a limit, by reason.",
      labels: ["reason"],
    });
    this.storeFailures = metrics.counter("store_failures_total", {
      help: "Requests that the store of counters did not count, by kind.",
      labels: ["kind"],
    });
    this.failureAnswers = metrics.counter("store_failure_answers_total", {
      help: "Limits that answered without the store, by policy: error, allow, deny, local.",
      labels: ["policy"],
    });
    this.storeTime = metrics.histogram("store_time_seconds", {
      help: "How long the store of counters took for a request.",
      buckets: LATENCY_BUCKETS_SECONDS,
    });
    this.fileLoads = metrics.counter("limit_file_loads_total", {
      help: "Looks at the limit files by outcome: applied or refused.",
      labels: ["outcome"],
    });
    const counters = Object.entries(ruleCounters).map(([key, [name, help]]) => [
      key,
      metrics.counter(name, { help, labels: ["domain", "rule", "window"] }),
    ]);
    this.#counters = Object.fromEntries(counters);
  }

  /** Counts the units of a charge. */
  counted(match: CountedMatch, tally: Tally): void {
    addTally(this.#matchSeries(match), tally);
  }

  /** Counts the units of the charges of a rule with several limits. */
  countedSeveral({ domain, rule, metricKey }: CountedMatch, windows: readonly LimitStatus[]): void {
    for (const { limit, tally } of windows) {
      if (limit === undefined || tally === undefined || rule === undefined) continue;
      const series = metricKey === rule.path
        ? this.#limitSeries(rule, limit)
        : this.#seriesOf(domain, metricKey.slice(domain.length + 1), windowName(limit));
      addTally(series, tally);
    }
  }

  /** Counts a descriptor without a limit. */
  withoutLimit(reason: NoLimitReason): void {
    this.unmatched.add(1, { reason: reason.replaceAll(" ", "_") });
  }

  /** Counts a request that the store did not count. */
  storeFailed({ kind }: StoreFailure): void {
    this.storeFailures.add(1, { kind });
  }

  /** Counts a limit that answered without the store. */
  answeredWithoutStore(policy: FailurePolicy): void {
    this.failureAnswers.add(1, { policy });
  }

  /** What was counted of all limits since the start, those of values that metrics show included. */
  *ruleTotals(): Generator<RuleTotals> {
    const keys = Object.keys(this.#counters) as (keyof Tally)[];
    for (const { labels } of this.#counters.total.set.values()) {
      const { domain = "", rule = "", window = "" } = labels;
      const totals = keys.map((key) => [
        key,
        this.#counters[key].with({ domain, rule, window }).total,
      ]);
      yield { domain, rule, window, totals: Object.fromEntries(totals) };
    }
  }

  /** Drops the series of limits that were there and are not any more, so that others have room. */
  retain(set: LimitSet): void {
    const before = this.#known;
    this.#known = knownLimits(set);
    for (const [id, labels] of before) {
      if (this.#known.has(id)) continue;
      for (const counter of Object.values(this.#counters)) counter.set.remove(labels);
    }
  }

  /**
   * What was counted of a rule since the start, values of requests apart; of one with several limits
   * that of one of them.
   */
  totals(rule: LimitRule, limit?: CountedLimit): Readonly<Record<keyof Tally, number>> {
    const series = limit === undefined ? this.#ruleSeries(rule) : this.#limitSeries(rule, limit);
    const totals = Object.entries(series).map(([key, { total }]) => [key, total]);
    return Object.fromEntries(totals);
  }

  #matchSeries({ domain, rule, metricKey }: CountedMatch): RuleSeries {
    if (rule === undefined) return this.#seriesOf(domain, OVERRIDE);
    if (metricKey === rule.path) return this.#ruleSeries(rule);
    return this.#seriesOf(domain, metricKey.slice(domain.length + 1));
  }

  #limitSeries(rule: LimitRule, limit: CountedLimit): RuleSeries {
    let series = this.#windowSeries.get(limit);
    if (series === undefined) {
      const path = rule.path.slice(rule.domain.length + 1);
      series = this.#seriesOf(rule.domain, path, windowName(limit));
      this.#windowSeries.set(limit, series);
    }
    return series;
  }

  #ruleSeries(rule: LimitRule): RuleSeries {
    let series = this.#series.get(rule);
    if (series === undefined) {
      series = this.#seriesOf(rule.domain, rule.path.slice(rule.domain.length + 1));
      this.#series.set(rule, series);
    }
    return series;
  }

  #seriesOf(domain: string, rule: string, window = ""): RuleSeries {
    const all = Object.entries(this.#counters).map(([key, counter]) => [
      key,
      counter.with({ domain, rule, window }),
    ]);
    return Object.fromEntries(all);
  }
}

/** The labels of all limits by an identity of theirs. */
function knownLimits(set: LimitSet): ReadonlyMap<string, RuleLabels> {
  const known = new Map<string, RuleLabels>();
  for (const { domain, path, limit } of set.rules()) {
    const rule = path.slice(domain.length + 1);
    const also = limit?.kind === "counted" ? limit.also : undefined;
    const windows = limit?.kind === "counted" && also !== undefined
      ? limitsTogether(limit).map(windowName)
      : [""];
    for (const window of windows) {
      const labels = { domain, rule, window };
      known.set(Object.values(labels).join("\n"), labels);
    }
  }
  return known;
}

function addTally(series: RuleSeries, tally: Tally): void {
  series.total.add(tally.total);
  if (tally.within > 0) series.within.add(tally.within);
  if (tally.near > 0) series.near.add(tally.near);
  if (tally.over > 0) series.over.add(tally.over);
  if (tally.overFromCache > 0) series.overFromCache.add(tally.overFromCache);
  if (tally.shadow > 0) series.shadow.add(tally.shadow);
  if (tally.refunded > 0) series.refunded.add(tally.refunded);
}
