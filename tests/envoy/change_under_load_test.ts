// SPDX-License-Identifier: Apache-2.0
// Changes while requests are under way: none of them fails.
import assert from "node:assert/strict";
import { assertNoFailures, type Load, staysTrue, type XdsMode } from "../support/mod.ts";
import { metric, nodeStatus } from "./ads_status.ts";
import { startBackends } from "./backends.ts";
import { postApply } from "./http_api.ts";
import { simpleMesh } from "./mesh_files.ts";
import { cluster, endpoints, type Resource, routeConfig, routesTo } from "./resources.ts";
import { Scene } from "./scene.ts";

const aggregated: readonly XdsMode[] = ["ads-delta", "ads-sotw"];
const streamed: readonly XdsMode[] = [...aggregated, "separate-delta", "separate-sotw"];

/** Ways to make a whole change: cluster, endpoints and route at once. */
type Writer = (scene: Scene, files: Readonly<Record<string, readonly Resource[]>>) => Promise<void>;

const writers: Readonly<Record<string, Writer>> = {
  "in one file": async (scene, files) => {
    await scene.write("all.yaml", Object.values(files).flat());
  },
  "in a file per type": (scene, files) => scene.writeTogether(files),
  "with POST /v1/apply": async (scene, files) => {
    await postApply(scene.ads, Object.values(files).flat(), { prune: true });
  },
};

for (const mode of aggregated) {
  for (const [how, write] of Object.entries(writers)) {
    Deno.test(`a cluster is swapped ${how} under 500 requests/s, ${mode}`, async () => {
      await using backends = await startBackends("swap-0", "swap-1");
      await using scene = await Scene.start({ mode });
      const swap = (number: number) =>
        write(
          scene,
          simpleMesh({
            mode,
            port: scene.port,
            target: `cluster-${number}`,
            backend: backends.ports[number % 2 === 0 ? "swap-0" : "swap-1"],
          }),
        );
      await swap(0);
      await scene.untilAnswers({ status: 200, body: "swap-0" });
      await using load = scene.load(500);
      for (let number = 1; number <= 6; number++) {
        await swap(number);
        await untilAnswered(scene, load, `swap-${number % 2}`);
        await scene.until("the old cluster to be gone", async () => {
          const names = await scene.envoy.admin.clusterNames();
          return names.length === 2 && names.includes(`cluster-${number}`);
        });
      }
      await assertNoneFailed(scene, load);
      await assertNothingRejected(scene);
    });
  }
}

for (const mode of streamed) {
  Deno.test(`ads is killed and comes back under load, ${mode}`, async () => {
    await using backends = await startBackends("blue", "green");
    await using scene = await Scene.start({ mode });
    const mesh = { mode, port: scene.port, target: "front" };
    await scene.writeTogether(simpleMesh({ ...mesh, backend: backends.ports.blue }));
    await scene.untilAnswers({ status: 200, body: "blue" });
    const counters = () => scene.envoy.admin.stats("(cluster|listener)_(added|modified|removed)$");
    const before = await counters();
    await using load = scene.load(100);

    // Nothing changed while it was away: nothing is made anew.
    await scene.crashAds();
    await untilAnswered(scene, load, "blue");
    await scene.restartAds();
    await untilSynced(scene);
    await untilAnswered(scene, load, "blue");
    assert.deepEqual(await counters(), before);

    // What changed while it was away arrives. A cluster may make way for another only where there is
    // an order among types.
    const target = aggregated.includes(mode) ? "back" : "front";
    await scene.crashAds();
    await scene.writeTogether(simpleMesh({ ...mesh, target, backend: backends.ports.green }));
    await untilAnswered(scene, load, "blue");
    await scene.restartAds();
    await untilAnswered(scene, load, "green");
    await scene.until("only the new cluster to be there", async () => {
      const names = await scene.envoy.admin.clusterNames();
      return names.length === 2 && names.includes(target);
    });
    await untilSynced(scene);
    await assertNoneFailed(scene, load);
    await assertNothingRejected(scene);
  });
}

for (const mode of streamed) {
  Deno.test(`a changed cluster does not stay warming, under load, ${mode}`, async () => {
    await using backends = await startBackends("blue");
    await using scene = await Scene.start({ mode });
    const mesh = { mode, port: scene.port, target: "front", backend: backends.ports.blue };
    await scene.writeTogether(simpleMesh(mesh));
    await scene.untilAnswers({ status: 200, body: "blue" });
    await using load = scene.load(100);
    const changes: readonly Resource[] = [
      { connect_timeout: "2s" },
      { connect_timeout: "2s", lb_policy: "LEAST_REQUEST" },
      { connect_timeout: "3s", lb_policy: "RANDOM", circuit_breakers: { thresholds: [{}] } },
      {},
    ];
    for (const [index, more] of changes.entries()) {
      await scene.write("clusters.yaml", [cluster("front", mode, more)]);
      await scene.until(`change ${index} to be active`, async () => {
        const { dynamic_active_clusters } = await scene.envoy.admin.configDump("Clusters");
        const text = JSON.stringify(dynamic_active_clusters ?? []);
        return text.includes(`"connect_timeout":"${more.connect_timeout ?? "1s"}"`) &&
          text.includes(String(more.lb_policy ?? "")) &&
          await scene.envoy.admin.stat("cluster_manager.warming_clusters") === 0;
      }, 2_000);
    }
    await assertNoneFailed(scene, load);
    await assertNothingRejected(scene);
  });
}

for (const mode of aggregated) {
  Deno.test(`a route and its cluster come together without a 503 between, ${mode}`, async () => {
    await using backends = await startBackends("blue", "green");
    await using scene = await Scene.start({ mode });
    const { blue, green } = backends.ports;
    const base = simpleMesh({ mode, port: scene.port, target: "front", backend: blue });
    await scene.writeTogether(base);
    await scene.untilAnswers({ status: 200 });
    const added: { prefix: string; cluster: string }[] = [];
    const seen = new Set<string>();
    for (let number = 0; number < 10; number++) {
      const path = `/new-${number}/`;
      added.push({ prefix: path, cluster: `new-${number}` });
      const rest = { prefix: "/", cluster: "front" };
      await scene.writeTogether({
        "routes.yaml": [routeConfig("web-routes", ...added, rest)],
        "more.yaml": [
          ...added.map((route) => cluster(route.cluster, mode)),
          ...added.map((route) => endpoints(route.cluster, green)),
        ],
      });
      await scene.until(`${path} to be answered`, async () => {
        const { status, body } = await scene.ask({ path });
        seen.add(`${status} ${body}`);
        return body === "green";
      });
    }
    assert.deepEqual([...seen].sort(), ["200 blue", "200 green"], scene.lastWords());
    await assertNothingRejected(scene);
  });
}

for (const mode of aggregated) {
  Deno.test(`50 reloads of the folder in a second end in the last, ${mode}`, async () => {
    await using backends = await startBackends("blue");
    await using scene = await Scene.start({ mode });
    const { blue } = backends.ports;
    const mesh = { mode, port: scene.port, backend: blue };
    const target = (number: number) => `cluster-${number}`;
    await scene.writeTogether(simpleMesh({ ...mesh, target: target(0) }));
    await scene.untilAnswers({ status: 200 });
    await using load = scene.load(200);
    const start = performance.now();
    for (let number = 1; number <= 50; number++) {
      await scene.writeTogether({
        "routes.yaml": [routesTo("web-routes", target(number))],
        "clusters.yaml": [cluster(target(number), mode)],
        "endpoints.yaml": [endpoints(target(number), blue)],
      });
      await scene.until(
        "the next fiftieth of a second",
        () => performance.now() - start >= number * 20,
      );
    }
    await scene.until("only the last cluster to be there", async () => {
      const names = await scene.envoy.admin.clusterNames();
      return names.length === 2 && names.includes(target(50));
    });
    await untilSynced(scene);
    await staysTrue(async () => (await scene.ask()).status === 200, {
      what: "the last state is served",
      forMs: 200,
    });
    await assertNoneFailed(scene, load);
    await assertNothingRejected(scene);
    assert.equal(await metric(scene.ads, "ads_file_problems"), 0);
  });
}

/** Waits for a few more answers of a backend under load. */
async function untilAnswered(scene: Scene, load: Load, backend: string): Promise<void> {
  const before = load.answersOf(backend);
  await scene.until(`answers of ${backend}`, () => load.answersOf(backend) >= before + 20);
}

async function assertNoneFailed(scene: Scene, load: Load): Promise<void> {
  const report = await load.stop();
  try {
    assertNoFailures(report);
  } catch (error) {
    throw new Error(scene.lastWords(), { cause: error });
  }
}

async function untilSynced(scene: Scene): Promise<void> {
  await scene.until(
    "the node to be in sync",
    async () => (await nodeStatus(scene.ads))?.status === "synced",
  );
}

async function assertNothingRejected(scene: Scene): Promise<void> {
  const rejected = await scene.envoy.admin.stats("update_rejected$");
  assert.deepEqual([...rejected].filter(([, count]) => count > 0), [], scene.lastWords());
  assert.equal(await metric(scene.ads, "ads_nacks_total"), 0, scene.lastWords());
}
