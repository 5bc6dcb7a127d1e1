// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { testCharge } from "./algorithms/testing.ts";
import type { Algorithm, Charge } from "./counter_store.ts";
import { beganTogether, counterName, unitSeconds, windowRestMs, windowStart } from "./window.ts";

function charge(windowSeconds: number, kind: Algorithm["kind"] = "fixed-window"): Charge {
  const algorithm: Algorithm = { kind };
  return testCharge({ key: "d_k_v_", windowSeconds, algorithm });
}

Deno.test("windowStart() aligns windows to the Unix epoch", () => {
  const rows: readonly (readonly [nowSeconds: number, windowSeconds: number, start: number])[] = [
    [1_234, unitSeconds.second, 1_234],
    [1_234, unitSeconds.minute, 1_200],
    [1_000_000, unitSeconds.hour, 997_200],
    [1_000_000, unitSeconds.day, 950_400],
    [604_799, unitSeconds.week, 0],
    [2_592_000, unitSeconds.month, 2_592_000],
    [31_535_999.999, unitSeconds.year, 0],
    [1_799.999, 15 * unitSeconds.minute, 900],
    [1_800, 15 * unitSeconds.minute, 1_800],
  ];
  for (const [now, length, start] of rows) assert.equal(windowStart(now * 1000, length), start);
});

Deno.test("beganTogether() is while a shorter window of the same start lasts", () => {
  const midnight = 1_795_478_400;
  const rows: readonly [number, number, boolean][] = [
    [midnight, unitSeconds.second, false],
    [midnight, unitSeconds.minute, true],
    [midnight + 1, unitSeconds.minute, false],
    [midnight + 59, unitSeconds.hour, true],
    [midnight + 60, unitSeconds.hour, false],
    [midnight + 3_599, unitSeconds.day, true],
    [midnight + 3_600, unitSeconds.day, false],
    [midnight + 3_600, unitSeconds.hour, true],
    [midnight, 15 * unitSeconds.minute, false],
  ];
  for (const [now, length, expected] of rows) {
    assert.equal(beganTogether(now * 1000, length), expected, `${now - midnight} s, ${length} s`);
  }
});

Deno.test("windowRestMs() is between one and all milliseconds of the window", () => {
  assert.equal(windowRestMs(60_000, { startSeconds: 60, windowSeconds: 60 }), 60_000);
  assert.equal(windowRestMs(119_999, { startSeconds: 60, windowSeconds: 60 }), 1);
});

Deno.test("counterName() is that of envoyproxy/ratelimit for windows of one unit, else of its own", () => {
  assert.equal(counterName(charge(1), 1_234_900), "d_k_v_1234");
  assert.equal(counterName(charge(60), 1_234_900), "d_k_v_1200");
  assert.equal(counterName(charge(900), 1_234_900), "d_k_v_900_900");
  assert.equal(counterName(charge(60, "sliding-window"), 1_234_900), "d_k_v_sliding-window_60");
  assert.equal(counterName(charge(60, "token-bucket"), 1_234_900), "d_k_v_token-bucket_60");
});
