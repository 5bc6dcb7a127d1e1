// SPDX-License-Identifier: Apache-2.0
// What an operator or a program does through the HTTP API, and what Envoys make of it.
import assert from "node:assert/strict";
import { staysTrue, type XdsMode } from "../support/mod.ts";
import { metric, nodeStatus } from "./ads_status.ts";
import { startBackends } from "./backends.ts";
import { call, mustCall, postApply } from "./http_api.ts";
import { simpleMesh, webListener } from "./mesh_files.ts";
import {
  cluster,
  endpoints,
  inlineRoutes,
  listener,
  type Resource,
  routeConfig,
  routesTo,
} from "./resources.ts";
import { Scene } from "./scene.ts";

const modes: readonly XdsMode[] = ["ads-delta", "ads-sotw"];

for (const mode of modes) {
  Deno.test(`resources of the HTTP API are put, replaced and deleted, ${mode}`, async () => {
    await using backends = await startBackends("blue", "green");
    const { blue, green } = backends.ports;
    await using scene = await Scene.start({ mode });
    const put = (type: string, name: string, body: Resource) =>
      mustCall(scene.ads, { method: "PUT", path: `/v1/resources/${type}/${name}`, body });
    const remove = (type: string, name: string) =>
      mustCall(scene.ads, { method: "DELETE", path: `/v1/resources/${type}/${name}` });
    await put("clusters", "front", cluster("front", mode));
    await put("endpoints", "front", endpoints("front", blue));
    await put("routes", "web-routes", routesTo("web-routes", "front"));
    await put("listeners", "web", webListener({ mode, port: scene.port }));
    await scene.untilAnswers({ status: 200, body: "blue" });
    await put("endpoints", "front", endpoints("front", green));
    await scene.untilAnswers({ status: 200, body: "green" });

    const inUse = await call(scene.ads, {
      method: "DELETE",
      path: "/v1/resources/clusters/front",
    });
    assert.equal(inUse.status, 422, JSON.stringify(inUse.body));
    const answering = routeConfig("web-routes", { prefix: "/", status: 200, body: "by Envoy" });
    await put("routes", "web-routes", answering);
    await scene.untilAnswers({ status: 200, body: "by Envoy" });
    await remove("clusters", "front");
    await scene.until(
      "the cluster to be gone",
      async () => !(await scene.envoy.admin.clusterNames()).includes("front"),
    );
    await remove("listeners", "web");
    await scene.untilAnswers({ status: 0 });
    assert.equal(await metric(scene.ads, "ads_nacks_total"), 0);
  });

  Deno.test(`an endpoint registers, shares by weight, expires and leaves, ${mode}`, async () => {
    await using backends = await startBackends("blue", "green");
    await using scene = await Scene.start({ mode });
    const { blue, green } = backends.ports;
    await scene.write("mesh.yaml", [
      webListener({ mode, port: scene.port }),
      routesTo("web-routes", "front"),
      cluster("front", mode),
    ]);
    await scene.untilAnswers({ status: 503, body: "no healthy upstream" });
    const path = (id: string) => `/v1/clusters/front/endpoints/${id}`;
    const register = (id: string, port: number, more: Resource = {}) =>
      mustCall(scene.ads, {
        method: "PUT",
        path: path(id),
        body: { address: "127.0.0.1", port, ttl: "1s", ...more },
      });
    const hosts = async () =>
      (await scene.envoy.admin.hosts("front") ?? []).map(({ address, weight }) =>
        `${address} ${weight}`
      ).sort();

    await register("blue", blue);
    await scene.untilAnswers({ status: 200, body: "blue" });
    await register("green", green, { weight: 9 });
    await scene.until("both with their weights", async () => {
      // Whoever is not heard of for a second leaves.
      await mustCall(scene.ads, { method: "POST", path: `${path("blue")}/heartbeat` });
      await mustCall(scene.ads, { method: "POST", path: `${path("green")}/heartbeat` });
      return JSON.stringify(await hosts()) ===
        JSON.stringify([`127.0.0.1:${blue} 1`, `127.0.0.1:${green} 9`].sort());
    });
    await scene.until("green to be left when blue is silent", async () => {
      await mustCall(scene.ads, { method: "POST", path: `${path("green")}/heartbeat` });
      return JSON.stringify(await hosts()) === JSON.stringify([`127.0.0.1:${green} 9`]);
    });
    await scene.untilAnswers({ status: 200, body: "green" });
    await register("green", green, { ttl: "60s" });
    await mustCall(scene.ads, { method: "DELETE", path: path("green") });
    await scene.untilAnswers({ status: 503, body: "no healthy upstream" });
    assert.equal(await metric(scene.ads, "ads_nacks_total"), 0);
  });

  Deno.test(`registrations and what the API wrote survive a crash, ${mode}`, async () => {
    await using backends = await startBackends("blue", "green");
    await using scene = await Scene.start({ mode });
    await postApply(scene.ads, [
      webListener({ mode, port: scene.port }),
      routesTo("web-routes", "front"),
      cluster("front", mode),
    ]);
    const path = "/v1/clusters/front/endpoints/blue";
    const body = { address: "127.0.0.1", port: backends.ports.blue, ttl: "60s" };
    await mustCall(scene.ads, { method: "PUT", path, body });
    await scene.untilAnswers({ status: 200, body: "blue" });
    await using load = scene.load(100);
    await scene.crashAds();
    await scene.restartAds();
    await scene.until(
      "the node to be in sync",
      async () => (await nodeStatus(scene.ads))?.status === "synced",
    );
    assert.equal((await scene.ask()).body, "blue");
    await mustCall(scene.ads, { method: "GET", path });
    assert.deepEqual((await load.stop()).failures, []);
  });

  Deno.test(`traffic follows a rollback to an earlier revision, ${mode}`, async () => {
    await using backends = await startBackends("blue", "green");
    await using scene = await Scene.start({ mode });
    const mesh = { mode, port: scene.port };
    const apply = async (target: string, backend: number) => {
      const files = simpleMesh({ ...mesh, target, backend });
      const body = await postApply(scene.ads, Object.values(files).flat(), { prune: true });
      return (body.revision as { readonly id: number }).id;
    };
    const first = await apply("front", backends.ports.blue);
    await scene.untilAnswers({ status: 200, body: "blue" });
    await apply("back", backends.ports.green);
    await scene.untilAnswers({ status: 200, body: "green" });
    await using load = scene.load(100);
    await mustCall(scene.ads, { method: "POST", path: `/v1/revisions/${first}/rollback` });
    await scene.untilAnswers({ status: 200, body: "blue" });
    await scene.until(
      "the later cluster to be gone",
      async () => !(await scene.envoy.admin.clusterNames()).includes("back"),
    );
    assert.deepEqual((await load.stop()).failures, []);
  });

  Deno.test(`a rollout goes to one node, and on or back by its word, ${mode}`, async () => {
    await using scene = await Scene.start({ mode, nodeId: "steady" });
    await using canary = await scene.startEnvoy({ nodeId: "canary" });
    const web = (body: string, more: Resource = {}) =>
      listener("web", {
        port: scene.port,
        manager: { ...inlineRoutes({ prefix: "/", status: 200, body }), ...more },
      });
    const holds = async (envoy: Scene["envoy"], body: string) =>
      JSON.stringify(await envoy.admin.configDump("Listeners")).includes(`"${body}"`);
    const rollout = (id: string) => mustCall(scene.ads, { path: `/v1/rollouts/${id}` });
    const start = async (resource: Resource) => {
      const query = "&rollout=id=canary&soak=1s";
      const started = await postApply(scene.ads, [resource], { query });
      return (started.rollout as { readonly id: string }).id;
    };
    await postApply(scene.ads, [web("first")]);
    await scene.until(
      "both to have the first",
      async () => await holds(scene.envoy, "first") && await holds(canary, "first"),
    );

    const good = await start(web("second"));
    await scene.until("the canary to have the second", () => holds(canary, "second"));
    assert.equal((await rollout(good)).status, "canary");
    assert.equal(await holds(scene.envoy, "second"), false);
    await scene.until("all to have the second", () => holds(scene.envoy, "second"));
    assert.equal((await rollout(good)).status, "promoted");

    // Nothing but Envoy finds that the path of a log must be one that it can open.
    const unusable = {
      access_log: [{
        name: "envoy.access_loggers.file",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
          path: "/nowhere/to/be/found",
        },
      }],
    };
    const bad = await start(web("third", unusable));
    await scene.until(
      "the rollout to be taken back",
      async () => (await rollout(bad)).status === "reverted",
    );
    assert.match(String((await rollout(bad)).why), /canary rejected web: .*nowhere/s);
    const rejected = "listener_manager.lds.update_rejected";
    assert.equal(await canary.admin.stat(rejected), 1);
    await staysTrue(async () => await scene.envoy.admin.stat(rejected) === 0, {
      what: "the steady node never sees it",
      forMs: 200,
    });
    assert.equal(await holds(scene.envoy, "second") && await holds(canary, "second"), true);
  });
}
