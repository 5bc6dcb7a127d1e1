// SPDX-License-Identifier: Apache-2.0
/**
 * Reads rules about the names of a peer, as secrets files and the HTTP API write them.
 * @module
 */
import type { FieldReader, MapAt } from "@denvoy/proto";
import type { SanMatcher } from "./secret_material.ts";

const SAN_TYPES = ["URI", "DNS", "EMAIL", "IP_ADDRESS"] as const;
const SAN_MATCHES = ["exact", "prefix", "suffix", "contains", "regex"] as const;

/** Returns the rule of a map, e.g. `{type: URI, prefix: "spiffe://shop/"}`; none when it is wrong. */
export function readSanMatcher(fields: FieldReader, at: MapAt): readonly SanMatcher[] {
  fields.keys(at, ["type", ...SAN_MATCHES]);
  const sanType = fields.word(at, "type", SAN_TYPES);
  const [match, second] = SAN_MATCHES.filter((each) => Object.hasOwn(at.map, each));
  const value = match === undefined ? undefined : fields.filled(at, match);
  if (sanType !== undefined && match !== undefined && second === undefined && value !== undefined) {
    return [{ sanType, match, value }];
  }
  fields.error(at.path, `needs a type and exactly one of ${SAN_MATCHES.join(", ")}`);
  return [];
}
