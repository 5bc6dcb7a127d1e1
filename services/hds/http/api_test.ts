// SPDX-License-Identifier: Apache-2.0
/**
 * The API on a real port, over verdicts in memory.
 * @module
 */
import assert from "node:assert/strict";
import { silentLogger } from "@denvoy/base";
import { FakeClock, RecordingLogger } from "@denvoy/base/testing";
import { type HttpServer, Metrics, Readiness, serveApi, systemClock } from "@denvoy/runtime";
import { ApiClusters } from "../api_clusters.ts";
import { MemoryHealthStore } from "../domain/memory_store.ts";
import { cluster, endpoint } from "../domain/testing.ts";
import { HealthControl } from "../health_control.ts";
import { apiRoutes } from "./api_routes.ts";

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

class World implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly control: HealthControl;
  readonly apiClusters: ApiClusters;
  #server: HttpServer | undefined;

  constructor(store = new MemoryHealthStore()) {
    const { clock } = this;
    this.control = new HealthControl({
      policy: { mode: "spread", probers: 3, maxPerProber: 100 },
      verdicts: {
        ...{ agreement: "majority", rise: 1, fall: 1, reportIntervalMs: 1000, doubtFrom: 0 },
        ...{ keepShare: 0, flapLimit: 0, flapWindowMs: 0, flapHoldMs: 0 },
      },
      sources: ["files", "api"],
      ...{ store, clock, logger: silentLogger },
    });
    const web = cluster("web", ["10.0.0.1:80", "10.0.0.2:80"]);
    this.control.setClusters("files", new Map([["web", web]]));
    this.apiClusters = new ApiClusters({
      store,
      read: {
        ...{ source: "api", moreExtensions: [], envoyFacts: new Set() },
        defaultCheck: { kind: "none", path: "", intervalMs: 1, timeoutMs: 1, rise: 1, fall: 1 },
      },
      onClusters: (clusters) => this.control.setClusters("api", clusters),
    });
  }

  static async start(store?: MemoryHealthStore): Promise<World> {
    const world = new World(store);
    const { control, apiClusters } = world;
    world.#server = await serveApi({
      address: { kind: "tcp", hostname: "127.0.0.1", port: 0 },
      routes: apiRoutes({ control, apiClusters }),
      info: { title: "test", description: "", version: "0" },
      hosts: [],
      openMetrics: true,
      readiness: new Readiness(systemClock),
      metrics: new Metrics({ service: "hds", clock: systemClock }),
      logger: new RecordingLogger(),
      clock: systemClock,
    });
    return world;
  }

  /** Connects a prober, which says this of both endpoints for four intervals. */
  probe(...healths: readonly ("HEALTHY" | "UNHEALTHY")[]): void {
    const arrival = { node: undefined, peerAddress: "10.0.0.9:1" };
    const capability = { healthCheckProtocols: [0, 1] };
    const session = this.control.join({ ...arrival, capability });
    this.clock.advance(2000);
    for (let count = 0; count < 4; count++) {
      this.clock.advance(1000);
      this.control.report(
        session,
        healths.map((health, index) => ({
          cluster: "web",
          probed: `10.0.0.${index + 1}:80`,
          health,
        })),
      );
    }
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`http://${this.#server?.address}${path}`, init);
  }

  async call(request: string, body?: unknown): Promise<Answer> {
    const [method = "", path = ""] = request.split(" ");
    const isText = typeof body === "string";
    const response = await this.fetch(path, {
      method,
      ...(body !== undefined && {
        body: isText ? body : JSON.stringify(body),
        headers: { "content-type": isText ? "application/yaml" : "application/json" },
      }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.control[Symbol.dispose]();
    await this.#server?.close();
  }
}

const PLACE = "/v1/health/web/10.0.0.1:80";

Deno.test("GET /v1/health shows what a name stands for, as soon as that is known", async () => {
  await using world = await World.start();
  const named = endpoint("name.internal:81", { ip: undefined });
  world.control.setClusters("files", new Map([["web", cluster("web", [named, "10.0.0.1:80"])]]));
  const resolved = async () => {
    const { body } = await world.call("GET /v1/health");
    const shown = body.endpoints as readonly Record<string, unknown>[];
    return Object.fromEntries(shown.map((one) => [one.address, one.resolved]));
  };
  const unnamed = { "10.0.0.1:80": undefined };
  assert.deepEqual(await resolved(), { "name.internal:81": undefined, ...unnamed });
  world.control.setNames(new Map([["name.internal", "2001:db8::1"]]));
  assert.deepEqual(await resolved(), { "name.internal:81": "[2001:db8::1]:81", ...unnamed });
});

Deno.test("GET /v1/health lists verdicts with why, and pages", async () => {
  await using world = await World.start();
  world.probe("HEALTHY", "UNHEALTHY");
  const { body } = await world.call("GET /v1/health");
  const [first, second] = body.endpoints as readonly Record<string, unknown>[];
  assert.deepEqual(
    { ...first, since: "" },
    {
      cluster: "web",
      address: "10.0.0.1:80",
      health: "HEALTHY",
      since: "",
      reason: "found",
      found: "HEALTHY",
      by: ["unnamed"],
      probers: [{ name: "unnamed", says: "pass" }],
      service: "web",
      source: "files",
    },
  );
  assert.equal(second?.health, "UNHEALTHY");
  const out = await world.call("GET /v1/health?health=UNHEALTHY");
  assert.equal((out.body.endpoints as readonly unknown[]).length, 1);
  const page = await world.call("GET /v1/health?limit=1");
  assert.equal((page.body.endpoints as readonly unknown[]).length, 1);
  const next = encodeURIComponent(String(page.body.next));
  const rest = await world.call(`GET /v1/health?limit=1&after=${next}`);
  assert.deepEqual(rest.body.endpoints, [second]);
  assert.equal((await world.call("GET /v1/health?limit=0")).status, 400);
  assert.equal((await world.call("GET /v1/health?health=WELL")).status, 400);
});

Deno.test("one endpoint is shown with its history; the changes of all with who found them", async () => {
  await using world = await World.start();
  world.probe("HEALTHY", "UNHEALTHY");
  const { body } = await world.call(`GET ${PLACE}`);
  const [change] = body.history as readonly Record<string, unknown>[];
  assert.deepEqual([change?.before, change?.after], ["UNKNOWN", "HEALTHY"]);
  assert.equal((await world.call("GET /v1/health/web/nowhere:1")).status, 404);
  const all = (await world.call("GET /v1/changes?limit=1")).body.changes;
  assert.deepEqual(
    (all as readonly Record<string, unknown>[]).map(({ address, after, by }) => [
      address,
      after,
      by,
    ]),
    [["10.0.0.2:80", "UNHEALTHY", ["unnamed"]]],
  );
});

Deno.test("orders of people come before findings, are kept, and can be taken back", async () => {
  const store = new MemoryHealthStore();
  await using world = await World.start(store);
  world.probe("HEALTHY", "HEALTHY");
  const order = { state: "draining", reason: "new kernel" };
  const given = await world.call(`PUT ${PLACE}/order`, order);
  assert.equal(given.status, 200);
  assert.deepEqual([given.body.health, given.body.reason], ["DRAINING", "order"]);
  assert.equal(store.orders()[0]?.order.who, "anonymous");

  await using again = await World.start(store);
  assert.equal((await again.call(`GET ${PLACE}`)).body.health, "DRAINING");
  assert.equal((await again.call(`DELETE ${PLACE}/order`)).body.health, "HEALTHY");
  assert.deepEqual(store.orders(), []);

  for (
    const body of [{ state: "off" }, {}, { state: "up", why: "x" }, { state: "up", reason: 1 }]
  ) {
    assert.equal((await world.call(`PUT ${PLACE}/order`, body)).status, 400, JSON.stringify(body));
  }
  assert.equal((await world.call("PUT /v1/health/web/x:1/order", order)).status, 404);
});

Deno.test("clusters of the API are checked, kept, refused with all that is wrong, and removed", async () => {
  const store = new MemoryHealthStore();
  await using world = await World.start(store);
  const text = (check: string) => `
name: api
load_assignment: {cluster_name: api, endpoints: [{lb_endpoints: [
  {endpoint: {address: {socket_address: {address: 10.1.0.1, port_value: 80}}}}]}]}
health_checks: [{interval: 1s, timeout: 1s, healthy_threshold: 1, unhealthy_threshold: 1, ${check}}]
`;
  assert.equal(
    (await world.call("PUT /v1/clusters/api", text("tcp_health_check: {}"))).status,
    200,
  );
  const { body } = await world.call("GET /v1/clusters");
  assert.deepEqual(
    (body.clusters as readonly Record<string, unknown>[]).map(({ name, source }) => [name, source]),
    [["api", "api"], ["web", "files"]],
  );
  const wrong = "tcp_health_check: {send: {text: hello}}";
  const refused = await world.call("PUT /v1/clusters/api", text(wrong));
  assert.equal(refused.status, 400);
  assert.match(JSON.stringify(refused.body), /must be pairs of hexadecimal digits/);
  assert.equal(
    (await world.call("PUT /v1/clusters/other", text("tcp_health_check: {}"))).status,
    400,
  );
  assert.equal((await world.call("PUT /v1/clusters/bare", "name: bare")).status, 400);

  await using again = await World.start(store);
  assert.ok(again.control.pool.clusters.has("api"));
  assert.equal((await again.call("DELETE /v1/clusters/api")).status, 204);
  assert.equal((await again.call("DELETE /v1/clusters/api")).status, 404);
  assert.equal(again.control.pool.clusters.has("api"), false);
});

Deno.test("GET /v1/probers tells who checks and how they do", async () => {
  await using world = await World.start();
  world.probe("HEALTHY", "HEALTHY");
  const { body } = await world.call("GET /v1/probers");
  const [prober] = body.probers as readonly Record<string, unknown>[];
  const { name, connected, silent, doubted, endpoints } = prober ?? {};
  assert.deepEqual({ name, connected, silent, doubted, endpoints }, {
    ...{ name: "unnamed", connected: true, silent: false, doubted: false, endpoints: 2 },
  });
});

Deno.test("GET /v1/watch begins with what there is, and tells of changes", async () => {
  await using world = await World.start();
  const gone = new AbortController();
  const response = await world.fetch("/v1/watch?all&cluster=web", { signal: gone.signal });
  const lines = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const until = async (pattern: RegExp) => {
    while (!pattern.test(text)) text += (await lines?.read())?.value ?? "";
  };
  await until(/"event":"ready"/);
  assert.equal(text.match(/"event":"endpoint"/g)?.length, 2);
  world.probe("HEALTHY", "UNHEALTHY");
  await until(/"event":"change".*"after":"UNHEALTHY"/s);
  world.control.setClusters("files", new Map([["web", cluster("web", ["10.0.0.1:80"])]]));
  await until(/"event":"removed".*10\.0\.0\.2:80/s);
  gone.abort();
  await lines?.cancel().catch(() => {});
});
