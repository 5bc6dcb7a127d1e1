// SPDX-License-Identifier: Apache-2.0
/**
 * What a response says of its request for access logs and later filters.
 * @module
 */
import { isPlainMap, type PlainMap, type PlainValue } from "@denvoy/proto";
import type { DescriptorStatus } from "./decision.ts";
import type { Match } from "./descriptor_matcher.ts";
import type { CountedLimit } from "./limit_rule.ts";
import type { HitDescriptor, HitRequest } from "./rate_limit_plan.ts";

/**
 * Returns the dynamic metadata of a response: the request, and the `metadata` of all rules that are
 * not over their limit; where two of them say something of one key, the first descriptor's counts.
 */
export function dynamicMetadata(
  request: HitRequest,
  { matches, statuses }: {
    readonly matches: readonly Match[];
    readonly statuses: readonly DescriptorStatus[];
  },
): PlainMap {
  const merged: PlainMap = {};
  for (const [index, match] of matches.entries()) {
    const passes = statuses[index]?.verdict !== "over-limit";
    if (match.kind === "none" || match.rule?.metadata === undefined || !passes) continue;
    mergeInto(merged, match.rule.metadata);
  }
  return {
    domain: request.domain,
    descriptors: request.descriptors.map(descriptorOf),
    ...(request.hits !== 0 && { hitsAddend: request.hits }),
    ...(Object.keys(merged).length > 0 && { metadata: merged }),
  };
}

function descriptorOf({ entries, override, hits }: HitDescriptor): PlainMap {
  return {
    entries: entries.map(({ key, value }) => `${key}=${value}`),
    ...(override !== undefined && { limit: overrideText(override) }),
    ...(hits !== undefined && { hitsAddend: hits }),
  };
}

/** The text format of protobuf, which leaves zeros out. */
function overrideText({ requestsPerUnit, unit }: CountedLimit): string {
  const requests = requestsPerUnit === 0 ? "" : `requests_per_unit:${requestsPerUnit} `;
  return `${requests}unit:${unit.toUpperCase()}`;
}

/** Adds what is not there yet; what a rule says is never changed. */
function mergeInto(target: PlainMap, source: PlainMap): void {
  for (const [key, value] of Object.entries(source)) {
    if (key === "__proto__") continue;
    const known = Object.hasOwn(target, key) ? target[key] : undefined;
    if (known === undefined) target[key] = copyOf(value);
    else if (isPlainMap(known) && isPlainMap(value)) mergeInto(known, value);
  }
}

function copyOf(value: PlainValue): PlainValue {
  return isPlainMap(value) || Array.isArray(value) ? structuredClone(value) : value;
}
