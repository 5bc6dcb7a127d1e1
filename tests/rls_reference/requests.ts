// SPDX-License-Identifier: Apache-2.0
/**
 * Requests made by chance, most of which find a limit.
 * @module
 */
import type { Init, MessageOf } from "@denvoy/proto";
import type { Chance } from "@denvoy/base/testing";
import { type LimitFileTraits, randomKey, type RuleFields, values } from "./limit_files.ts";

/** A request to be encoded, or to be written as JSON. */
export type RequestFields = Init<MessageOf<"envoy.service.ratelimit.v3.RateLimitRequest">>;

type Descriptor = NonNullable<RequestFields["descriptors"]>[number];
type Entry = NonNullable<Descriptor["entries"]>[number];

/** What a request is made for. */
export interface RequestPurpose extends LimitFileTraits {
  /** The domain. */
  readonly domain: string;
  /** Its rules. */
  readonly rules: readonly RuleFields[];
}

/** Returns a request. */
export function randomRequest(chance: Chance, purpose: RequestPurpose): RequestFields {
  const { domain } = purpose;
  return {
    domain: chance.happens(0.03) ? "nobody" : domain,
    descriptors: chance.some(1 + chance.below(3), () => randomDescriptor(chance, purpose)),
    ...(chance.happens(0.4) && { hitsAddend: chance.below(5) }),
  };
}

function randomDescriptor(chance: Chance, purpose: RequestPurpose): Descriptor {
  const { rules, seconds, overrides } = purpose;
  const entries = [...matchingEntries(chance, rules)];
  if (chance.happens(0.1)) entries.push(randomEntry(chance, purpose));
  if (chance.happens(0.1)) entries.splice(chance.below(entries.length + 1), 1);
  // From minutes on: RateLimitUnit has 1 for seconds and ends with 7 for weeks.
  const unit = seconds ? 1 + chance.below(7) : 2 + chance.below(6);
  return {
    entries,
    ...(overrides && chance.happens(0.08) && { limit: { requestsPerUnit: chance.below(6), unit } }),
    ...(chance.happens(0.15) && { hitsAddend: { value: chance.below(6) } }),
  };
}

/** Entries that lead to one of the rules, mostly to one with a limit. */
function matchingEntries(chance: Chance, rules: readonly RuleFields[]): readonly Entry[] {
  const rule = rules[chance.below(rules.length)];
  if (rule === undefined) return [];
  const entry = { key: rule.key, value: valueFor(chance, rule) };
  const { descriptors = [] } = rule;
  const goesOn = descriptors.length > 0 &&
    chance.happens(rule.rate_limit === undefined ? 0.95 : 0.6);
  return goesOn ? [entry, ...matchingEntries(chance, descriptors)] : [entry];
}

function valueFor(chance: Chance, { value }: RuleFields): string {
  if (value === undefined || value === "") return chance.pick(values);
  return value.endsWith("*") ? value.slice(0, -1) + chance.pick(["", "x", "yz", "b_x"]) : value;
}

function randomEntry(chance: Chance, traits: LimitFileTraits): Entry {
  return { key: randomKey(chance, traits), value: chance.pick(values) };
}
