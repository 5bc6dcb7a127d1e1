// SPDX-License-Identifier: Apache-2.0
/** How long lines of the audit are, and how many. @module */
import assert from "node:assert/strict";
import { FakeClock, RecordingLogger } from "@denvoy/base/testing";
import { Metrics } from "@denvoy/runtime";
import { sdsInstruments } from "../metrics.ts";
import { Audit } from "./audit.ts";

function openAudit() {
  const [logger, clock] = [new RecordingLogger(), new FakeClock()];
  const audit = new Audit({
    logger,
    clock,
    instruments: sdsInstruments(new Metrics({ service: "sds", clock })),
  });
  return { audit, clock, logger };
}

function subject(nodeId: string) {
  const caller = { identity: "spiffe://shop/web", proof: "token" } as const;
  return { caller, nodeId, peer: { address: "10.0.0.7:4711" } };
}

for (
  const [name, write, most] of [
    ["grants", (audit: Audit) => audit.granted(subject("n"), "a"), 1000],
    ["refusals", (audit: Audit) => audit.refused(subject("n"), "a"), 100],
  ] as const
) {
  Deno.test(`more ${name} than ${most} a second are counted and told with the next line`, () => {
    const { audit, clock, logger } = openAudit();
    for (let count = 0; count < most + 7; count++) write(audit);
    assert.equal(logger.lines.length, most);
    clock.advance(1000);
    write(audit);
    assert.equal(logger.lines.length, most + 1);
    assert.match(JSON.stringify(logger.lines.at(-1)), /"others":7/);
  });
}

Deno.test("what callers say of themselves makes no long line", () => {
  const { audit, logger } = openAudit();
  audit.granted(subject("n".repeat(100_000)), "s".repeat(100_000));
  audit.refused(subject("n".repeat(100_000)), "s".repeat(100_000));
  audit.rejected(new Error("e".repeat(100_000)), { address: "10.0.0.7:4711" });
  for (const line of logger.lines) assert.ok(JSON.stringify(line).length < 1000);
  assert.match(JSON.stringify(logger.lines[0]), /nnn… \(100000 characters\)/);
});
