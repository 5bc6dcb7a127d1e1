// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { FakeClock } from "@denvoy/base/testing";
import { CircuitBreaker } from "./circuit_breaker.ts";

const options = { failuresToOpen: 3, firstPauseMs: 100, longestPauseMs: 300 };

Deno.test("CircuitBreaker opens after failures in a row, and a success in between starts anew", () => {
  const breaker = new CircuitBreaker(options);
  breaker.failed(0);
  breaker.failed(0);
  breaker.succeeded();
  breaker.failed(0);
  breaker.failed(0);
  assert.equal(breaker.state, "closed");
  breaker.failed(0);
  assert.equal(breaker.state, "open");
});

Deno.test("CircuitBreaker opens at once when the failure is certain to come again", () => {
  const breaker = new CircuitBreaker(options);
  breaker.failed(0, { certain: true });
  assert.equal(breaker.state, "open");
});

Deno.test("CircuitBreaker lets one probe pass after each pause, and pauses double to the longest", () => {
  const clock = new FakeClock(0);
  const breaker = new CircuitBreaker(options);
  breaker.failed(clock.monotonicMs(), { certain: true });
  for (const pauseMs of [100, 200, 300, 300]) {
    assert.equal(breaker.probeAtMs, clock.monotonicMs() + pauseMs);
    clock.advance(pauseMs - 1);
    assert.equal(breaker.tryProbe(clock.monotonicMs()), false);
    clock.advance(1);
    assert.equal(breaker.tryProbe(clock.monotonicMs()), true);
    assert.equal(breaker.state, "half-open");
    assert.equal(breaker.tryProbe(clock.monotonicMs()), false);
    breaker.failed(clock.monotonicMs());
  }
  clock.advance(300);
  assert.equal(breaker.tryProbe(clock.monotonicMs()), true);
  breaker.succeeded();
  assert.deepEqual([breaker.state, breaker.probeAtMs], ["closed", Infinity]);
  breaker.failed(clock.monotonicMs(), { certain: true });
  assert.equal(breaker.probeAtMs, clock.monotonicMs() + 100);
});

Deno.test("CircuitBreaker does not prolong its pause by failures of what was sent before it", () => {
  const breaker = new CircuitBreaker(options);
  breaker.failed(0, { certain: true });
  breaker.failed(90);
  assert.equal(breaker.probeAtMs, 100);
});

Deno.test("CircuitBreaker has nothing to probe while it is closed", () => {
  const breaker = new CircuitBreaker(options);
  assert.equal(breaker.tryProbe(Infinity), false);
  assert.equal(breaker.state, "closed");
});
