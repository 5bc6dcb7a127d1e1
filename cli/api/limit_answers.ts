// SPDX-License-Identifier: Apache-2.0
/**
 * What rls' HTTP API answers, as far as commands read it.
 * @module
 */

/** One entry of a descriptor. */
export interface EntryAnswer {
  /** Its key. */
  readonly key: string;
  /** Its value. */
  readonly value: string;
}

/** A limit as it stands in its file. */
export interface LimitPolicyAnswer {
  /** It lets everything pass. */
  readonly unlimited?: boolean;
  /** Requests per window. */
  readonly requests_per_unit?: number;
  /** Unit of the window. */
  readonly unit?: string;
  /** Units of one window. */
  readonly unit_multiplier?: number;
  /** How it counts. */
  readonly algorithm?: string;
}

/** A rule of `GET /v1/limits` with one of its limits. */
export interface LimitAnswer {
  /** Domain and composites, joined with dots. */
  readonly rule: string;
  /** Its limit among several of the rule. */
  readonly window?: string;
  /** The limit; absent for a rule that only leads to others. */
  readonly limit?: LimitPolicyAnswer;
  /** It only reports. */
  readonly shadow_mode: boolean;
  /** Units since the start. */
  readonly counts: {
    readonly total: number;
    readonly over: number;
    readonly near: number;
    readonly shadow: number;
  };
  /** Keys that were asked for most. */
  readonly hot_keys: readonly {
    readonly entries: readonly EntryAnswer[];
    readonly recent_hits: number;
    readonly used: number;
  }[];
}

/** A line of `GET /v1/unmatched`. */
export interface UnmatchedAnswer {
  /** The domain. */
  readonly domain: string;
  /** Keys of the entries. */
  readonly keys: readonly string[];
  /** Why there is no limit. */
  readonly why: string;
  /** How many there were. */
  readonly count: number;
  /** One of them. */
  readonly example: readonly EntryAnswer[];
}

/** `GET /v1/counters`. */
export interface CountersAnswer {
  /** The rule. */
  readonly rule: string;
  /** One for each of its limits. */
  readonly counters: readonly {
    readonly window: string;
    readonly limit: LimitPolicyAnswer;
    readonly used: number;
    readonly remaining: number;
    readonly resets_in_seconds: number;
  }[];
}

/** `POST /v1/explain`. */
export interface ExplainAnswer {
  /** One for each descriptor. */
  readonly descriptors: readonly {
    readonly summary: string;
    readonly steps: readonly {
      readonly entry: EntryAnswer;
      readonly candidates: readonly {
        readonly path: string;
        readonly place: { readonly file?: string; readonly line: number };
        readonly chosen: boolean;
        readonly why: string;
      }[];
      readonly more: number;
    }[];
  }[];
}
