// SPDX-License-Identifier: Apache-2.0
/**
 * Charges the limits of one rule together: where a request's charges each count by themselves, those
 * of a bundle still count all or none, so that what one window refuses does not use up the others.
 * @module
 */
import type {
  Charge,
  ChargeOptions,
  ChargeOutcome,
  ChargeRequest,
  CounterStore,
} from "./counter_store.ts";
import { joinOutcomes } from "./join_outcomes.ts";

/** Charges that go to the store as one request, with their places in the whole. */
interface Part {
  readonly request: ChargeRequest;
  readonly places: readonly number[];
}

/** Charges a request; as the store does, but that its bundles count all or none. */
export function chargeBundles(
  store: Pick<CounterStore, "charge">,
  request: ChargeRequest,
  options: ChargeOptions,
): ChargeOutcome | Promise<ChargeOutcome> {
  const { charges, atomic } = request;
  if (atomic !== "each" || charges.every(({ bundle }) => bundle === undefined)) {
    return store.charge(request, options);
  }
  const parts = partsOf(charges);
  // All are asked in one turn, so that they travel together.
  const outcomes = parts.map((part) => store.charge(part.request, options));
  if (!outcomes.some((outcome) => outcome instanceof Promise)) {
    return joined(parts, outcomes as readonly ChargeOutcome[]);
  }
  return Promise.all(outcomes).then((all) => joined(parts, all));
}

function partsOf(charges: readonly Charge[]): readonly Part[] {
  const byBundle = Map.groupBy(charges.entries(), ([, { bundle }]) => bundle);
  return [...byBundle].map(([bundle, entries]) => ({
    request: {
      charges: entries.map(([, charge]) => charge),
      atomic: bundle === undefined ? "each" : "all-or-nothing",
    },
    places: entries.map(([place]) => place),
  }));
}

function joined(parts: readonly Part[], outcomes: readonly ChargeOutcome[]): ChargeOutcome {
  return joinOutcomes(parts.map(({ places }) => places), outcomes);
}
