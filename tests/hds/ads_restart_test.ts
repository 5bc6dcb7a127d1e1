// SPDX-License-Identifier: Apache-2.0
/**
 * An ads that has restarted, and an hds that has its clusters from files: it does not see in EDS that
 * its verdicts are forgotten.
 * @module
 */
import { cluster, endpoints, fileText } from "../envoy/resources.ts";
import { eventually, startDenvoyAds, startDenvoyHds, TempFolder } from "../support/mod.ts";
import { clusterOf, clustersFile, type Json } from "./scene.ts";

const PORT = 1;

/** Returns what ads serves of the endpoint. */
async function servedHealth(httpUrl: string): Promise<string | undefined> {
  const response = await fetch(`${httpUrl}/v3/discovery:endpoints`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ node: { id: "reader", cluster: "test" }, resource_names: ["web"] }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status}: ${text}`);
  return /"health_?[sS]tatus": ?"([A-Z]+)"/.exec(text)?.[1];
}

function isOut(httpUrl: string): Promise<void> {
  return eventually(async () => await servedHealth(httpUrl) === "UNHEALTHY", {
    what: "the dead endpoint to be out of traffic",
    // Far below a third of the TTL, when all is repeated anyway.
    withinMs: 60_000,
  }).then(() => {});
}

Deno.test("an ads that has restarted is told at once who is dead, also by an hds without --ads", async () => {
  const mesh = fileText([cluster("web", "ads-delta"), endpoints("web", PORT)]);
  const checked: Json = clusterOf("web", { ports: [PORT] });
  await using folder = await TempFolder.create({
    "mesh.json": mesh,
    "clusters.json": clustersFile(checked),
  });
  const resources = folder.file("mesh.json");
  const ads = await startDenvoyAds({ resources });
  const { httpAddress, httpUrl } = ads;
  try {
    await using hds = await startDenvoyHds({
      clusters: folder.file("clusters.json"),
      flags: ["--ads-url", httpUrl, "--verdict-ttl", "10m"],
      connects: [httpAddress],
    });
    const response = await fetch(`${hds.httpUrl}/v1/health/web/127.0.0.1:${PORT}/order`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ state: "down" }),
    });
    await response.body?.cancel();
    await isOut(httpUrl);
    await ads.crash();
    await using _again = await startDenvoyAds({ resources, httpAddress });
    await isOut(httpUrl);
  } finally {
    await ads[Symbol.asyncDispose]();
  }
});
