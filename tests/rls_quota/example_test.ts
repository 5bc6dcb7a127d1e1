// SPDX-License-Identifier: Apache-2.0
// The example for quotas does with the example's limits what it says.
import assert from "node:assert/strict";
import { join } from "node:path";
import { repositoryRoot } from "@denvoy/tools/real_parts";
import { parse } from "yaml";
import {
  type Bootstrap,
  eventually,
  freePort,
  startBackend,
  startDenvoyRls,
  startEnvoy,
} from "../support/mod.ts";

const folder = join(repositoryRoot, "examples", "rls");

function exampleBootstrap(ports: Readonly<Record<string, string>>): Bootstrap {
  let text = Deno.readTextFileSync(join(folder, "quota_envoy.yaml"))
    .replaceAll("reporting_interval: 5s", "reporting_interval: 1s");
  for (const [from, to] of Object.entries(ports)) {
    assert.ok(text.includes(`port_value: ${from} }`), from);
    text = text.replaceAll(`port_value: ${from} }`, `port_value: ${to} }`);
  }
  return parse(text);
}

Deno.test("examples/rls/quota_envoy.yaml is limited by examples/rls/limits", async () => {
  const limits = { "shop.yaml": Deno.readTextFileSync(join(folder, "limits", "shop.yaml")) };
  await using rls = await startDenvoyRls({ limits });
  await using backend = startBackend("backend");
  const [port, rlsPort] = [freePort(), rls.grpcAddress.split(":").at(-1) ?? ""];
  const ports = { 9901: "0", 10000: `${port}`, 8081: rlsPort, 8082: `${backend.port}` };
  await using envoy = await startEnvoy({ bootstrap: exampleBootstrap(ports) });
  await envoy.admin.ready();
  const ask = async (headers: Readonly<Record<string, string>>) => {
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { ...headers } });
    await response.body?.cancel();
    return response.status;
  };
  await eventually(async () => {
    assert.equal(await ask({ "x-plan": "gold", "x-api-key": "k1" }), 200);
    assert.equal(await ask({ "x-plan": "iron", "x-api-key": "k2" }), 200);
    const { quotas } = await (await fetch(`${rls.httpUrl}/v1/quotas?domain=shop`)).json();
    const rules = quotas.map(({ rule }: { readonly rule: string }) => rule).sort();
    assert.deepEqual(rules, ["shop.plan.api_key", "shop.plan_gold.api_key"]);
    assert.equal(quotas[0].buckets[0].node, "web-1");
    return true;
  }, { withinMs: 30_000, what: "both plans to have quotas", detail: () => rls.child.lastWords() });
  assert.equal(await ask({}), 200, "without an API key nothing is limited");
  await eventually(async () => {
    const key = { "x-plan": "iron", "x-api-key": "k2" };
    const statuses = await Promise.all(Array.from({ length: 25 }, () => ask(key)));
    return statuses.includes(429);
  }, {
    withinMs: 30_000,
    what: "100 requests in 15 minutes to be all",
    detail: () => rls.child.lastWords(),
  });
});
