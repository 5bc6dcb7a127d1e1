// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { Metrics } from "@denvoy/runtime";
import { limitsOf } from "./domain/testing.ts";
import { RlsInstruments } from "./metrics.ts";

const tally = {
  ...{ total: 1, within: 1, near: 0, over: 0, overFromCache: 0, shadow: 0, refunded: 0 },
};

Deno.test("RlsInstruments drops the series of limits that are gone, and keeps those of all others", async () => {
  const metrics = new Metrics({ service: "rls" });
  const instruments = new RlsInstruments(metrics);
  for (let load = 0; load < 30; load++) {
    const rules = Array.from(
      { length: 100 },
      (_, n) => `{ key: k${load}_${n}, rate_limit: 1/day }`,
    );
    const set = limitsOf(
      `{domain: d, descriptors: [{ key: stays, rate_limit: [1/day, 2/hour] }, ${rules.join()}]}`,
    );
    instruments.retain(set);
    for (const rule of set.rules()) {
      const { limit, domain, path: metricKey } = rule;
      if (limit?.kind !== "counted") continue;
      const match = { kind: "counted", domain, limit, rule, named: [], metricKey } as const;
      const status = { verdict: "ok", limit, remaining: 0, resetMs: 0, tally } as const;
      if (limit.also === undefined) instruments.counted(match, tally);
      else instruments.countedSeveral(match, [status]);
    }
  }
  const lines = (await metrics.scrape()).split("\n").filter((line) => /^rls_hits_total/.test(line));
  assert.equal(lines.length, 101);
  assert.ok(lines.includes('rls_hits_total{domain="d",rule="stays",window="day"} 30'));
  assert.ok(!lines.some((line) => line.includes("overflow")));
});
