// SPDX-License-Identifier: Apache-2.0
/**
 * Limits and requests in few words, for tests.
 * @module
 */
import type { Charged } from "./counter_store.ts";
import type { RequestEntry } from "./descriptor_matcher.ts";
import { type LimitSet, readLimitSet } from "./limit_set.ts";

/** Returns the limits of a YAML text. @throws Error with all problems */
export function limitsOf(text: string): LimitSet {
  const { set, problems } = readLimitSet(new Map([["limits.yaml", text]]));
  if (set === undefined) throw new Error(problems.map(({ message }) => message).join("\n"));
  return set;
}

/** Returns the entries of `key=value key=value`. */
export function entriesOf(text: string): readonly RequestEntry[] {
  return text.split(" ").filter(Boolean).map((pair) => {
    const [key = "", value = ""] = pair.split("=");
    return { key, value };
  });
}

/** Returns an outcome of a fixed window that ends in a minute; some of it can be replaced. */
export function charged(after: number, limit: number, parts: Partial<Charged> = {}): Charged {
  const remaining = Math.max(0, limit - after);
  const rest = { remaining, resetMs: 60_000, fromNearCache: false };
  return { after, over: after > limit, ...rest, ...parts };
}
