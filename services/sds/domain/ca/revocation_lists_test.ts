// SPDX-License-Identifier: Apache-2.0
/** Numbers of revocation lists rise (RFC 5280, 5.2.3), whatever the clock does. @module */
import assert from "node:assert/strict";
import { readPem } from "../pem.ts";
import { BuiltInCa } from "./built_in_ca.ts";
import { openTestCa, testNowMs } from "./testing.ts";

/** The number of the first list, by its extension 2.5.29.20. */
function numberOf(ca: BuiltInCa): number {
  const blocks = readPem(ca.crlPem());
  const hex = blocks.ok ? blocks.value[0]?.der.toHex() ?? "" : "";
  const digits = /0603551d1404..02(06[0-9a-f]{12})/.exec(hex)?.[1] ?? "";
  return parseInt(digits.slice(2), 16);
}

Deno.test("numbers rise when the clock was set back, and after a restart", async () => {
  const { ca, clock, options } = await openTestCa();
  const revoke = async (by: BuiltInCa) => {
    const { facts } = await by.issue({ spiffeId: "spiffe://denvoy.local/a" });
    await by.revoke(facts.serial);
    return numberOf(by);
  };
  assert.equal(await revoke(ca), testNowMs);
  assert.equal(await revoke(ca), testNowMs + 1);
  clock.advance(60_000);
  assert.equal(await revoke(ca), testNowMs + 60_000);
  const nowMs = clock.nowMs.bind(clock);
  clock.nowMs = () => nowMs() - 30_000;
  assert.equal(await revoke(ca), testNowMs + 60_001);
  assert.ok(await revoke(await BuiltInCa.open(options)) > testNowMs + 60_001);
});
