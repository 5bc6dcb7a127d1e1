// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { repositoryRoot } from "@denvoy/tools/real_parts";
import { type Bootstrap, startDenvoyHds, validateBootstrap } from "../support/mod.ts";

const folder = join(repositoryRoot, "examples", "hds");

Deno.test("examples/hds: hds takes the clusters, and has every endpoint of them to check", async () => {
  await using hds = await startDenvoyHds({ clusters: join(folder, "clusters.yaml") });
  const response = await fetch(`${hds.httpUrl}/v1/health`);
  const { endpoints } = await response.json();
  assert.deepEqual(endpoints.map(({ address }: { address: string }) => address), [
    "127.0.0.1:6379",
    "127.0.0.1:3000",
    "127.0.0.1:3001",
  ]);
});

for (const name of ["prober.yaml", "compose_prober.yaml"]) {
  Deno.test(`examples/hds/${name} is accepted by a real Envoy without a warning`, async () => {
    const bootstrap = parse(await Deno.readTextFile(join(folder, name))) as Bootstrap;
    const { ok, output } = await validateBootstrap(bootstrap);
    assert.equal(ok, true, output);
    assert.doesNotMatch(output, /\[warning\]|deprecated/i);
  });
}
