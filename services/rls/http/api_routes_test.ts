// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { FakeClock, RecordingLogger } from "@denvoy/base/testing";
import { type HttpServer, Metrics, Readiness, serveApi, systemClock } from "@denvoy/runtime";
import { MemoryCounterStore } from "../adapters/memory_counter_store.ts";
import { CounterAccess } from "../counter_access.ts";
import { Sightings } from "../domain/sightings.ts";
import { limitsOf } from "../domain/testing.ts";
import { RlsInstruments } from "../metrics.ts";
import { RateLimiter } from "../rate_limiter.ts";
import { referenceCounts } from "../reference_counts.ts";
import { apiRoutes } from "./api_routes.ts";

const set = limitsOf(`
domain: d
descriptors:
  - { key: k, rate_limit: { unit: minute, requests_per_unit: 1, name: one }, metadata: { a: 1 } }
  - { key: k, value: v, shadow_mode: true, rate_limit: 5 per 15 minutes }
  - { key: free, rate_limit: { unlimited: true } }
  - { key: two, rate_limit: [2/second, { unit: hour, requests_per_unit: 3, name: hourly }] }
`);

/** The routes on a real port, over counters in memory; time stands still at a full minute. */
class World implements AsyncDisposable {
  readonly #server: HttpServer;
  ready = true;

  static async start(): Promise<World> {
    const clock = new FakeClock();
    const metrics = new Metrics({ service: "rls", clock });
    const instruments = new RlsInstruments(metrics);
    const store = new MemoryCounterStore();
    const limits = () => set;
    const sightings = new Sightings({ hotKeys: 2 });
    const nowMs = () => clock.nowMs();
    const counters = new CounterAccess({ limits, stores: [store], clock, keyPrefix: "" });
    const limiter = new RateLimiter({
      ...{ limits, store, local: store, clock, instruments, sightings },
      settings: {
        ...{ shadowMode: false, quotaMode: false, nearRatio: 0.8, atomic: "each", keyPrefix: "" },
        ...{ timeoutMs: 20, onStoreFailure: "error" },
      },
    });
    const names = { limit: "L", remaining: "R", reset: "T" };
    const responses = { headers: { style: "separate", ...names }, dynamicMetadata: true } as const;
    const holder: { world?: World } = {};
    const isReady = () => holder.world?.ready ?? false;
    const server = await serveApi({
      address: { kind: "tcp", hostname: "127.0.0.1", port: 0 },
      routes: apiRoutes({
        ...{ limiter, limits, isReady, instruments, responses, sightings, counters },
        ...{ nowMs, logger: new RecordingLogger() },
        counts: () =>
          referenceCounts({ instruments, store, nearCache: undefined, sightings, nowMs }),
        process: () => ({ args: ["rls"], memory: {} }),
      }),
      info: { title: "test", description: "", version: "0" },
      hosts: [],
      openMetrics: true,
      readiness: new Readiness(systemClock),
      metrics,
      logger: new RecordingLogger(),
      clock: systemClock,
    });
    return holder.world = new World(server);
  }

  private constructor(server: HttpServer) {
    this.#server = server;
  }

  async get(path: string): Promise<readonly [status: number, body: string]> {
    const response = await fetch(`http://${this.#server.address}${path}`);
    return [response.status, await response.text()];
  }

  async send(
    path: string,
    init: RequestInit,
  ): Promise<readonly [status: number, body: string]> {
    const response = await fetch(`http://${this.#server.address}${path}`, init);
    return [response.status, await response.text()];
  }

  async post(path: string, body: unknown): Promise<readonly [status: number, body: string]> {
    const response = await fetch(`http://${this.#server.address}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return [response.status, await response.text()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
  }
}

function request(key: string, value = "x") {
  return { domain: "d", descriptors: [{ entries: [{ key, value }] }] };
}

Deno.test("POST /json decides as the RPC does, with the reference's statuses and names", async () => {
  await using world = await World.start();
  const [status, body] = await world.post("/json", request("k"));
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(body), {
    overallCode: "OK",
    statuses: [{
      code: "OK",
      currentLimit: { name: "one", requestsPerUnit: 1, unit: "MINUTE" },
      durationUntilReset: "60s",
    }],
    responseHeadersToAdd: [
      { key: "L", value: "1" },
      { key: "R", value: "0" },
      { key: "T", value: "60" },
    ],
    dynamicMetadata: { domain: "d", descriptors: [{ entries: ["k=x"] }], metadata: { a: 1 } },
  });
  const [over, text] = await world.post("/json", request("k"));
  assert.deepEqual([over, JSON.parse(text).overallCode], [429, "OVER_LIMIT"]);
});

Deno.test("/json answers any method, as envoyproxy/ratelimit does", async () => {
  await using world = await World.start();
  for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
    const body = JSON.stringify(request("free"));
    const [status, text] = await world.send("/json", { method, body });
    assert.deepEqual([method, status, JSON.parse(text).overallCode], [method, 200, "OK"]);
  }
  // Nobody sends a body with GET: without one it is no request.
  assert.equal((await world.get("/json"))[0], 400);
});

Deno.test("GET /stats has the names of envoyproxy/ratelimit", async () => {
  await using world = await World.start();
  for (let count = 0; count < 3; count++) await world.post("/json", request("k"));
  await world.post("/json", { ...request("k"), domain: "gone" });
  const lines = (await world.get("/stats"))[1].split("\n");
  assert.deepEqual(lines.slice(0, 2), ['cmdline: ["rls"]', "memstats: {}"]);
  for (
    const line of [
      "ratelimit.service.rate_limit.d.k.total_hits: 3",
      "ratelimit.service.rate_limit.d.k.within_limit: 1",
      "ratelimit.service.rate_limit.d.k.over_limit: 2",
      "ratelimit.service.rate_limit.gone.domain_not_found: 1",
      "ratelimit.service.call.should_rate_limit.service_error: 0",
      "ratelimit_server.ShouldRateLimit.total_requests: 4",
    ]
  ) assert.ok(lines.includes(line), `${line} in\n${lines.join("\n")}`);
});

Deno.test("POST /json answers 400 to what it cannot decide on", async () => {
  await using world = await World.start();
  const rows: readonly (readonly [body: unknown, answer: RegExp])[] = [
    [{ domain: "d", descriptors: [] }, /^descriptors must not be empty$/],
    [{ domain: "d", descriptor: [] }, /descriptor/],
    [{ ...request("k"), descriptors: [{ limit: { requestsPerUnit: 1 } }] }, /must be a known unit/],
  ];
  for (const [body, answer] of rows) {
    const [status, text] = await world.post("/json", body);
    assert.equal(status, 400);
    assert.match(text, answer);
  }
});

Deno.test("GET /rlconfig has one line for each limit", async () => {
  await using world = await World.start();
  assert.deepEqual((await world.get("/rlconfig"))[1].trimEnd().split("\n"), [
    "d.k: unit=MINUTE requests_per_unit=1, shadow_mode: false, quota_mode: false",
    "d.k_v: unit=MINUTE unit_multiplier=15 requests_per_unit=5, shadow_mode: true, quota_mode: false",
    "d.free: unlimited, shadow_mode: false, quota_mode: false",
    "d.two: unit=SECOND requests_per_unit=2, shadow_mode: false, quota_mode: false",
    "d.two: unit=HOUR requests_per_unit=3, shadow_mode: false, quota_mode: false",
  ]);
});

Deno.test("GET /healthcheck is 200 OK when ready and 500 without a body when not", async () => {
  await using world = await World.start();
  assert.deepEqual(await world.get("/healthcheck"), [200, "OK"]);
  world.ready = false;
  assert.deepEqual(await world.get("/healthcheck"), [500, ""]);
});

Deno.test("GET /v1/limits shows rules with what was counted of them", async () => {
  await using world = await World.start();
  for (let count = 0; count < 3; count++) await world.post("/json", request("k"));
  const [, body] = await world.get("/v1/limits?domain=d");
  const [rule, shadow] = JSON.parse(body).limits;
  assert.equal(rule.rule, "d.k");
  assert.deepEqual([rule.counts.total, rule.counts.within, rule.counts.over], [3, 1, 2]);
  assert.deepEqual([shadow.limit.unit_multiplier, shadow.counts.total], [15, 0]);
  assert.deepEqual(JSON.parse((await world.get("/v1/limits?domain=x"))[1]), { limits: [] });
});

Deno.test("POST /v1/explain says which rule matches and why not the others, and counts nothing", async () => {
  await using world = await World.start();
  const [status, body] = await world.post("/v1/explain", request("k", "v"));
  const [{ summary, match, steps }] = JSON.parse(body).descriptors;
  assert.equal(status, 200);
  assert.equal(summary, "d.k_v: 5 per 15 minutes, fixed-window");
  assert.equal(match.counter_key, "d_k_v_");
  const [, two] = await world.post("/v1/explain", request("two"));
  const [{ match: several }] = JSON.parse(two).descriptors;
  assert.equal(several.counter_key, "d_two_x_1s_");
  assert.equal(several.also[0].counter_key, "d_two_x_3600s_");
  assert.equal(steps[0].candidates[0].why, "a rule for this value comes first");
  assert.equal(JSON.parse((await world.get("/v1/limits"))[1]).limits[0].counts.total, 0);
});

Deno.test("GET /v1/limits shows the hottest keys of each limit and how near they are", async () => {
  await using world = await World.start();
  const rows = { a: 1, b: 4, c: 2 };
  for (const [value, times] of Object.entries(rows)) {
    for (let count = 0; count < times; count++) await world.post("/json", request("two", value));
  }
  const { limits } = JSON.parse((await world.get("/v1/limits"))[1]);
  const hourly = limits.find(({ window }: { readonly window?: string }) => window === "hourly");
  assert.deepEqual(hourly.hot_keys, [
    {
      entries: [{ key: "two", value: "b" }],
      ...{ recent_hits: 4, remaining: 1, used: 0.667, resets_in_seconds: 3600 },
    },
    {
      entries: [{ key: "two", value: "c" }],
      ...{ recent_hits: 2, remaining: 1, used: 0.667, resets_in_seconds: 3600 },
    },
  ]);
});

Deno.test("/v1/counters reads and empties the counters of one descriptor", async () => {
  await using world = await World.start();
  for (let count = 0; count < 3; count++) await world.post("/json", request("two"));
  const used = async (path: string) => {
    const { counters } = JSON.parse((await world.get(path))[1]);
    return counters.map((one: Readonly<Record<string, unknown>>) => [one.window, one.used]);
  };
  const path = "/v1/counters?domain=d&entry=two=x";
  assert.deepEqual(await used(path), [["second", 2], ["hourly", 2]]);
  const [status, body] = await world.send(path, { method: "DELETE" });
  const { rule, counters } = JSON.parse(body);
  assert.deepEqual([status, rule, counters[0].remaining], [200, "d.two", 2]);
  assert.deepEqual(await used(path), [["second", 0], ["hourly", 0]]);
  assert.equal((await world.post("/json", request("two")))[0], 200);
});

Deno.test("/v1/counters says what it cannot find", async () => {
  await using world = await World.start();
  const rows: readonly (readonly [query: string, status: number, message: RegExp])[] = [
    ["", 400, /domain and at least one entry must be given/],
    ["?domain=d&entry=two", 400, /entry must be like key=value: is \\"two\\"/],
    ["?domain=d&entry=nobody=x", 404, /no limit counts this descriptor: no rule/],
    ["?domain=x&entry=two=x", 404, /domain not found/],
    ["?domain=d&entry=free=x", 404, /unlimited/],
  ];
  for (const [query, status, message] of rows) {
    const [found, body] = await world.get(`/v1/counters${query}`);
    assert.equal(found, status, query);
    assert.match(body, message);
  }
});

Deno.test("GET /v1/unmatched lists descriptors without a limit by domain and keys", async () => {
  await using world = await World.start();
  for (const value of ["a", "b"]) await world.post("/json", request("nobody", value));
  await world.post("/json", { ...request("k"), domain: "other" });
  await world.post("/json", request("k"));
  const { unmatched } = JSON.parse((await world.get("/v1/unmatched"))[1]);
  const shown = unmatched.map((
    { domain, keys, why, count }: Readonly<Record<string, unknown>>,
  ) => [domain, keys, why, count]);
  assert.deepEqual(shown, [["d", ["nobody"], "no rule", 2], [
    "other",
    ["k"],
    "domain not found",
    1,
  ]]);
  const filtered = await world.get("/v1/unmatched?why=no+rule&domain=other");
  assert.deepEqual(JSON.parse(filtered[1]), { unmatched: [] });
});
