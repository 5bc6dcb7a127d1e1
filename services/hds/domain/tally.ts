// SPDX-License-Identifier: Apache-2.0
/**
 * What the opinions of an endpoint's probers come to.
 * @module
 */
import type { Health } from "./health.ts";

/** How many of an endpoint's probers must find it healthy for it to be so. */
export const agreements = ["any", "majority", "all"] as const;

/** See {@linkcode agreements}. */
export type Agreement = typeof agreements[number];

/** What one prober says; `none` while it has not probed yet, is silent or is doubted. */
export type Vote = "pass" | "fail" | "timeout" | "none";

/** What probers have found; `keep` when they do not suffice to say. */
export type Finding = Extract<Health, "HEALTHY" | "UNHEALTHY" | "TIMEOUT"> | "keep";

/**
 * Returns what the votes come to. Shares are of all probers of the endpoint, not of those that
 * voted: while most of them are silent, nothing is found.
 */
export function tally(votes: readonly Vote[], agreement: Agreement): Finding {
  if (votes.length === 0) return "keep";
  const passes = count(votes, "pass");
  const timeouts = count(votes, "timeout");
  const fails = count(votes, "fail") + timeouts;
  const { toPass, toFail } = needed(votes.length, agreement);
  if (passes >= toPass) return "HEALTHY";
  if (fails < toFail) return "keep";
  return timeouts * 2 > fails ? "TIMEOUT" : "UNHEALTHY";
}

/** Both together are one more than there are probers, so that never both are reached. */
function needed(probers: number, agreement: Agreement): { toPass: number; toFail: number } {
  const most = Math.floor(probers / 2) + 1;
  switch (agreement) {
    case "any":
      return { toPass: 1, toFail: probers };
    case "majority":
      return { toPass: most, toFail: most };
    case "all":
      return { toPass: probers, toFail: 1 };
  }
}

function count(votes: readonly Vote[], wanted: Vote): number {
  let found = 0;
  for (const vote of votes) if (vote === wanted) found++;
  return found;
}
