// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { DemandEstimate } from "./quota_demand.ts";

type Report = readonly [atMs: number, allowed: number, denied: number, elapsedSeconds: number];
type Row = readonly [reports: readonly Report[], perSecond: number | undefined];

const rows: Readonly<Record<string, Row>> = {
  "the first report of a new bucket tells no rate": [[[0, 1, 0, 0]], undefined],
  "a first report without requests tells that there are none": [[[0, 0, 0, 0]], 0],
  "a first report after a lost connection tells the rate since then": [[[0, 50, 50, 10]], 10],
  "denied requests are wanted, too": [[[0, 1, 0, 0], [1000, 9, 10, 1]], 20],
  "elapsed times cut to zero are measured": [[[0, 1, 0, 0], [500, 9, 0, 0]], 20],
  "elapsed times cut to seconds are measured": [[[0, 0, 0, 0], [1900, 19, 0, 1]], 10],
  "more is believed at once": [[[0, 0, 0, 0], [1000, 1, 0, 1], [2000, 99, 0, 1]], 99],
  "of less half is believed in a second": [[[0, 0, 0, 0], [1000, 100, 0, 1], [2000, 40, 0, 1]], 70],
  "nearly all of it in five": [[[0, 0, 0, 0], [1000, 100, 0, 1], [6000, 0, 0, 5]], 3],
  "reports that come at once are one": [[[0, 0, 0, 0], [1000, 10, 0, 1], [1010, 1, 0, 0]], 10],
  "a report that was held up counts for its own time": [
    [[0, 0, 0, 0], [10_000, 50, 0, 5], [10_001, 50, 0, 5]],
    10,
  ],
  "a time longer than it can be only harms its sender": [[[0, 0, 0, 0], [1000, 10, 0, 1e15]], 0],
  "a negative time is none": [[[0, 0, 0, 0], [1000, 10, 0, -9e15]], 10],
  "negative counts are none": [[[0, 0, 0, 0], [1000, -5, -5, 1]], 0],
  "no number is none": [[[0, 0, 0, 0], [1000, NaN, 5, NaN]], 5],
  "counts beyond all measure stay finite": [[[0, 0, 0, 0], [1000, 2 ** 64, 0, 1]], 2 ** 53],
};

for (const [name, [reports, perSecond]] of Object.entries(rows)) {
  Deno.test(`DemandEstimate: ${name}`, () => {
    const demand = new DemandEstimate(0);
    for (const [atMs, allowed, denied, elapsedSeconds] of reports) {
      demand.report({ allowed, denied, elapsedSeconds }, atMs);
    }
    const { perSecond: estimate } = demand;
    assert.equal(estimate === undefined ? undefined : Math.round(estimate), perSecond);
  });
}

Deno.test("DemandEstimate: idle is who reports no requests for long, or nothing for longer", () => {
  const demand = new DemandEstimate(0);
  demand.report({ allowed: 1, denied: 0, elapsedSeconds: 0 }, 0);
  assert.equal(demand.isIdle(2000, 4999), false, "it may have had some since its report");
  demand.report({ allowed: 0, denied: 1, elapsedSeconds: 5 }, 5000);
  assert.equal(demand.isIdle(2000, 5000), false);
  demand.report({ allowed: 0, denied: 0, elapsedSeconds: 5 }, 10_000);
  assert.equal(demand.isIdle(2000, 10_000), true);
  demand.report({ allowed: 1, denied: 0, elapsedSeconds: 5 }, 15_000);
  assert.equal(demand.isIdle(2000, 76_999), false);
  assert.equal(demand.isIdle(2000, 77_000), true);
});
