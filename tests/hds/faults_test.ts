// SPDX-License-Identifier: Apache-2.0
/**
 * What goes wrong with those who check, while what they check is well: nobody is evicted for it.
 * @module
 */
import assert from "node:assert/strict";
import { cluster, endpoints, fileText } from "../envoy/resources.ts";
import {
  type DenvoyAds,
  type DenvoyHds,
  type DenvoyHdsOptions,
  type Envoy,
  eventually,
  startBackend,
  startDenvoyAds,
  startDenvoyHds,
  staysTrue,
  TempFolder,
} from "../support/mod.ts";
import { type Json, pace, readHealth, startProber } from "./scene.ts";

/**
 * A check that passes while Envoy's runtime says not to look at the name of the service, and fails
 * whatever is checked when it says so: a prober that sees everything fail.
 */
const check: Json = {
  ...pace,
  // A machine that is busy is no reason to fail.
  timeout: "2s",
  http_health_check: { path: "/health", service_name_matcher: { exact: "nobody" } },
};
const lenient: Json = {
  layered_runtime: {
    layers: [
      { name: "static", static_layer: { "health_check.verify_cluster": 0 } },
      { name: "admin", admin_layer: {} },
    ],
  },
};

/** Four backends that are well, one that is not, and three probers. */
interface Parts {
  readonly open: AsyncDisposableStack;
  readonly bad: number;
  readonly folders: { readonly mesh: TempFolder; readonly ads: string; readonly hds: string };
  readonly ads: DenvoyAds;
  readonly hds: DenvoyHds;
}

class Scene implements AsyncDisposable {
  readonly #open: AsyncDisposableStack;
  readonly bad: number;
  readonly #folders: Parts["folders"];
  ads: DenvoyAds;
  hds: DenvoyHds;
  far: Envoy | undefined;

  private constructor(parts: Parts) {
    this.#open = parts.open;
    this.bad = parts.bad;
    this.#folders = parts.folders;
    this.ads = parts.ads;
    this.hds = parts.hds;
  }

  static async start(): Promise<Scene> {
    await using opening = new AsyncDisposableStack();
    const backends = Array.from({ length: 4 }, () => opening.use(startBackend("good")));
    const bad = opening.use(
      startBackend("bad", { respond: () => new Response("", { status: 503 }) }),
    );
    const ports = backends.map(({ port }) => port);
    const resources = fileText([
      cluster("web", "ads-delta", { health_checks: [check] }),
      endpoints("web", ...ports, bad.port),
    ]);
    const mesh = opening.use(await TempFolder.create({ "mesh.json": resources }));
    const data = opening.use(await TempFolder.create());
    const folders = { mesh, ads: data.file("ads"), hds: data.file("hds") };
    const ads = await startDenvoyAds({ resources: mesh.path, dataDir: folders.ads });
    const hds = await startDenvoyHds({ ...hdsOptions(ads), dataDir: folders.hds });
    const open = opening.move();
    return new Scene({ open, bad: bad.port, folders, ads, hds });
  }

  async startProbers(): Promise<void> {
    const hds = this.hds.grpcAddress;
    this.#open.use(await startProber("near-1", { hds, more: lenient }));
    this.#open.use(await startProber("near-2", { hds, more: lenient }));
    await this.startFar();
  }

  /** The prober that can be cut off. */
  async startFar(): Promise<void> {
    await this.far?.[Symbol.asyncDispose]();
    this.far = await startProber("far", { hds: this.hds.grpcAddress, more: lenient });
  }

  async cutOff(isCutOff: boolean): Promise<void> {
    const value = isCutOff ? 100 : 0;
    await this.far?.admin.post(`/runtime_modify?health_check.verify_cluster=${value}`);
  }

  async restartHds(): Promise<void> {
    await this.hds.crash();
    const { grpcAddress } = this.hds;
    await this.hds[Symbol.asyncDispose]();
    const options = { ...hdsOptions(this.ads), dataDir: this.#folders.hds, grpcAddress };
    this.hds = await startDenvoyHds(options);
  }

  async restartAds(): Promise<void> {
    const { grpcAddress, httpAddress } = this.ads;
    await this.ads[Symbol.asyncDispose]();
    const { mesh, ads: dataDir } = this.#folders;
    this.ads = await startDenvoyAds({ resources: mesh.path, dataDir, grpcAddress, httpAddress });
  }

  /** Whether the four are in, and the one is not. */
  async isRight(): Promise<boolean> {
    const found = await readHealth(this.hds.httpUrl);
    return found.length === 5 &&
      found.every(({ address, health }) =>
        address.endsWith(`:${this.bad}`) ? health === "UNHEALTHY" : health === "HEALTHY"
      );
  }

  /** The health of the bad endpoint as ads serves it. */
  async servedHealthOfBad(): Promise<string | undefined> {
    const response = await fetch(`${this.ads.httpUrl}/v3/discovery:endpoints`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ node: { id: "test" }, resource_names: ["web"] }),
    });
    const text = await response.text();
    const [, health] = new RegExp(`${this.bad}\\D.*?"(UNHEALTHY|HEALTHY)"`).exec(text) ?? [];
    return health;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.far?.[Symbol.asyncDispose]();
    await this.hds[Symbol.asyncDispose]();
    await this.ads[Symbol.asyncDispose]();
    await this.#open.disposeAsync();
  }
}

function hdsOptions({ grpcAddress, httpAddress, httpUrl }: DenvoyAds): DenvoyHdsOptions {
  return {
    flags: [
      ...["--ads", grpcAddress, "--ads-url", httpUrl, "--report-interval", "300ms"],
      ...["--verdict-ttl", "30s"],
    ],
    connects: [grpcAddress, httpAddress],
  };
}

Deno.test("nobody is evicted for what goes wrong with those who check", async (t) => {
  await using scene = await Scene.start();
  await scene.startProbers();
  const rightSoon = () =>
    eventually(() => scene.isRight(), {
      what: "all verdicts to be right",
      withinMs: 40_000,
      detail: () => scene.hds.child.lastWords(),
    });
  const staysRight = (forMs: number) =>
    staysTrue(() => scene.isRight(), { what: "all verdicts are right", forMs });
  await rightSoon();

  await t.step("one of three probers is cut off", async () => {
    await scene.cutOff(true);
    await eventually(async () => {
      const { probers } = await readProbers(scene.hds.httpUrl);
      return probers.find(({ name }) => name === "far")?.doubted;
    }, { what: "the prober to be doubted", withinMs: 40_000 });
    await staysRight(700);
    await scene.cutOff(false);
  });

  await t.step("a prober is killed, and comes back", async () => {
    scene.far?.child.kill("SIGKILL");
    await staysRight(700);
    await scene.startFar();
    await staysRight(700);
  });

  await t.step("hds is killed, and comes back: nothing is forgotten", async () => {
    await scene.restartHds();
    await rightSoon();
    assert.equal(await scene.servedHealthOfBad(), "UNHEALTHY");
    await staysRight(1000);
  });

  await t.step("ads is away, and comes back with nothing", async () => {
    await scene.ads.crash();
    await staysRight(700);
    await scene.restartAds();
    await eventually(async () => await scene.servedHealthOfBad() === "UNHEALTHY", {
      what: "ads to be told again",
      withinMs: 30_000,
      detail: () => scene.hds.child.lastWords(),
    });
    await staysRight(500);
  });
});

async function readProbers(
  httpUrl: string,
): Promise<{ readonly probers: readonly { readonly name: string; readonly doubted: boolean }[] }> {
  const response = await fetch(`${httpUrl}/v1/probers`);
  return await response.json();
}
