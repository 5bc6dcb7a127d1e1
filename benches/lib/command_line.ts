// SPDX-License-Identifier: Apache-2.0
/**
 * The flags that every bench takes.
 * @module
 */
import { parseArgs } from "node:util";

/** How a bench is to run. */
export interface BenchOptions {
  /** A short run, for a first impression. */
  readonly quick: boolean;
  /** Keep the figures under benches/results/. */
  readonly save: boolean;
  /** How often each side does the work; undefined for the bench's own choice. */
  readonly pairs: number | undefined;
  /** Only scenarios whose name contains this; undefined for all. */
  readonly only: string | undefined;
  /** Only sides whose name contains this; undefined for all. */
  readonly side: string | undefined;
}

/**
 * Tells whether `name` contains what was asked for, if anything was. A number is asked for whole:
 * `delta100` is not in `delta1000`.
 */
export function isWanted(name: string, wanted: string | undefined): boolean {
  if (wanted === undefined) return true;
  const end = name.indexOf(wanted) + wanted.length;
  return name.includes(wanted) && !(/\d$/.test(wanted) && /^\d/.test(name.slice(end)));
}

/** Reads the flags; throws for one that does not exist or a value that cannot be. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      save: { type: "boolean", default: false },
      pairs: { type: "string" },
      only: { type: "string" },
      side: { type: "string" },
    },
  });
  const pairs = values.pairs === undefined ? undefined : Number(values.pairs);
  if (pairs !== undefined && !(Number.isInteger(pairs) && pairs > 0)) {
    throw new Error(`cannot run as --pairs must be a whole number >= 1: it is ${values.pairs}`);
  }
  const { quick, save, only, side } = values;
  return { quick, save, pairs, only, side };
}
