// SPDX-License-Identifier: Apache-2.0
/** Staples over time: fetched once, renewed when due, dropped when they have ended. @module */
import assert from "node:assert/strict";
import { err, ok, silentLogger } from "@denvoy/base";
import { FakeClock } from "@denvoy/base/testing";
import { craft, testNowMs, testReader } from "../domain/ca/testing.ts";
import { OcspStaples } from "./ocsp_staples.ts";

const HOUR = 3_600_000;
const { pem } = await craft();

/** A responder whose staples are numbers and live for two hours. */
function openStaples() {
  const clock = new FakeClock(testNowMs);
  const control = { down: false, fetched: 0, told: 0 };
  const staples = new OcspStaples({
    ...{ x509: testReader, logger: silentLogger, clock },
    onStaple: () => void control.told++,
    fetch: () => {
      control.fetched += 1;
      if (control.down) return Promise.resolve(err("down"));
      const nowMs = clock.nowMs();
      const der = Uint8Array.of(control.fetched);
      const staple = { der, renewAtMs: nowMs + HOUR, notAfterMs: nowMs + 2 * HOUR };
      return Promise.resolve(ok(staple));
    },
  });
  const pass = async (ms: number) => {
    clock.advance(ms);
    for (let count = 0; count < 20; count++) await Promise.resolve();
  };
  return { staples, control, pass };
}

Deno.test("a staple is fetched from the first call on, and renewed when it is due", async () => {
  const { staples, control, pass } = openStaples();
  await using _ = staples;
  assert.equal(staples.get(pem), undefined);
  await pass(0);
  assert.deepEqual(staples.get(pem), Uint8Array.of(1));
  await pass(HOUR);
  assert.deepEqual(staples.get(pem), Uint8Array.of(2));
  assert.equal(control.told, 2);
});

Deno.test("a staple counts while its responder is down, until it has ended", async () => {
  const { staples, control, pass } = openStaples();
  await using _ = staples;
  staples.get(pem);
  await pass(0);
  staples.get(pem);
  control.down = true;
  for (let minutes = 0; minutes < 119; minutes++) await pass(60_000);
  assert.deepEqual(staples.get(pem), Uint8Array.of(1));
  await pass(60_000);
  assert.equal(staples.get(pem), undefined);
  control.down = false;
  await pass(60_000);
  assert.ok(staples.get(pem) !== undefined);
});

Deno.test("a staple that nobody asks for any more is not renewed", async () => {
  const { staples, control, pass } = openStaples();
  await using _ = staples;
  staples.get(pem);
  await pass(0);
  await pass(HOUR);
  assert.equal(control.fetched, 1);
});
