// SPDX-License-Identifier: Apache-2.0
/**
 * What a bench compares: each side does the same work in turn, several times; within a pair of
 * runs our value stands against the best of the peers', and the median over the pairs counts.
 * @module
 */
import { formatTable } from "./table.ts";

/** One thing that is measured. */
export interface Figure {
  /** Its name in RATIO lines, e.g. `ads.delta1000.cpu`. */
  readonly name: string;
  /** What the table says of it. */
  readonly title: string;
  /** Unit of its values, which decides how they are printed. */
  readonly unit: Unit;
  /** Which values are good. */
  readonly better: "less" | "more";
}

/** Unit of a value. */
export type Unit = "µs" | "ms" | "s" | "bytes" | "KiB" | "per second" | "count";

/** One measured value. */
export interface Measurement {
  /** Name of the figure. */
  readonly figure: string;
  /** Who was measured. */
  readonly side: string;
  /** Number of the pair, from 0. */
  readonly pair: number;
  /** The value in the figure's unit. */
  readonly value: number;
}

/** How far we are ahead in one figure. */
export interface Ratio {
  /** The figure. */
  readonly figure: Figure;
  /** More than 1: we are ahead. Undefined when no pair has us and a peer. */
  readonly value: number | undefined;
}

/** Collects measurements and draws conclusions. */
export class Comparison {
  readonly #ours: string;
  readonly #figures = new Map<string, Figure>();
  readonly #measurements: Measurement[] = [];

  /** `ours` is the side that ratios speak of; every other side is a peer. */
  constructor(ours: string) {
    this.#ours = ours;
  }

  /** All measurements so far. */
  get measurements(): readonly Measurement[] {
    return this.#measurements;
  }

  /** Adds one value. */
  record(figure: Figure, measured: Omit<Measurement, "figure">): void {
    this.#figures.set(figure.name, figure);
    this.#measurements.push({ ...measured, figure: figure.name });
  }

  /** One ratio per figure, in the order in which figures were first recorded. */
  ratios(): readonly Ratio[] {
    return Array.from(this.#figures.values(), (figure) => ({ figure, value: this.#ratio(figure) }));
  }

  /** A table for people: the median of each side and the ratio, a row per figure. */
  table(): string {
    const sides = [...new Set(this.#measurements.map(({ side }) => side))].sort((a, b) =>
      Number(b === this.#ours) - Number(a === this.#ours)
    );
    const rows = this.ratios().map(({ figure, value }) => [
      figure.name,
      figure.title,
      ...sides.map((side) => this.#cell(figure, side)),
      value === undefined ? "" : formatRatio(value),
    ]);
    return formatTable(["figure", "", ...sides, "ratio"], rows);
  }

  /** The lines `RATIO <what> <value>` that programs read; figures without a peer have none. */
  ratioLines(): readonly string[] {
    return this.ratios().flatMap(({ figure, value }) =>
      value === undefined ? [] : [`RATIO ${figure.name} ${formatRatio(value)}`]
    );
  }

  #ratio(figure: Figure): number | undefined {
    const pairs = Map.groupBy(this.#of(figure), ({ pair }) => pair);
    const ratios = Array.from(pairs.values(), (pair) => this.#pairRatio(figure, pair));
    return median(ratios.filter((ratio) => ratio !== undefined));
  }

  #pairRatio(figure: Figure, pair: readonly Measurement[]): number | undefined {
    const ours = pair.find(({ side }) => side === this.#ours)?.value;
    const peers = pair.filter(({ side }) => side !== this.#ours).map(({ value }) => value);
    if (ours === undefined || peers.length === 0) return undefined;
    return figure.better === "less" ? Math.min(...peers) / ours : ours / Math.max(...peers);
  }

  #cell(figure: Figure, side: string): string {
    const values = this.#of(figure).filter((measured) => measured.side === side);
    const middle = median(values.map(({ value }) => value));
    return middle === undefined ? "" : formatValue(middle, figure.unit);
  }

  #of(figure: Figure): readonly Measurement[] {
    return this.#measurements.filter((measured) => measured.figure === figure.name);
  }
}

/** Returns the median, between the middle two of an even number; undefined for no values. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2;
}

/** Returns the sides in the order of one pair: who goes first changes from pair to pair. */
export function orderOfPair<T>(sides: readonly T[], pair: number): readonly T[] {
  const first = pair % Math.max(1, sides.length);
  return [...sides.slice(first), ...sides.slice(0, first)];
}

/** Prints a value with its unit. */
export function formatValue(value: number, unit: Unit): string {
  switch (unit) {
    case "ms":
      return value >= 10_000 ? `${significant(value / 1000)} s` : `${significant(value)} ms`;
    case "µs":
    case "s":
    case "KiB":
      return `${significant(value)} ${unit}`;
    case "bytes":
      return `${significant(value / 1024 ** 2)} MiB`;
    case "per second":
      return `${significant(value)}/s`;
    case "count":
      return significant(value);
  }
}

function formatRatio(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}

function significant(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
