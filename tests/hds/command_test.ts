// SPDX-License-Identifier: Apache-2.0
/**
 * `denvoy health` against a real hds.
 * @module
 */
import assert from "node:assert/strict";
import { Child } from "@denvoy/tools/child";
import { denvoyCommand, runDenvoy } from "../cli/run_denvoy.ts";
import { eventually, startDenvoyHds, TempFolder } from "../support/mod.ts";
import { clusterOf, clustersFile } from "./scene.ts";

Deno.test("denvoy health shows verdicts, and with --watch a line for each change", async () => {
  const clusters = clustersFile(clusterOf("web", { ports: [1, 2] }));
  await using folder = await TempFolder.create({ "clusters.json": clusters });
  await using hds = await startDenvoyHds({ clusters: folder.path });
  const order = (state: string) =>
    fetch(`${hds.httpUrl}/v1/health/web/127.0.0.1:2/order`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ state }),
    }).then((response) => response.body?.cancel());
  await order("draining");
  const { code, out, error } = await runDenvoy(["health", "--server", hds.httpUrl]);
  assert.equal(code, 0, error);
  assert.match(out, /^CLUSTER +ADDRESS +HEALTH/);
  assert.match(out, /web +127\.0\.0\.1:2 +DRAINING +\d+s +order +none/);

  const args = denvoyCommand(["health", "--watch", "--server", hds.httpUrl]);
  await using watch = Child.start({ name: "denvoy", command: Deno.execPath(), args });
  const saw = (pattern: RegExp) =>
    eventually(() => watch.lines.some((line) => pattern.test(line)), {
      what: `${pattern}`,
      withinMs: 40_000,
      detail: () => watch.lastWords(),
    });
  await saw(/DRAINING +\d+s/);
  // Told again and again, as nobody knows when the watch has begun.
  const states = ["down", "up"];
  const told = eventually(async () => {
    const state = states.shift() ?? "";
    states.push(state);
    await order(state);
    return watch.lines.some((line) => line.includes("UNHEALTHY -> HEALTHY (order by anonymous)"));
  }, { what: "a change to be shown", withinMs: 40_000, detail: () => watch.lastWords() });
  await told;
});
