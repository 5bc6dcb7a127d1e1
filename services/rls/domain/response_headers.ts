// SPDX-License-Identifier: Apache-2.0
/**
 * The headers that tell a client how it stands.
 * @module
 */
import type { DescriptorStatus, LimitStatus } from "./decision.ts";
import { type CountedLimit, windowName } from "./limit_rule.ts";

/**
 * `separate`: limit, units left and seconds until the reset in a header each, as in
 * envoyproxy/ratelimit. `structured`: `RateLimit-Policy` and `RateLimit` of the later drafts of the
 * IETF (draft-ietf-httpapi-ratelimit-headers-08 and after). `both`: all five.
 */
export type HeaderStyle = "none" | "separate" | "structured" | "both";

/** All header styles. */
export const headerStyles: readonly HeaderStyle[] = ["none", "separate", "structured", "both"];

/** Which headers are sent, and what those of the style `separate` are called. */
export interface HeaderSettings {
  /** Which ones. */
  readonly style: HeaderStyle;
  /** Name of the one with the limit. */
  readonly limit: string;
  /** Name of the one with the units left. */
  readonly remaining: string;
  /** Name of the one with the seconds until the reset. */
  readonly reset: string;
}

/** One header. */
export interface ResponseHeader {
  /** Its name. */
  readonly key: string;
  /** Its value. */
  readonly value: string;
}

/** Returns the headers for a status; none without one. */
export function limitHeaders(
  status: DescriptorStatus | undefined,
  { style, ...names }: HeaderSettings,
): readonly ResponseHeader[] {
  if (status?.limit === undefined || style === "none") return [];
  const { limit, remaining, resetMs } = status;
  const headers: ResponseHeader[] = [];
  if (style !== "structured") {
    headers.push({ key: names.limit, value: String(limit.requestsPerUnit) });
    headers.push({ key: names.remaining, value: String(remaining) });
    headers.push({ key: names.reset, value: String(resetSeconds(resetMs, limit)) });
  }
  if (style !== "separate") headers.push(...structuredHeaders(status.windows ?? [status]));
  return headers;
}

/** All limits of a descriptor, each by its name. */
function structuredHeaders(statuses: readonly LimitStatus[]): readonly ResponseHeader[] {
  const items = statuses.flatMap(({ limit, remaining, resetMs }) => {
    if (limit === undefined) return [];
    const { requestsPerUnit, windowSeconds } = limit;
    const policy = structuredString(
      statuses.length > 1 ? windowName(limit) : limit.name || "default",
    );
    const reset = resetSeconds(resetMs, limit);
    return [{
      policy: `${policy};q=${requestsPerUnit};w=${windowSeconds}`,
      state: `${policy};r=${remaining};t=${reset}`,
    }];
  });
  return [
    { key: "RateLimit-Policy", value: items.map(({ policy }) => policy).join(", ") },
    { key: "RateLimit", value: items.map(({ state }) => state).join(", ") },
  ];
}

function resetSeconds(resetMs: number | undefined, { windowSeconds }: CountedLimit): number {
  return Math.ceil((resetMs ?? windowSeconds * 1000) / 1000);
}

/** A string of RFC 9651: printable ASCII in quotes. */
function structuredString(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&")}"`;
}
