// SPDX-License-Identifier: Apache-2.0
/**
 * RateLimitRequest into what the domain works with.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import type { MessageOf } from "@denvoy/proto";
import type { CountedLimit, LimitUnit } from "../domain/limit_rule.ts";
import type { HitDescriptor, HitRequest } from "../domain/rate_limit_plan.ts";
import { unitSeconds } from "../domain/window.ts";

/** `envoy.service.ratelimit.v3.RateLimitRequest`. */
export type RateLimitRequest = MessageOf<"envoy.service.ratelimit.v3.RateLimitRequest">;

type Descriptor = RateLimitRequest["descriptors"][number];
type Override = NonNullable<Descriptor["limit"]>;

/** Values of `envoy.type.v3.RateLimitUnit`, which `RateLimitResponse.RateLimit.Unit` shares. */
export const unitNumbers: Readonly<Record<LimitUnit, number>> = {
  ...{ second: 1, minute: 2, hour: 3, day: 4, month: 5, year: 6, week: 7 },
};

const unitsByNumber: ReadonlyMap<number, LimitUnit> = new Map(
  Object.entries(unitNumbers).map(([unit, number]) => [number, unit as LimitUnit]),
);

/** Returns what a message asks for. @throws StatusError INVALID_ARGUMENT for a bad override */
export function hitRequestOf(message: RateLimitRequest): HitRequest {
  const { domain, hitsAddend } = message;
  return { domain, descriptors: message.descriptors.map(descriptorOf), hits: hitsAddend };
}

function descriptorOf(descriptor: Descriptor, index: number): HitDescriptor {
  const { entries, limit, hitsAddend, isNegativeHits } = descriptor;
  if (limit === undefined && hitsAddend === undefined && !isNegativeHits) return { entries };
  return {
    entries,
    ...(limit !== undefined && { override: overrideOf(limit, index) }),
    ...(hitsAddend !== undefined && { hits: Math.min(hitsAddend.value, Number.MAX_SAFE_INTEGER) }),
    refund: isNegativeHits,
  };
}

/** envoyproxy/ratelimit ends its process on an override without a unit. */
function overrideOf(override: Override, index: number): CountedLimit {
  const unit = unitsByNumber.get(override.unit);
  const unitMultiplier = override.unitMultiplier?.value ?? 1;
  const path = `descriptors[${index}].limit`;
  if (unit === undefined) refuse(`${path}.unit must be a known unit: is ${override.unit}`);
  if (unitMultiplier < 1) refuse(`${path}.unit_multiplier must be at least 1: is 0`);
  return {
    kind: "counted",
    requestsPerUnit: override.requestsPerUnit,
    unit,
    unitMultiplier,
    windowSeconds: unitSeconds[unit] * unitMultiplier,
    name: "",
    replaces: [],
    algorithm: { kind: "fixed-window" },
    onStoreFailure: undefined,
  };
}

function refuse(message: string): never {
  throw new StatusError(StatusCode.INVALID_ARGUMENT, message);
}
