// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { makeMeshKeys } from "@denvoy/tools/mesh_keys";
import { repositoryRoot } from "@denvoy/tools/real_parts";
import { type Bootstrap, TempFolder, validateBootstrap } from "../support/mod.ts";

const folder = join(repositoryRoot, "examples", "bootstrap");

for (const { name } of Deno.readDirSync(folder)) {
  Deno.test(`examples/bootstrap/${name} is accepted by a real Envoy without a warning`, async () => {
    await using keys = await TempFolder.create();
    await makeMeshKeys({ folder: keys.path, names: ["quickstart"] });
    const text = await Deno.readTextFile(join(folder, name));
    const bootstrap = parse(text.replaceAll("/etc/envoy/keys", keys.path)) as Bootstrap;
    const { ok, output } = await validateBootstrap(bootstrap);
    assert.equal(ok, true, output);
    assert.doesNotMatch(output, /\[warning\]|deprecated/i);
  });

  Deno.test(`examples/bootstrap/${name} holds nothing but the address of Denvoy`, async () => {
    const bootstrap = parse(await Deno.readTextFile(join(folder, name)));
    assert.deepEqual(Object.keys(bootstrap.static_resources), ["clusters"]);
    assert.deepEqual(bootstrap.static_resources.clusters.map((c: Bootstrap) => c.name), ["denvoy"]);
    assert.equal(bootstrap.dynamic_resources.ads_config.api_type, "DELTA_GRPC");
    assert.equal(bootstrap.dynamic_resources.ads_config.set_node_on_first_message_only, true);
  });
}

Deno.test("examples/metrics/bootstrap.yaml is accepted by a real Envoy without a warning", async () => {
  const path = join(repositoryRoot, "examples", "metrics", "bootstrap.yaml");
  const bootstrap = parse(await Deno.readTextFile(path));
  const logger = join(repositoryRoot, "examples", "metrics", "access_log.yaml");
  const { access_log } = parse(await Deno.readTextFile(logger));
  bootstrap.static_resources.listeners = [listenerWith(access_log)];
  const { ok, output } = await validateBootstrap(bootstrap as Bootstrap);
  assert.equal(ok, true, output);
  assert.doesNotMatch(output, /\[warning\]|deprecated/i);
});

function listenerWith(access_log: unknown) {
  const TYPE = "type.googleapis.com/envoy.extensions.filters";
  const manager = {
    "@type": `${TYPE}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "in",
    access_log,
    http_filters: [{
      name: "envoy.filters.http.router",
      typed_config: { "@type": `${TYPE}.http.router.v3.Router` },
    }],
    route_config: { virtual_hosts: [] },
  };
  const name = "envoy.filters.network.http_connection_manager";
  return {
    name: "in",
    address: { socket_address: { address: "127.0.0.1", port_value: 10_000 } },
    filter_chains: [{ filters: [{ name, typed_config: manager }] }],
  };
}
