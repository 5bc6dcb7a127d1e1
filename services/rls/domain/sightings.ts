// SPDX-License-Identifier: Apache-2.0
/**
 * Remembers what was asked, in bounded room: of each limit the keys that are asked for most and how
 * near they are, and the descriptors that matched no limit. When there is much, some requests picked
 * at random stand for all, so that it costs little.
 * @module
 */
import type { Decision, LimitStatus } from "./decision.ts";
import {
  type CountedMatch,
  counterKeyOf,
  type Match,
  type NoLimitReason,
  type RequestEntry,
} from "./descriptor_matcher.ts";
import { FrequentItems } from "./frequent_items.ts";
import { type CountedLimit, type LimitRule, windowName } from "./limit_rule.ts";
import type { LimitSet } from "./limit_set.ts";
import type { HitDescriptor, HitRequest, RateLimitPlan } from "./rate_limit_plan.ts";

/** A key of a limit, as it stood after the last request for it. */
export interface HotKey {
  /** The descriptor. */
  readonly entries: readonly RequestEntry[];
  /** Units asked for of late; what is a minute old counts half. */
  readonly recentHits: number;
  /** Units left; all of them when the window has ended since. */
  readonly remaining: number;
  /** Units per window. */
  readonly limit: number;
  /** Milliseconds until there are more; undefined when that is unknown or past. */
  readonly resetMs: number | undefined;
}

/** Descriptors of one shape that matched no limit. */
export interface UnmatchedShape {
  /** Their domain. */
  readonly domain: string;
  /** The keys of their entries, in order. */
  readonly keys: readonly string[];
  /** Why they have no limit. */
  readonly why: NoLimitReason;
  /** How many there were, about. */
  readonly count: number;
  /** One of them. */
  readonly example: readonly RequestEntry[];
  /** When the last one came, in ms since the epoch. */
  readonly lastMs: number;
}

/** How much is remembered. */
export interface SightingsOptions {
  /** Keys of each limit that {@linkcode Sightings.hotKeys} tells at most; 0 remembers none. */
  readonly hotKeys: number;
}

/** Limits whose keys are remembered at a time. */
const MAX_LIMITS = 1_000;
/** Shapes of descriptors without a limit. */
const MAX_SHAPES = 200;
/** Entries of a descriptor that are remembered, and characters of each. */
const MAX_ENTRIES = 20;
const MAX_TEXT = 200;
/** Characters of a counter's key by which it is known. */
const MAX_KEY = MAX_ENTRIES * MAX_TEXT;
const HALF_LIFE_MS = 60_000;
/** Descriptors of a second that are all looked at; of requests after them one in {@linkcode SHARE}. */
const ALL_PER_SECOND = 1_000;
/** A power of 2. */
const SHARE = 32;

interface Seen {
  readonly entries: readonly RequestEntry[];
  remaining: number;
  limit: number;
  resetAtMs: number | undefined;
}

interface Shape {
  readonly domain: string;
  readonly entries: readonly RequestEntry[];
  readonly why: NoLimitReason;
  atMs: number;
}

/** What was asked of late. */
export class Sightings {
  readonly #hotKeys: number;
  readonly #byLimit = new Map<string, FrequentItems<Seen>>();
  readonly #shapes = new FrequentItems<Shape>({ capacity: MAX_SHAPES });
  #second = 0;
  #inSecond = 0;
  #dice = 1;

  /** Nothing was asked yet. */
  constructor({ hotKeys }: SightingsOptions) {
    this.#hotKeys = hotKeys;
  }

  /** Remembers a request and what it was told. */
  note({ request, matches }: RateLimitPlan, { statuses }: Decision, nowMs: number): void {
    const times = this.#standsFor(matches.length, nowMs);
    if (times === 0) return;
    for (const [index, match] of matches.entries()) {
      const [descriptor, status] = [request.descriptors[index], statuses[index]];
      if (descriptor === undefined || status === undefined) continue;
      if (match.kind === "none") this.#noteUnmatched(request, { descriptor, match, times, nowMs });
      else if (match.kind === "counted" && this.#hotKeys > 0) {
        for (const one of status.windows ?? [status]) {
          this.#noteCounted(match, { status: one, entries: descriptor.entries, times, nowMs });
        }
      }
    }
  }

  /** For how many requests one of so many descriptors stands; 0 passes unseen. */
  #standsFor(descriptors: number, nowMs: number): number {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    this.#inSecond += descriptors;
    if (this.#inSecond <= ALL_PER_SECOND) return 1;
    // Every one in so many would see always the same of keys that take turns.
    this.#dice = Math.imul(this.#dice, 1_664_525) + 1_013_904_223 | 0;
    return (this.#dice >>> 16) % SHARE === 0 ? SHARE : 0;
  }

  /** Forgets limits that are not there any more. */
  retain(set: LimitSet): void {
    const known = new Set([...set.rules()].map(({ path }) => path));
    for (const id of this.#byLimit.keys()) {
      const [path = ""] = id.split("\n");
      if (!known.has(path)) this.#byLimit.delete(id);
    }
  }

  /** Returns the keys of a limit that were asked for most of late, those first. */
  hotKeys(rule: LimitRule, limit: CountedLimit, nowMs: number): readonly HotKey[] {
    const items = this.#byLimit.get(limitId(rule, limit));
    if (items === undefined) return [];
    return items.top(this.#hotKeys, nowMs).map(({ weight, value }) => {
      const { entries, limit, remaining, resetAtMs } = value;
      const isOver = resetAtMs !== undefined && resetAtMs <= nowMs;
      return {
        entries,
        limit,
        recentHits: weight,
        remaining: isOver ? limit : remaining,
        resetMs: isOver || resetAtMs === undefined ? undefined : resetAtMs - nowMs,
      };
    });
  }

  /** Returns the shapes of descriptors without a limit, the most frequent first. */
  unmatched(nowMs: number): readonly UnmatchedShape[] {
    return this.#shapes.top(MAX_SHAPES, nowMs).map(({ weight, value }) => {
      const { domain, entries, why, atMs } = value;
      const keys = entries.map(({ key }) => key);
      return { domain, keys, why, count: weight, example: entries, lastMs: atMs };
    });
  }

  #noteCounted(
    match: CountedMatch,
    { status: { limit, remaining, resetMs, tally }, entries, times, nowMs }: {
      readonly status: LimitStatus;
      readonly entries: readonly RequestEntry[];
      readonly times: number;
      readonly nowMs: number;
    },
  ): void {
    const { rule } = match;
    if (rule === undefined || limit === undefined || tally === undefined) return;
    const weight = times * tally.total;
    const items = weight === 0 ? undefined : this.#items(limitId(rule, limit));
    const make = () => ({
      entries: shortened(entries),
      ...{ remaining: 0, limit: 0, resetAtMs: undefined },
    });
    const seen = items?.add(shortKey(counterKeyOf(match)), { weight, nowMs, make });
    if (seen === undefined) return;
    seen.remaining = remaining;
    seen.limit = limit.requestsPerUnit;
    seen.resetAtMs = resetMs === undefined ? undefined : nowMs + resetMs;
  }

  #items(id: string): FrequentItems<Seen> | undefined {
    const found = this.#byLimit.get(id);
    if (found !== undefined || this.#byLimit.size >= MAX_LIMITS) return found;
    const items = new FrequentItems<Seen>({
      capacity: 2 * this.#hotKeys,
      halfLifeMs: HALF_LIFE_MS,
    });
    this.#byLimit.set(id, items);
    return items;
  }

  #noteUnmatched(
    { domain }: HitRequest,
    { descriptor, match: { why }, times, nowMs }: {
      readonly descriptor: HitDescriptor;
      readonly times: number;
      readonly match: Extract<Match, { readonly kind: "none" }>;
      readonly nowMs: number;
    },
  ): void {
    if (why === "replaced") return;
    const keys = descriptor.entries.slice(0, MAX_ENTRIES).map((entry) => shorten(entry.key));
    const make = () => ({
      ...{ domain: shorten(domain), entries: shortened(descriptor.entries), why, atMs: nowMs },
    });
    const key = [why, shorten(domain), ...keys].join("\n");
    this.#shapes.add(key, { weight: times, nowMs, make }).atMs = nowMs;
  }
}

/** Tells the limits of all rules apart. */
function limitId({ path }: LimitRule, limit: CountedLimit): string {
  return limit.keySuffix === undefined ? path : `${path}\n${windowName(limit)}`;
}

/**
 * Tells the counters of one limit apart, also by values that differ behind what is remembered of each:
 * those that share a threshold are one.
 */
function shortKey(counterKey: string): string {
  return counterKey.slice(0, MAX_KEY);
}

/** What came from a client is remembered in part only, so that its length is bounded. */
function shortened(entries: readonly RequestEntry[]): readonly RequestEntry[] {
  return entries.slice(0, MAX_ENTRIES)
    .map(({ key, value }) => ({ key: shorten(key), value: shorten(value) }));
}

function shorten(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
