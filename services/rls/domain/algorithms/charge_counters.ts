// SPDX-License-Identifier: Apache-2.0
/**
 * Charges the counters of one request: which of them count when some are over their limit.
 * @module
 */
import type { Atomicity, Charge, Charged } from "../counter_store.ts";
import type { Counter } from "./counter.ts";

/** Charges `charges[i]` to `counters[i]`; a counter may stand there more than once. */
export function chargeCounters(
  charges: readonly Charge[],
  counters: readonly Counter[],
  { atomic, nowMs }: { readonly atomic: Atomicity; readonly nowMs: number },
): readonly Charged[] {
  if (atomic === "each" || (atomic === "over-only" && charges.length === 1)) {
    return charges.map((charge, at) => chargeOne(charge, counterAt(counters, at), nowMs));
  }
  return chargeTogether(charges, counters, { atomic, nowMs });
}

/** Charges one counter by itself. */
export function chargeOne(charge: Charge, counter: Counter, nowMs: number): Charged {
  counter.settle(charge, nowMs);
  if (charge.refund === true) {
    counter.refund(charge);
    return counter.describe(charge, false);
  }
  const over = !counter.fits(charge);
  if (!over || charge.algorithm.kind === "fixed-window") counter.add(charge);
  return counter.describe(charge, over);
}

function chargeTogether(
  charges: readonly Charge[],
  counters: readonly Counter[],
  { atomic, nowMs }: { readonly atomic: Atomicity; readonly nowMs: number },
): readonly Charged[] {
  const over = findOver(charges, counters, { atomic, nowMs });
  const anyOver = over.includes(true);
  return charges.map((charge, at) => {
    const counter = counterAt(counters, at);
    const isOver = over[at] === true;
    if (!anyOver || (atomic === "over-only" && isOver)) return chargeOne(charge, counter, nowMs);
    if (atomic === "over-only") return chargeOne(asQuestion(charge), counter, nowMs);
    return counter.describe(charge, isOver);
  });
}

function asQuestion(charge: Charge): Charge {
  return { ...charge, hits: 0, refund: false };
}

function findOver(
  charges: readonly Charge[],
  counters: readonly Counter[],
  { atomic, nowMs }: { readonly atomic: Atomicity; readonly nowMs: number },
): readonly boolean[] {
  const over = charges.map((charge, at) => {
    const counter = counterAt(counters, at);
    counter.settle(charge, nowMs);
    if (charge.refund === true) return false;
    if (!counter.fits(charge)) return true;
    // As in envoyproxy/ratelimit each is looked at by itself where those that are over count.
    if (atomic === "all-or-nothing") counter.pending += charge.hits;
    return false;
  });
  for (const counter of counters) counter.pending = 0;
  return over;
}

function counterAt(counters: readonly Counter[], at: number): Counter {
  const counter = counters[at];
  if (counter === undefined) throw new RangeError(`no counter for charge ${at}`);
  return counter;
}
