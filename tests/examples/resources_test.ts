// SPDX-License-Identifier: Apache-2.0
// The example folders have the shape that Envoy reads from files by itself, and route as they say.
import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { repositoryRoot } from "@denvoy/tools/real_parts";
import {
  type Bootstrap,
  bootstrap,
  freePort,
  startBackend,
  startDenvoyRls,
  startEnvoy,
  TempFolder,
} from "../support/mod.ts";

interface Ports {
  /** Of the rate limit service. */
  readonly rls?: number;
  readonly web: number;
  readonly blue: number;
  readonly green: number;
}

/** Copies an example so that Envoy finds each type in a file instead of asking for it. */
async function copyForEnvoy(name: string, ports: Ports): Promise<TempFolder> {
  const folder = await TempFolder.create();
  const example = join(repositoryRoot, "examples", name);
  for (const { name: file } of Deno.readDirSync(example)) {
    if (!file.endsWith(".yaml")) continue;
    const text = withPorts(await Deno.readTextFile(join(example, file)), ports);
    const { resources } = parse(text) as { readonly resources: readonly Resource[] };
    const local = resources.map((resource) => withFileSources(resource, folder));
    await folder.write(file, JSON.stringify({ resources: local }));
    // Envoy's EDS takes one resource from one file.
    for (const resource of local) {
      const cluster = resource.cluster_name;
      if (cluster === undefined) continue;
      await folder.write(`endpoints-${cluster}.yaml`, JSON.stringify({ resources: [resource] }));
    }
  }
  return folder;
}

type Resource = Readonly<Record<string, unknown>>;

function withPorts(text: string, ports: Ports): string {
  return text.replaceAll(/address: (0\.0\.0\.0|blue|green|rls),/g, "address: 127.0.0.1,")
    .replaceAll("port_value: 10000", `port_value: ${ports.web}`)
    .replaceAll("port_value: 18081", `port_value: ${ports.blue}`)
    .replaceAll("port_value: 18082", `port_value: ${ports.green}`)
    .replaceAll("port_value: 8080", `port_value: ${ports.blue}`)
    .replaceAll("timeout: 0.1s", "timeout: 10s")
    .replaceAll("port_value: 8081", `port_value: ${ports.rls ?? 1}`);
}

function withFileSources(resource: Resource, folder: TempFolder): Resource {
  const isCluster = String(resource["@type"]).endsWith(".Cluster");
  const path = folder.file(isCluster ? `endpoints-${resource.name}.yaml` : "routes.yaml");
  const text = JSON.stringify(resource)
    .replaceAll('"ads":{}', `"path_config_source":${JSON.stringify({ path })}`);
  return JSON.parse(text) as Resource;
}

function fileBootstrap(folder: TempFolder): Bootstrap {
  const source = (file: string) => ({
    resource_api_version: "V3",
    path_config_source: { path: folder.file(file) },
  });
  const sources = {
    lds_config: source("listeners.yaml"),
    cds_config: source("clusters.yaml"),
  };
  const base = bootstrap({ managementAddress: "127.0.0.1:1" });
  return { ...base, static_resources: {}, dynamic_resources: sources };
}

for (const name of ["quickstart", "compose"]) {
  Deno.test(`examples/${name} is read by Envoy itself and routes as it says`, async () => {
    await using blue = startBackend("blue");
    await using green = startBackend("green");
    const ports = { web: freePort(), blue: blue.port, green: green.port };
    await using folder = await copyForEnvoy(name, ports);
    await using envoy = await startEnvoy({ bootstrap: fileBootstrap(folder) });
    await envoy.admin.ready();
    const answer = async (path: string) =>
      await (await fetch(`http://127.0.0.1:${ports.web}${path}`)).text();
    await envoy.admin.until(async () => await answer("/blue") === "blue", { what: "a route" });
    const answers = new Set<string>();
    for (let count = 0; count < 60; count++) answers.add(await answer("/"));
    // In the compose example both clusters are names, which here stand for the same backend.
    assert.deepEqual([...answers].sort(), name === "compose" ? ["blue"] : ["blue", "green"]);
    assert.equal(await envoy.admin.stat("listener_manager.lds.update_rejected"), 0);
    assert.equal(await envoy.admin.stat("cluster_manager.cds.update_rejected"), 0);
  });
}

Deno.test("examples/compose lets each client ask three times a minute for what is limited", async () => {
  await using blue = startBackend("blue");
  const shop = await Deno.readTextFile(join(repositoryRoot, "examples/rls/limits/shop.yaml"));
  // A year instead of a minute, so that no window ends meanwhile.
  const limits = { "shop.yaml": shop.replace("unit: minute", "unit: year") };
  await using rls = await startDenvoyRls({ limits });
  const rlsPort = Number(rls.grpcAddress.split(":").at(-1));
  const ports = { web: freePort(), blue: blue.port, green: blue.port, rls: rlsPort };
  await using folder = await copyForEnvoy("compose", ports);
  await using envoy = await startEnvoy({ bootstrap: fileBootstrap(folder) });
  await envoy.admin.ready();
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${ports.web}${path}`);
    await response.body?.cancel();
    return [response.status, response.headers.get("x-ratelimit-remaining")] as const;
  };
  await envoy.admin.until(async () => (await ask("/blue"))[0] === 200, { what: "a route" });
  const answers: (readonly [number, string | null])[] = [];
  for (let count = 0; count < 4; count++) answers.push(await ask("/limited"));
  assert.deepEqual(answers, [[200, "2"], [200, "1"], [200, "0"], [429, "0"]]);
});
