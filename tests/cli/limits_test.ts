// SPDX-License-Identifier: Apache-2.0
// `denvoy limits` against a real rls.
import assert from "node:assert/strict";
import { startDenvoyRls } from "../support/mod.ts";
import { runDenvoy } from "./run_denvoy.ts";

const limits = {
  "d.yaml": "{domain: d, descriptors: [{key: k, rate_limit: [2/year, 100 per 2 weeks]}]}",
};

Deno.test("denvoy limits shows what rls limits, explains it, and empties counters", async () => {
  await using rls = await startDenvoyRls({ limits });
  for (const key of ["k", "k", "k", "nobody"]) {
    const response = await fetch(`${rls.httpUrl}/json`, {
      method: "POST",
      body: JSON.stringify({ domain: "d", descriptors: [{ entries: [{ key, value: "v" }] }] }),
    });
    await response.body?.cancel();
  }
  const env = { DENVOY_RLS_SERVER: rls.httpUrl };
  const out = async (line: string) => {
    const run = await runDenvoy(["limits", ...line.split(" ")], { env });
    assert.equal(run.code, 0, run.error);
    return run.out;
  };
  const [list, hot, unmatched, explained, counter] = await Promise.all(
    ["list", "hot", "unmatched", "explain d k=v", "counter d k=v"].map(out),
  );
  assert.match(list ?? "", /^d\.k \(year\) +2 per year +3 +1 +k=v +100%$/m);
  assert.match(list ?? "", /^d\.k \(2 weeks\) +100 per 2 weeks +3 +0 +k=v +2%$/m);
  assert.match(hot ?? "", /^d\.k \(year\) +k=v +3 +100%$/m);
  assert.match(unmatched ?? "", /^d +nobody +no rule +1 +nobody=v$/m);
  assert.match(explained ?? "", /^d\.k: 2 per year, fixed-window and 100 per 2 weeks/);
  assert.match(counter ?? "", /^d\.k +2 per year +2 +0 +\d+s$/m);
  assert.match(await out("reset d k=v"), /^d\.k +2 per year +0 +2 +\d+s$/m);
  const none = await runDenvoy(["limits", "counter", "d", "nobody=v"], { env });
  assert.deepEqual([none.code, /no limit counts this descriptor/.test(none.error)], [1, true]);
});
