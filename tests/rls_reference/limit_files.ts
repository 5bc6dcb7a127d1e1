// SPDX-License-Identifier: Apache-2.0
/**
 * Limit files made by chance. They hold what the pinned version of the reference knows: a `*` only at
 * the end of a value, and no `metadata`.
 * @module
 */
import type { Chance } from "@denvoy/base/testing";

/** One descriptor of a limit file, as YAML names its fields. */
export interface RuleFields {
  /** Its key. */
  readonly key: string;
  /** Its value; absent takes every value. */
  readonly value?: string;
  /** Its limit. */
  readonly rate_limit?: Readonly<Record<string, unknown>>;
  /** The rules below it. */
  readonly descriptors?: readonly RuleFields[];
  /** Everything else. */
  readonly [flag: string]: unknown;
}

/** What is random in the files of a run. */
export interface LimitFileTraits {
  /** Rules may be in quota mode. */
  readonly quotaMode: boolean;
  /** Windows of one second occur. */
  readonly seconds: boolean;
  /** Requests bring limits of their own along. */
  readonly overrides: boolean;
  /** Different entries may give the same key: `a` with `b_x`, and `a_b` with `x`. */
  readonly collisions: boolean;
}

const keys = ["a", "path", "remote_address"] as const;
const collidingKeys = [...keys, "a_b"] as const;

/** Values of rules and requests. */
export const values = ["x", "xy", "xyz", "b_x", "", "42"] as const;

const units = ["minute", "Hour", "day", "DAY", "week", "month", "year"] as const;
const names = ["one", "two", "three"] as const;

/** Returns a key of a rule or an entry. */
export function randomKey(chance: Chance, { collisions }: LimitFileTraits): string {
  return collisions ? chance.pick(collidingKeys) : chance.pick(keys);
}

/** Returns the rules of a domain. */
export function randomRules(chance: Chance, traits: LimitFileTraits, depth = 3): RuleFields[] {
  const known = new Set<string>();
  return chance.some(1 + chance.below(depth + 2), () => randomRule(chance, traits, depth))
    .filter(({ key, value }) => {
      const composite = value ? `${key}_${value}` : key;
      return known.size !== known.add(composite).size;
    });
}

function randomRule(chance: Chance, traits: LimitFileTraits, depth: number): RuleFields {
  const value = randomPattern(chance);
  const isWildcard = value?.endsWith("*") === true;
  const isParent = depth > 1 && chance.happens(0.45);
  const flag = (name: string, probability: number) =>
    chance.happens(probability) && { [name]: true };
  return {
    key: randomKey(chance, traits),
    ...(value !== undefined && { value }),
    ...(chance.happens(isParent ? 0.5 : 0.9) && { rate_limit: randomLimit(chance, traits) }),
    ...(isParent && { descriptors: randomRules(chance, traits, depth - 1) }),
    ...flag("shadow_mode", 0.12),
    ...(traits.quotaMode && flag("quota_mode", 0.4)),
    ...flag("detailed_metric", 0.15),
    ...flag("value_to_metric", 0.15),
    ...(isWildcard && flag("share_threshold", 0.5)),
  };
}

function randomPattern(chance: Chance): string | undefined {
  if (chance.happens(0.35)) return undefined;
  const value = chance.pick(values);
  return chance.happens(0.4) ? `${value.slice(0, chance.below(value.length + 1))}*` : value;
}

function randomLimit(chance: Chance, { seconds }: LimitFileTraits): Record<string, unknown> {
  const name = chance.happens(0.4) ? chance.pick(names) : undefined;
  const replaced = chance.happens(0.2) ? chance.pick(names) : undefined;
  const unit = seconds && chance.happens(0.4) ? "second" : chance.pick(units);
  return {
    ...(chance.happens(0.1)
      ? { unlimited: true }
      : { unit, requests_per_unit: chance.below(9) * (chance.happens(0.2) ? 3 : 1) }),
    ...(name !== undefined && { name }),
    ...(replaced !== undefined && replaced !== name && { replaces: [{ name: replaced }] }),
  };
}
