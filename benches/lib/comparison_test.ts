// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { Comparison, type Figure, formatValue, median, orderOfPair } from "./comparison.ts";

const time: Figure = { name: "x.time", title: "time", unit: "ms", better: "less" };
const throughput: Figure = {
  name: "x.rate",
  title: "rate",
  unit: "per second",
  better: "more",
};

/** Values by side, one per pair. */
function comparison(figure: Figure, values: Readonly<Record<string, readonly number[]>>) {
  const made = new Comparison("us");
  for (const [side, list] of Object.entries(values)) {
    list.forEach((value, pair) => made.record(figure, { side, pair, value }));
  }
  return made;
}

Deno.test("median() is between the middle two of an even number of values", () => {
  assert.equal(median([]), undefined);
  assert.equal(median([7]), 7);
  assert.equal(median([9, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 100]), 3);
});

Deno.test("Comparison.ratioLines() stands us against the best peer of each pair", () => {
  const less = comparison(time, { us: [10, 10, 10], a: [20, 100, 50], b: [90, 30, 60] });
  assert.deepEqual(less.ratioLines(), ["RATIO x.time 3.00"]);
  const more = comparison(throughput, { us: [100, 100, 300], a: [50, 10, 10], b: [10, 200, 100] });
  assert.deepEqual(more.ratioLines(), ["RATIO x.rate 2.00"]);
});

Deno.test("Comparison.ratioLines() has no line for a figure without a peer", () => {
  const alone = comparison(time, { us: [10] });
  assert.deepEqual(alone.ratioLines(), []);
  assert.deepEqual(alone.ratios(), [{ figure: time, value: undefined }]);
  assert.match(alone.table(), /x\.time +time +10\.0 ms$/m);
});

Deno.test("Comparison.table() shows our side first, the median of each side, and the ratio", () => {
  const table = comparison(time, { peer: [20_000, 30_000, 25_000], us: [10, 10, 10] }).table();
  assert.equal(
    table,
    [
      "figure        us       peer    ratio",
      "------  ----  -------  ------  -----",
      "x.time  time  10.0 ms  25.0 s  2500",
    ].join("\n"),
  );
});

Deno.test("orderOfPair() lets another side go first in each pair", () => {
  const sides = ["a", "b", "c"];
  const orders = [0, 1, 2, 3].map((pair) => orderOfPair(sides, pair).join(""));
  assert.deepEqual(orders, ["abc", "bca", "cab", "abc"]);
});

Deno.test("formatValue() prints three digits and the unit", () => {
  assert.equal(formatValue(1.2345, "ms"), "1.23 ms");
  assert.equal(formatValue(41_370, "ms"), "41.4 s");
  assert.equal(formatValue(5 * 1024 ** 2, "bytes"), "5.00 MiB");
  assert.equal(formatValue(123_456.7, "per second"), "123457/s");
});
