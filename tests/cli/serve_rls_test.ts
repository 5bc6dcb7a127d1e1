// SPDX-License-Identifier: Apache-2.0
// `denvoy serve` with rls beside ads in one process.
import assert from "node:assert/strict";
import { Child } from "@denvoy/tools/child";
import { eventually, exitSignal, TempFolder } from "../support/mod.ts";
import { denvoyCommand } from "./run_denvoy.ts";

/** The HTTP addresses by service that are in the log. */
function httpAddresses(child: Child): ReadonlyMap<string, string> {
  const found = child.lines.flatMap((line) => {
    const [, service] = /"service":"(\w+)"/.exec(line) ?? [];
    const [, address] = /"http":"([^"]+)"/.exec(line) ?? [];
    return service && address ? [[service, address] as const] : [];
  });
  return new Map(found);
}

Deno.test("denvoy serve ads rls runs both, each with its own ports and flags, and drains both", async () => {
  await using folder = await TempFolder.create({
    "limits/d.yaml": "{domain: d, descriptors: [{key: k, rate_limit: 1 per year}]}",
    "resources/none.yaml": "resources: []",
  });
  const ports = ["ads", "rls"].flatMap((service) => [
    ...[`--${service}.grpc-address`, "127.0.0.1:0", `--${service}.http-address`, "127.0.0.1:0"],
  ]);
  await using child = Child.start({
    name: "denvoy",
    command: Deno.execPath(),
    args: denvoyCommand([
      ...["serve", "ads", "rls", ...ports, "--log-format", "json"],
      ...["--resources", folder.file("resources"), "--limits", folder.file("limits")],
      ...["--ads.data-dir", ":memory:"],
    ]),
    // The variables of envoyproxy/ratelimit count here, too.
    env: { LIMIT_RESPONSE_HEADERS_ENABLED: "true" },
    cwd: folder.path,
  });
  const addresses = await eventually(() => {
    const found = httpAddresses(child);
    return Promise.resolve(found.size === 2 ? found : undefined);
  }, {
    what: "both services to serve",
    withinMs: 30_000,
    detail: () => child.lastWords(),
    signal: exitSignal(child),
  });
  const body = JSON.stringify({
    domain: "d",
    descriptors: [{ entries: [{ key: "k", value: "v" }] }],
  });
  const answer = await fetch(`http://${addresses.get("rls")}/json`, { method: "POST", body });
  const { overallCode, responseHeadersToAdd } = await answer.json();
  assert.deepEqual([overallCode, responseHeadersToAdd?.length], ["OK", 3]);
  const nodes = await fetch(`http://${addresses.get("ads")}/v1/nodes`);
  await nodes.body?.cancel();
  assert.equal(nodes.status, 200);
  child.kill("SIGTERM");
  assert.equal((await child.exited).code, 0, child.lastWords());
});

Deno.test("denvoy serve rls without limits says what is missing", async () => {
  const command = denvoyCommand(["serve", "rls", "--log-format", "json"]);
  await using child = Child.start({ name: "denvoy", command: Deno.execPath(), args: command });
  const { code } = await child.exited;
  assert.deepEqual([code, /--limits/.test(child.lastWords())], [1, true], child.lastWords());
});
