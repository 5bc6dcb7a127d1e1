// SPDX-License-Identifier: Apache-2.0
/**
 * What a limit is once its file has been read: a tree of rules for each domain.
 * @module
 */
import type { TextPattern } from "@denvoy/base";
import type { PlainMap } from "@denvoy/proto";
import type { Algorithm } from "./counter_store.ts";
import type { unitSeconds } from "./window.ts";

/** Units of a limit. A month is 30 days and a year 365, aligned to the Unix epoch. */
export type LimitUnit = keyof typeof unitSeconds;

/**
 * What a limit answers while its store does not count: `error` fails the call with UNAVAILABLE,
 * `allow` and `deny` answer OK or OVER_LIMIT, `local` counts in this process.
 */
export type FailurePolicy = "error" | "allow" | "deny" | "local";

/** All failure policies. */
export const failurePolicies: readonly FailurePolicy[] = ["error", "allow", "deny", "local"];

/** A limit that counts. */
export interface CountedLimit {
  /** Tells it from {@linkcode Unlimited}. */
  readonly kind: "counted";
  /** Requests per window, 0 to 2^32-1; with 0 every hit is over the limit. */
  readonly requestsPerUnit: number;
  /** Unit of the window. */
  readonly unit: LimitUnit;
  /** Units of one window, at least 1. */
  readonly unitMultiplier: number;
  /** Length of the window in seconds: unit times multiplier. */
  readonly windowSeconds: number;
  /** Its name for `replaces` and for responses; empty without one. */
  readonly name: string;
  /** Names of limits that do not count in a request that this one matches. */
  readonly replaces: readonly string[];
  /** How it counts. */
  readonly algorithm: Algorithm;
  /** What it answers while the store fails; undefined leaves it to the service. */
  readonly onStoreFailure: FailurePolicy | undefined;
  /**
   * The other limits of the same rule, which have none of their own. All of them count in one step:
   * what one refuses does not count for the others. Undefined for a rule with one limit.
   */
  readonly also?: readonly CountedLimit[];
  /**
   * Ends the key of its counters, so that those of one rule differ: windows of two units that begin
   * together have one name in Redis, as in envoyproxy/ratelimit. Undefined for a rule with one limit.
   */
  readonly keySuffix?: string;
}

/** Returns all limits that stand for one: itself, and the others of its rule. */
export function limitsTogether(limit: CountedLimit): readonly CountedLimit[] {
  return limit.also === undefined ? [limit] : [limit, ...limit.also];
}

/** Returns what a limit is called among those of its rule: its name, else its window. */
export function windowName({ name, unit, unitMultiplier }: CountedLimit): string {
  return name || (unitMultiplier === 1 ? unit : `${unitMultiplier} ${unit}s`);
}

/** A rule that lets everything pass and counts nothing. */
export interface Unlimited {
  /** Tells it from {@linkcode CountedLimit}. */
  readonly kind: "unlimited";
  /** As in {@linkcode CountedLimit.name}. */
  readonly name: string;
  /** As in {@linkcode CountedLimit.replaces}. */
  readonly replaces: readonly string[];
}

/** What a rule says of requests that it matches. */
export type Limit = CountedLimit | Unlimited;

/** Where a rule stands in its file. */
export interface RulePlace {
  /** The file as the user named it; absent for text that is no file. */
  readonly file?: string;
  /** 1-based line. */
  readonly line: number;
}

/** One descriptor of a limit file. */
export interface LimitRule {
  /** Its domain. */
  readonly domain: string;
  /** Its key. */
  readonly key: string;
  /** Its value; undefined takes every value that no other rule of the level takes. */
  readonly value: string | undefined;
  /** `key_value`, or `key` without a value: what entries are compared with. */
  readonly composite: string;
  /** Domain and composites from the root on, joined with dots. */
  readonly path: string;
  /** Its limit; a rule without one only leads to its children, or lets pass. */
  readonly limit: Limit | undefined;
  /** The rules below it; undefined without any. */
  readonly children: RuleLevel | undefined;
  /** Counts and reports, but never answers OVER_LIMIT. */
  readonly shadowMode: boolean;
  /** Is over only together with all other limits of the request that have this. */
  readonly quotaMode: boolean;
  /** Metrics show the value of every entry. */
  readonly detailedMetric: boolean;
  /** Metrics show the value of this entry. */
  readonly valueToMetric: boolean;
  /** All values that its wildcard takes share one counter. */
  readonly shareThreshold: boolean;
  /** Merged into the dynamic metadata of responses; undefined without any. */
  readonly metadata: PlainMap | undefined;
  /** Where it stands. */
  readonly place: RulePlace;
}

/** A rule that takes values by a pattern. */
export interface WildcardRule {
  /** The pattern of its composite. */
  readonly wildcard: TextPattern;
  /** The rule. */
  readonly rule: LimitRule;
}

/** Sibling rules. */
export interface RuleLevel {
  /** All of them by composite, in the order of the file. */
  readonly byComposite: ReadonlyMap<string, LimitRule>;
  /** Those with a `*`, in the order of the file. */
  readonly wildcards: readonly WildcardRule[];
  /** Those that take every value of a key, as no other rule could: known by the key alone. */
  readonly byKeyAlone: ReadonlyMap<string, LimitRule>;
}

/** What one file holds. */
export interface DomainLimits {
  /** The domain that requests name. */
  readonly domain: string;
  /** Its rules, in order. */
  readonly rules: readonly LimitRule[];
  /** Where the domain stands. */
  readonly place: RulePlace;
}
