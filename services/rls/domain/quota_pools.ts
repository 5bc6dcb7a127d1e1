// SPDX-License-Identifier: Apache-2.0
/**
 * Every limit that is shared at present, found by the buckets that match it.
 * @module
 */
import { capacityOf, type QuotaCapacity } from "./quota_assignment.ts";
import type { QuotaBucket } from "./quota_bucket.ts";
import type { QuotaCalendar } from "./quota_calendar.ts";
import { LimitSet } from "./limit_set.ts";
import type { Placement } from "./quota_holder.ts";
import {
  type LimitedBucket,
  matchBucket,
  type NoQuotaReason,
  type QuotaMatch,
} from "./quota_matcher.ts";
import type { QuotaSettings } from "./quota_settings.ts";
import { SharedLimit } from "./shared_limit.ts";

/** Where a bucket goes. */
export type Placing =
  | { readonly kind: "placed"; readonly placement: Placement }
  | { readonly kind: "abandoned"; readonly why: NoQuotaReason };

const allowAll = { kind: "allow-all" } as const;
const denyAll = { kind: "deny-all" } as const;

/** The shared limits of all domains. */
export class QuotaPools {
  readonly #settings: QuotaSettings;
  readonly #calendar: QuotaCalendar;
  readonly #limits = new Map<string, SharedLimit>();
  readonly #fresh = new Set<SharedLimit>();
  readonly #ended = new Set<string>();
  #rules = LimitSet.empty;
  #matches: Map<string, QuotaMatch> | undefined;

  /** There are no rules yet. */
  constructor(settings: QuotaSettings, calendar: QuotaCalendar) {
    this.#settings = settings;
    this.#calendar = calendar;
  }

  /** How many limits are shared. */
  get size(): number {
    return this.#limits.size;
  }

  /** Whether there are limits of which other replicas have not been told. */
  get hasFresh(): boolean {
    return this.#fresh.size > 0;
  }

  /** Returns the limits that nobody shares here any more, each once. */
  takeEnded(): readonly string[] {
    const ended = [...this.#ended].filter((key) => !this.#limits.has(key));
    this.#ended.clear();
    return ended;
  }

  /** All of them. */
  all(): Iterable<SharedLimit> {
    return this.#limits.values();
  }

  /** Returns up to `max` limits: new ones, then those whose turn is longest ago. */
  nextInTurn(max: number): readonly SharedLimit[] {
    const next = [...this.#fresh].slice(0, max);
    for (const limit of this.#limits.values()) {
      if (next.length >= max) break;
      if (!this.#fresh.has(limit)) next.push(limit);
    }
    for (const limit of next) {
      this.#fresh.delete(limit);
      this.#limits.delete(limit.key);
      this.#limits.set(limit.key, limit);
    }
    return next;
  }

  /** Buckets that are placed from now on are placed by these rules. */
  takeRules(rules: LimitSet): void {
    this.#rules = rules;
  }

  /** Does work in which the same buckets are placed many times: each is matched once. */
  placeMany(work: () => void): void {
    this.#matches = new Map();
    work();
    this.#matches = undefined;
  }

  /** Divides every limit anew. */
  settle(nowMs: number): void {
    for (const limit of [...this.#limits.values()]) limit.settle(nowMs);
  }

  /** Returns where a bucket belongs by the rules of now. */
  place(domain: string, bucket: QuotaBucket): Placing {
    const match = this.#match(domain, bucket);
    const { withoutRule, shadowMode } = this.#settings;
    if (match.kind === "none") {
      if (withoutRule === "abandon") return { kind: "abandoned", why: match.why };
      const assignment = withoutRule === "allow" ? allowAll : denyAll;
      return { kind: "placed", placement: { kind: "blanket", match, assignment } };
    }
    if (match.kind === "unlimited" || shadowMode || match.rule.shadowMode) {
      return { kind: "placed", placement: { kind: "blanket", match, assignment: allowAll } };
    }
    const capacity = capacityOf(match.limit, this.#settings.strategy);
    if (capacity.units === 0) {
      return { kind: "placed", placement: { kind: "blanket", match, assignment: denyAll } };
    }
    const limit = this.#limitOf(match, capacity);
    return { kind: "placed", placement: { kind: "pool", match, limit } };
  }

  #match(domain: string, bucket: QuotaBucket): QuotaMatch {
    if (this.#matches === undefined) return matchBucket(this.#rules, { domain, bucket });
    const key = JSON.stringify([domain, bucket.key]);
    const match = this.#matches.get(key) ?? matchBucket(this.#rules, { domain, bucket });
    this.#matches.set(key, match);
    return match;
  }

  #limitOf({ rule, poolKey }: LimitedBucket, capacity: QuotaCapacity): SharedLimit {
    const key = JSON.stringify([rule.domain, poolKey]);
    const known = this.#limits.get(key);
    if (known === undefined) return this.#add(key, capacity);
    if (!sameCapacity(known.pool.capacity, capacity)) known.pool.resize(capacity);
    return known;
  }

  #add(key: string, capacity: QuotaCapacity): SharedLimit {
    const calendar = this.#calendar;
    const onUnused = (unused: SharedLimit) => {
      this.#fresh.delete(unused);
      if (this.#limits.get(key) !== unused) return;
      this.#limits.delete(key);
      if (this.#settings.isShared) this.#ended.add(key);
    };
    const limit = new SharedLimit({
      ...{ key, capacity, calendar, onUnused },
      part: this.#settings.isShared ? 0 : 1,
    });
    this.#limits.set(key, limit);
    if (this.#settings.isShared) this.#fresh.add(limit);
    return limit;
  }
}

function sameCapacity(a: QuotaCapacity, b: QuotaCapacity): boolean {
  return a.units === b.units && a.seconds === b.seconds && a.burst === b.burst && a.unit === b.unit;
}
