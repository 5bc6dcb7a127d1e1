// SPDX-License-Identifier: Apache-2.0
/** Which CA a replica may start with, after what it has served. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { CaMarker } from "./ca_marker.ts";

const rows: readonly (readonly [string, string | undefined, string | undefined, RegExp?])[] = [
  ["nothing", undefined, undefined],
  ["nothing", undefined, "a"],
  ["the same", "a", "a"],
  ["another", "a", "b", /it has another; .* remove .*redis_ca to go on with that CA/],
  ["one", "a", undefined, /it has none; bring the data of Redis back from a copy/],
];

for (const [what, served, found, refusal] of rows) {
  Deno.test(`after ${what} was served, a CA ${found} in Redis is ${refusal ? "refused" : "taken"}`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const marker = new CaMarker(folder);
      if (served !== undefined) await marker.write(served);
      if (refusal === undefined) await marker.check(found);
      else await assert.rejects(marker.check(found), refusal);
      if (served === undefined) return;
      const { mode } = await Deno.stat(join(folder, "redis_ca"));
      assert.equal((mode ?? 0) & 0o777, 0o600);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("without a data folder nothing is remembered", async () => {
  const marker = new CaMarker(undefined);
  await marker.write("a");
  await marker.check("b");
});
