// SPDX-License-Identifier: Apache-2.0
/**
 * What tests ask of an ads process after they did it harm.
 * @module
 */
import assert from "node:assert/strict";
import { type DenvoyAds, eventually } from "../support/mod.ts";

const MEBIBYTE = 2 ** 20;

/** Returns the sum of the samples of a metric. */
export async function metric(ads: DenvoyAds, name: string): Promise<number> {
  const text = await (await fetch(`${ads.httpUrl}/metrics`)).text();
  let sum = 0;
  for (const line of text.split("\n")) {
    const [, sample, value] = /^(\w+)(?:\{.*\})? (\S+)$/.exec(line) ?? [];
    if (sample === name) sum += Number(value);
  }
  return sum;
}

/** Returns the resident memory of the process in MiB. */
export async function residentMib(ads: DenvoyAds): Promise<number> {
  return await metric(ads, "process_resident_memory_bytes") / MEBIBYTE;
}

/**
 * The environment of an ads that ends, with a message of V8, when it holds more than this in its
 * heap: memory that V8 merely has not given back yet is told apart from memory that is held.
 */
export function heapOf(maxMib: number): Readonly<Record<string, string>> {
  return { DENO_V8_FLAGS: `--max-old-space-size=${maxMib}` };
}

/** Asserts that the process runs and logged no error that it did not expect. */
export function assertUnharmed(ads: DenvoyAds): void {
  assert.equal(ads.child.exit, undefined, `ads must live: ${ads.child.lastWords()}`);
  assert.deepEqual(errorLines(ads), []);
}

/** Returns the lines of the log that tell of errors. */
export function errorLines(ads: DenvoyAds): readonly string[] {
  return ads.child.lines.filter((line) => !line.startsWith("{") || /"level":"error"/.test(line));
}

/** Waits until no more than `count` streams are open, as `/metrics` tells. */
export async function streamsAreDown(ads: DenvoyAds, count: number): Promise<void> {
  let streams = NaN;
  await eventually(async () => (streams = await metric(ads, "ads_streams")) === count, {
    what: `${count} open streams`,
    withinMs: 20_000,
    detail: () => `${streams} are open`,
  });
}

/** Waits until the process is back below a bound; fails with what it holds instead. */
export async function memoryIsBelow(ads: DenvoyAds, maxMib: number): Promise<number> {
  let residentNow = NaN;
  await eventually(async () => (residentNow = await residentMib(ads)) < maxMib, {
    what: `memory below ${Math.round(maxMib)} MiB`,
    withinMs: 20_000,
    detail: () => `it is ${Math.round(residentNow)} MiB`,
  });
  return residentNow;
}
