// SPDX-License-Identifier: Apache-2.0
/**
 * Reads limits that come as a message over xDS: the same rules as for a file, with the same problems.
 * @module
 */
import { formatProblem, hasErrors, type Problem } from "@denvoy/base";
import type { PlainMap } from "@denvoy/proto";
import type {
  RateLimitConfig,
  RatelimitConfigRatelimitV3RateLimitDescriptor as RateLimitDescriptor,
  RateLimitPolicy,
} from "@denvoy/proto/messages";
import { readLimitFile } from "./limit_file.ts";
import type { DomainLimits } from "./limit_rule.ts";

/** What a message holds. */
export type LimitResource =
  | { readonly ok: true; readonly limits: DomainLimits }
  /** Why it cannot be used, in words for who serves it. */
  | { readonly ok: false; readonly message: string };

/** Units by their number in ratelimit.config.ratelimit.v3.RateLimitUnit. */
const units: readonly string[] = [
  ...["", "second", "minute", "hour", "day", "month", "year", "week"],
];

/**
 * Reads a RateLimitConfig. Its rules stand in the file `xds:<name of the resource>`; `name` of the
 * message itself means nothing.
 */
export function readLimitResource(name: string, config: RateLimitConfig): LimitResource {
  const file = resourceFile(name);
  const { limits, problems } = readLimitFile(JSON.stringify(plainConfig(config)), { file });
  if (limits !== undefined && !hasErrors(problems)) return { ok: true, limits };
  return { ok: false, message: problemWords(problems) };
}

/** The name under which the rules of a resource appear where others have their file. */
export function resourceFile(name: string): string {
  return `xds:${name}`;
}

/** Returns problems as one line; a message has no lines that they could be in. */
export function problemWords(problems: readonly Problem[]): string {
  const errors = problems.filter(({ severity }) => severity === "error");
  return errors.map(({ severity, message, path, hint }) =>
    formatProblem({ severity, message, ...path && { path }, ...hint && { hint } })
  ).join("; ");
}

function plainConfig({ domain, descriptors }: RateLimitConfig): PlainMap {
  return { domain, descriptors: descriptors.map(plainDescriptor) };
}

function plainDescriptor(descriptor: RateLimitDescriptor): PlainMap {
  const { key, value, rateLimit, descriptors } = descriptor;
  return {
    key,
    ...value !== "" && { value },
    ...rateLimit !== undefined && { rate_limit: plainPolicy(rateLimit) },
    ...descriptors.length > 0 && { descriptors: descriptors.map(plainDescriptor) },
    ...descriptor.shadowMode && { shadow_mode: true },
    ...descriptor.detailedMetric && { detailed_metric: true },
    ...descriptor.quotaMode && { quota_mode: true },
  };
}

function plainPolicy({ unit, requestsPerUnit, unlimited, name, replaces }: RateLimitPolicy) {
  return {
    // A number that no unit has is a word that no unit is.
    ...unit !== 0 && { unit: units[unit] ?? `number ${unit}` },
    requests_per_unit: requestsPerUnit,
    ...unlimited && { unlimited },
    ...name !== "" && { name },
    ...replaces.length > 0 && { replaces: replaces.map((each) => ({ name: each.name })) },
  };
}
