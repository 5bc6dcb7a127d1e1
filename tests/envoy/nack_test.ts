// SPDX-License-Identifier: Apache-2.0
// What only a real Envoy finds wrong: it is rejected once, told everywhere in Envoy's words, holds
// nothing else up, is not spread, and heals.
import assert from "node:assert/strict";
import { type Backend, freePort, startBackend, type XdsMode } from "../support/mod.ts";
import { clientStatus, metric, resourceStatus } from "./ads_status.ts";
import {
  cluster,
  endpoints,
  inlineRoutes,
  listener,
  rds,
  type Resource,
  routeConfig,
  routesTo,
} from "./resources.ts";
import { Scene } from "./scene.ts";

const modes: readonly XdsMode[] = ["ads-delta", "ads-sotw", "separate-delta", "separate-sotw"];

/** A file of the folder that becomes bad and is mended. */
interface BadChange {
  /** Plural of its type. */
  readonly type: string;
  /** Name of the resource. */
  readonly name: string;
  /** The file that holds it. */
  readonly file: string;
  /** Counter of Envoy that a rejection raises. */
  readonly counter: string;
  /** Part of Envoy's words. */
  readonly words: RegExp;
  /** There was an accepted version of the resource before. */
  readonly hadPredecessor: boolean;
  /** What Envoy rejects. */
  bad(mesh: Mesh): Resource;
  /** What it is mended with. */
  mended(mesh: Mesh): Resource;
}

/** What the resources of a scene refer to. */
interface Mesh {
  readonly mode: XdsMode;
  /** Port of the listener `web`, which is broken. */
  readonly port: number;
  /** Port of the listener `other`, which goes on. */
  readonly otherPort: number;
  /** Port for a mended listener. */
  readonly sparePort: number;
  readonly blue: Backend;
  readonly green: Backend;
}

const tooLarge = { minimum_ring_size: 2048, maximum_ring_size: 1024 };
const fitting = { minimum_ring_size: 1024, maximum_ring_size: 2048 };

const changes: Readonly<Record<string, BadChange>> = {
  "a listener with a script that does not compile": {
    type: "listeners",
    name: "web",
    file: "web.yaml",
    counter: "listener_manager.lds.update_rejected",
    words: /script load error/,
    hadPredecessor: true,
    bad: (mesh) => scripted(mesh, "function ("),
    mended: (mesh) => scripted(mesh, "function envoy_on_request(handle) end"),
  },
  "a new listener on an address that is taken": {
    type: "listeners",
    name: "clash",
    file: "clash.yaml",
    counter: "listener_manager.lds.update_rejected",
    words: /duplicate address/,
    hadPredecessor: false,
    bad: ({ port }) => clashing(port),
    mended: ({ sparePort }) => clashing(sparePort),
  },
  "a cluster with a ring that cannot be": {
    type: "clusters",
    name: "front",
    file: "front.yaml",
    counter: "cluster_manager.cds.update_rejected",
    words: /minimum_ring_size/,
    hadPredecessor: true,
    bad: ({ mode }) => ringed(mode, tooLarge),
    mended: ({ mode }) => ringed(mode, fitting),
  },
  "a new cluster with a ring that cannot be": {
    type: "clusters",
    name: "ring",
    file: "ring.yaml",
    counter: "cluster_manager.cds.update_rejected",
    words: /minimum_ring_size/,
    hadPredecessor: false,
    bad: ({ mode }) => ({ ...ringed(mode, tooLarge), name: "ring" }),
    mended: ({ mode }) => ({ ...ringed(mode, fitting), name: "ring" }),
  },
  "a route with a broken regular expression": {
    type: "routes",
    name: "web-routes",
    file: "web-routes.yaml",
    counter: "http.web.rds.web-routes.update_rejected",
    words: /missing \)/,
    hadPredecessor: true,
    bad: () => matching("/("),
    mended: () => matching("/(.*)"),
  },
  "endpoints whose address is a name": {
    type: "endpoints",
    name: "front",
    file: "front-endpoints.yaml",
    counter: "cluster.front.update_rejected",
    words: /malformed IP address/,
    hadPredecessor: true,
    bad: ({ blue }) => addressed("no-ip.example", blue.port),
    mended: ({ blue }) => addressed("127.0.0.1", blue.port, 7),
  },
};

for (const mode of modes) {
  Deno.test(`a rejected resource disturbs nothing else and heals, ${mode}`, async (t) => {
    await using blue = startBackend("blue");
    await using green = startBackend("green");
    await using scene = await Scene.start({ mode });
    const { port } = scene;
    const mesh = { mode, port, otherPort: freePort(), sparePort: freePort(), blue, green };
    const rounds = new Rounds(scene, mesh);
    await writeGood(scene, mesh);
    await rounds.next();
    await scene.untilAnswers({ status: 200, body: "blue" });
    for (const [name, change] of Object.entries(changes)) {
      await t.step({
        name,
        fn: () => rejectAndMend({ scene, mesh, rounds, change }),
        // What the scene has under way ends with the scene: the whole test is checked.
        sanitizeOps: false,
        sanitizeResources: false,
      });
    }
  });
}

async function rejectAndMend({ scene, mesh, rounds, change }: {
  readonly scene: Scene;
  readonly mesh: Mesh;
  readonly rounds: Rounds;
  readonly change: BadChange;
}): Promise<void> {
  const { type, name, file, words, counter } = change;
  const rejections = () => scene.envoy.admin.stat(counter);
  const nacks = () => metric(scene.ads, "ads_nacks_total");
  const before = { rejections: await rejections(), nacks: await nacks() };
  const good = await resourceStatus(scene.ads, { type, name });

  await scene.write(file, [change.bad(mesh)]);
  await scene.until("Envoy to reject it", async () => await rejections() > before.rejections);
  const status = await scene.until("ads to show it", async () => {
    const shown = await resourceStatus(scene.ads, { type, name });
    return shown?.status === "error" && shown;
  });
  assert.match(status.rejection?.message ?? "", words);
  assert.equal(status.acceptedVersion, good?.acceptedVersion);
  const { "@type": typeUrl } = change.bad(mesh);
  await assertToldByCsds(scene, { typeUrl: String(typeUrl), name, words });
  assert.equal(await metric(scene.ads, "ads_rejected_resources"), 1);

  // The same round twice: what else changes arrives, and what was rejected does not come again.
  for (let round = 0; round < 2; round++) await rounds.next();
  assert.equal((await scene.ask()).body, "blue");
  assert.equal(await rejections(), before.rejections + 1, scene.lastWords());
  assert.equal(await nacks(), before.nacks + 1, scene.lastWords());

  await assertFreshEnvoy(scene, change);
  const mended = change.mended(mesh);
  const rejected = { rejections: await rejections(), nacks: await nacks() };
  await scene.write(file, [mended]);
  await scene.until("the mended one to be accepted", async () => {
    const shown = await resourceStatus(scene.ads, { type, name });
    return shown?.status === "synced" && shown.acceptedVersion !== good?.acceptedVersion;
  });
  await rounds.next();
  assert.equal((await scene.ask()).body, "blue");
  assert.equal(await metric(scene.ads, "ads_rejected_resources"), 0);
  assert.deepEqual({ rejections: await rejections(), nacks: await nacks() }, rejected);
}

async function assertToldByCsds(
  scene: Scene,
  { typeUrl, name, words }: {
    readonly typeUrl: string;
    readonly name: string;
    readonly words: RegExp;
  },
): Promise<void> {
  const resources = await clientStatus(scene.ads);
  const bad = resources.find((each) =>
    each.typeUrl === typeUrl && each.name === name && each.clientStatus === "NACKED"
  );
  assert.equal(bad?.configStatus, "ERROR", JSON.stringify(resources));
  assert.match(bad?.errorState?.details ?? "", words);
}

/** An Envoy that comes now gets the last accepted version, if there is one. */
async function assertFreshEnvoy(scene: Scene, { hadPredecessor, counter }: BadChange) {
  await using fresh = await scene.startEnvoy({ nodeId: "fresh" });
  await scene.until("the fresh Envoy to have both listeners", async () => {
    const names = await fresh.admin.listenerNames();
    return names.includes("web") && names.includes("other");
  });
  const rejected = await fresh.admin.stats("update_rejected$");
  const some = [...rejected].filter(([, count]) => count > 0);
  // Where nothing was accepted before, it may be this node that can take it: it is asked once.
  assert.deepEqual(some, hadPredecessor ? [] : [[counter, 1]], fresh.child.lastWords());
}

/** Changes a resource of each type, over and over, and waits until each has arrived. */
class Rounds {
  readonly #scene: Scene;
  readonly #mesh: Mesh;
  #count = 0;

  constructor(scene: Scene, mesh: Mesh) {
    this.#scene = scene;
    this.#mesh = mesh;
  }

  async next(): Promise<void> {
    const count = ++this.#count;
    const { mode, otherPort, blue, green } = this.#mesh;
    const backend = count % 2 === 0 ? blue : green;
    const limit = 32_768 + count;
    await this.#scene.write("other.yaml", [
      listener("other", {
        port: otherPort,
        manager: rds("other-routes", mode),
        more: { per_connection_buffer_limit_bytes: limit },
      }),
      routeConfig(
        "other-routes",
        { prefix: "/spare", cluster: "spare" },
        { prefix: "/", status: 200, body: `round ${count}` },
      ),
      cluster("spare", mode, { connect_timeout: `${count}s` }),
      endpoints("spare", backend.port),
    ]);
    const other = { port: otherPort };
    await this.#scene.untilAnswers({ status: 200, body: `round ${count}` }, other);
    const spare = { ...other, path: "/spare" };
    await this.#scene.untilAnswers({ status: 200, body: backend.name }, spare);
    await this.#scene.until(`listener and cluster of round ${count}`, async () => {
      const { admin } = this.#scene.envoy;
      const listeners = JSON.stringify(await admin.configDump("Listeners"));
      const clusters = JSON.stringify(await admin.configDump("Clusters"));
      return listeners.includes(`"per_connection_buffer_limit_bytes":${limit}`) &&
        clusters.includes(`"connect_timeout":"${count}s"`);
    });
  }
}

async function writeGood(scene: Scene, { mode, port, blue }: Mesh): Promise<void> {
  await scene.write("web.yaml", [listener("web", { port, manager: rds("web-routes", mode) })]);
  await scene.write("web-routes.yaml", [routesTo("web-routes", "front")]);
  await scene.write("front.yaml", [cluster("front", mode)]);
  await scene.write("front-endpoints.yaml", [endpoints("front", blue.port)]);
}

function scripted({ mode, port }: Mesh, script: string): Resource {
  const lua = {
    name: "envoy.filters.http.lua",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
      default_source_code: { inline_string: script },
    },
  };
  return listener("web", { port, manager: rds("web-routes", mode), filters: [lua] });
}

function clashing(port: number): Resource {
  return listener("clash", { port, manager: inlineRoutes() });
}

function ringed(mode: XdsMode, sizes: Resource): Resource {
  return cluster("front", mode, { lb_policy: "RING_HASH", ring_hash_lb_config: sizes });
}

function matching(regex: string): Resource {
  const route = { match: { safe_regex: { regex } }, route: { cluster: "front" } };
  const host = { name: "everything", domains: ["*"], routes: [route] };
  return { ...routeConfig("web-routes"), virtual_hosts: [host] };
}

function addressed(address: string, port: number, weight = 1): Resource {
  const endpoint = { address: { socket_address: { address, port_value: port } } };
  const lbEndpoint = { endpoint, load_balancing_weight: weight };
  return { ...endpoints("front"), endpoints: [{ lb_endpoints: [lbEndpoint] }] };
}
