// SPDX-License-Identifier: Apache-2.0
/**
 * Puts together what came of a request that went to stores in parts.
 * @module
 */
import { type Charged, type ChargeOutcome, isStoreFailure } from "./counter_store.ts";

/**
 * Returns what came of the whole: `places` says for each part where its charges stand in it. A part
 * that failed is what came of all.
 */
export function joinOutcomes(
  places: readonly (readonly number[])[],
  outcomes: readonly ChargeOutcome[],
): ChargeOutcome {
  const all: Charged[] = [];
  for (const [index, part] of places.entries()) {
    const outcome = outcomes[index] ?? [];
    if (isStoreFailure(outcome)) return outcome;
    for (const [at, place] of part.entries()) {
      const charged = outcome[at];
      if (charged !== undefined) all[place] = charged;
    }
  }
  return all;
}
