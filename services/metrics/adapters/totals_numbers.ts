// SPDX-License-Identifier: Apache-2.0
/**
 * Totals of a node as a list of numbers, which every store can hold: a record for each series, which is
 * named by a number of the store's.
 * @module
 */
import type { NodeMetrics } from "../domain/node_metrics.ts";
import type { Series } from "../domain/series.ts";
import type { SeriesTotals } from "../domain/series_totals.ts";
import { type SeriesName, totalsOf } from "../domain/totals.ts";

/** What a list begins with; another number is of another form. */
const FORM = 2;
/** Had no records of ended processes, and is read as well. */
const FORM_WITHOUT_ENDED = 1;
/** In place of the number of bounds: a counter, and this less the number of bounds of what has ended. */
const SCALAR = -1;
const ENDED = -2;

/** Returns the totals of a node; `idOf` is asked only for series that have some. */
export function encodeTotals(
  node: NodeMetrics,
  idOf: (series: Series) => number,
): readonly number[] {
  const numbers: number[] = [FORM];
  for (let slot = 0; slot < node.series.slots; slot++) {
    const series = node.series.seriesAt(slot);
    if (series === undefined) continue;
    for (const totals of totalsOf(node, slot)) numbers.push(idOf(series), ...recordOf(totals));
  }
  return numbers;
}

function recordOf(totals: SeriesTotals): readonly number[] {
  if (totals.kind === "scalar") return [SCALAR, totals.last, totals.before];
  const { kind, count, sum, bounds, values } = totals;
  const form = kind === "ended" ? ENDED - bounds.length : bounds.length;
  return [form, count, sum, ...bounds, ...values];
}

/** Returns the totals in a list; one of another form, or one that ends early, holds nothing more. */
export function* decodeTotals(
  numbers: Float64Array,
  { names, used }: {
    /** Names by id; series of others are left out. */
    readonly names: ReadonlyMap<number, SeriesName>;
    /** Is given the ids that the list has. */
    readonly used: Set<number>;
  },
): Generator<readonly [SeriesName, SeriesTotals]> {
  if (numbers[0] !== FORM && numbers[0] !== FORM_WITHOUT_ENDED) return;
  let at = 1;
  const next = () => numbers[at++] ?? 0;
  while (at + 4 <= numbers.length) {
    const id = next();
    const name = names.get(id);
    used.add(id);
    const form = next();
    const [first, second] = [next(), next()];
    const end = at + 2 * boundsOf(form);
    if (end > numbers.length) return;
    if (name !== undefined) yield [name, totalsAt(numbers, { at, form, first, second })];
    at = end;
  }
}

/** How many bounds a record has. */
function boundsOf(form: number): number {
  return form >= 0 ? form : Math.max(0, ENDED - form);
}

function totalsAt(
  numbers: Float64Array,
  { at, form, first, second }: {
    readonly at: number;
    readonly form: number;
    readonly first: number;
    readonly second: number;
  },
): SeriesTotals {
  const length = boundsOf(form);
  if (form === SCALAR) return { kind: "scalar", last: first, before: second };
  return {
    kind: form <= ENDED ? "ended" : "distribution",
    count: first,
    sum: second,
    bounds: [...numbers.subarray(at, at + length)],
    values: numbers.slice(at + length, at + 2 * length),
  };
}
