// SPDX-License-Identifier: Apache-2.0
/**
 * Verdicts on their way to sinks: real HTTP servers and files, real time.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { silentLogger } from "@denvoy/base";
import { Metrics, Readiness, systemClock } from "@denvoy/runtime";
import { AdsSink } from "./adapters/ads_sink.ts";
import { HttpClientKeys } from "./adapters/json_request.ts";
import { FileSink, WebhookSink } from "./adapters/other_sinks.ts";
import type { EndpointRecord } from "./domain/endpoint_record.ts";
import { MemoryHealthStore } from "./domain/memory_store.ts";
import { cluster, endpoint } from "./domain/testing.ts";
import { HealthControl } from "./health_control.ts";
import { hdsInstruments } from "./metrics.ts";
import { Publisher, type VerdictSink } from "./publisher.ts";

/** A server that keeps what it is sent, and answers what the test says. */
class Receiver implements AsyncDisposable {
  readonly requests: { path: string; token: string | null; body: Record<string, unknown> }[] = [];
  status = 204;
  /** Another one is a restart; until there is one, nobody answers who asks for it. */
  instance: string | undefined;
  /** How often it was asked for that. */
  asked = 0;
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const token = request.headers.get("authorization");
      const path = `${request.method} ${new URL(request.url).pathname}`;
      if (request.method === "GET") return this.#say();
      this.requests.push({ path, token, body: await request.json() });
      return new Response(null, { status: this.status });
    },
  );

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  #say(): Response {
    this.asked++;
    if (this.instance === undefined) return new Response("", { status: 503 });
    return Response.json({ instance: this.instance });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

class Scene implements AsyncDisposable {
  readonly control = new HealthControl({
    policy: { mode: "spread", probers: 3, maxPerProber: 100 },
    verdicts: {
      ...{ agreement: "majority", rise: 1, fall: 1, reportIntervalMs: 1000, doubtFrom: 0 },
      ...{ keepShare: 0, flapLimit: 0, flapWindowMs: 0, flapHoldMs: 0 },
    },
    sources: ["files"],
    store: new MemoryHealthStore(),
    clock: systemClock,
    logger: silentLogger,
  });
  readonly readiness = new Readiness(systemClock);
  readonly #publishers: Publisher[] = [];

  constructor() {
    const named = endpoint("name.internal:81", { ip: "10.0.0.9" });
    this.check(cluster("web", ["10.0.0.1:80", named], { service: "web-eds" }));
  }

  check(...clusters: readonly ReturnType<typeof cluster>[]): void {
    this.control.setClusters("files", new Map(clusters.map((item) => [item.name, item])));
  }

  publish(sink: VerdictSink): void {
    this.#publishers.push(
      new Publisher({
        sink,
        control: this.control,
        clock: systemClock,
        logger: silentLogger,
        health: this.readiness.component(sink.name),
        instruments: hdsInstruments(new Metrics({ service: "hds", clock: systemClock })),
      }),
    );
  }

  order(address: string, state: "down" | "up"): EndpointRecord {
    const order = { state, who: "ops", reason: "", atMs: 0 };
    return this.control.setOrder({ cluster: "web", address }, order);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const publisher of this.#publishers) await publisher[Symbol.asyncDispose]();
    this.control[Symbol.dispose]();
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 2000; tries++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail("it did not happen in time");
}

Deno.test("AdsSink tells ads of verdicts by load assignment, host and port, with the token", async () => {
  await using receiver = new Receiver();
  await using scene = new Scene();
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "# for ads\nsecret-token\n");
  const common = { clock: systemClock, timeoutMs: 5000 };
  scene.publish(new AdsSink({ ...common, url: receiver.url, tokenFile: file, ttlMs: 60_000 }));
  scene.order("name.internal:81", "down");
  await until(() => receiver.requests.length === 1);
  assert.deepEqual(receiver.requests[0], {
    path: "PUT /v1/endpoint-health",
    token: "Bearer secret-token",
    body: {
      ttl: "1m",
      endpoints: [{ cluster: "web-eds", address: "name.internal", port: 81, health: "unhealthy" }],
    },
  });
  // What is checked no more is taken back.
  scene.check(cluster("web", ["10.0.0.1:80"], { service: "web-eds" }));
  await until(() => receiver.requests.length === 2);
  assert.deepEqual(receiver.requests[1]?.body.endpoints, [
    { cluster: "web-eds", address: "name.internal", port: 81, health: "unknown" },
  ]);
  await Deno.remove(file);
});

Deno.test("verdicts wait for a sink that fails, and readiness says so meanwhile", async () => {
  await using receiver = new Receiver();
  await using scene = new Scene();
  receiver.status = 503;
  const common = { clock: systemClock, timeoutMs: 5000, url: receiver.url };
  scene.publish(new AdsSink({ ...common, ttlMs: 60_000 }));
  scene.order("10.0.0.1:80", "down");
  await until(() => scene.readiness.report().status === "degraded");
  scene.order("10.0.0.1:80", "up");
  receiver.status = 204;
  await until(() => scene.readiness.report().status === "ok" && receiver.requests.length > 1);
  const [last] = receiver.requests.at(-1)?.body.endpoints as readonly Record<string, unknown>[];
  assert.equal(last?.health, "healthy");
});

Deno.test("of an endpoint in several clusters the worst is told", async () => {
  await using receiver = new Receiver();
  await using scene = new Scene();
  const other = cluster("other", ["10.0.0.1:80"], { service: "web-eds" });
  scene.check(cluster("web", ["10.0.0.1:80"], { service: "web-eds" }), other);
  scene.publish(new WebhookSink({ clock: systemClock, timeoutMs: 5000, url: receiver.url }));
  scene.order("10.0.0.1:80", "down");
  const up = { state: "up", who: "ops", reason: "", atMs: 0 } as const;
  scene.control.setOrder({ cluster: "other", address: "10.0.0.1:80" }, up);
  await until(() => receiver.requests.length > 0);
  const endpoints = receiver.requests.at(-1)?.body.endpoints as readonly Record<string, unknown>[];
  assert.deepEqual(endpoints.map(({ health }) => health), ["UNHEALTHY"]);
});

Deno.test("ads is told again of what it serves otherwise than was decided", async () => {
  await using receiver = new Receiver();
  await using scene = new Scene();
  scene.publish(
    new AdsSink({ clock: systemClock, timeoutMs: 5000, url: receiver.url, ttlMs: 60_000 }),
  );
  scene.order("10.0.0.1:80", "down");
  await until(() => receiver.requests.length === 1);
  const served = { service: "web-eds", address: "10.0.0.1:80" };
  scene.control.tellServed([{ ...served, health: "UNHEALTHY" }]);
  // A restart: it serves what its files say. Of the other endpoint nothing was decided.
  const other = { service: "web-eds", address: "name.internal:81", health: "UNKNOWN" } as const;
  scene.control.tellServed([{ ...served, health: "UNKNOWN" }, other]);
  await until(() => receiver.requests.length === 2);
  assert.deepEqual(receiver.requests[1]?.body.endpoints, receiver.requests[0]?.body.endpoints);
});

Deno.test("ads is told all again when another start of it answers, or after it did not", async () => {
  await using receiver = new Receiver();
  receiver.instance = "first";
  await using scene = new Scene();
  scene.order("10.0.0.1:80", "down");
  scene.order("name.internal:81", "up");
  scene.publish(
    new AdsSink({ clock: systemClock, timeoutMs: 5000, url: receiver.url, ttlMs: 3_600_000 }),
  );
  const told = () =>
    receiver.requests.map(({ body }) =>
      (body.endpoints as readonly Record<string, unknown>[]).map(({ health }) => health)
    );
  await until(() => told().length > 0);
  const toldAgain = async (before: number) => {
    await until(() => told().length > before);
    assert.deepEqual(told().at(-1), ["unhealthy", "healthy"]);
  };
  const before = told().length;
  receiver.instance = "second";
  await toldAgain(before);

  receiver.instance = undefined;
  const { asked } = receiver;
  await until(() => receiver.asked > asked);
  const beforeFailure = told().length;
  receiver.instance = "second";
  await toldAgain(beforeFailure);
});

Deno.test("FileSink writes all verdicts, whole", async () => {
  await using scene = new Scene();
  const folder = await Deno.makeTempDir();
  const path = join(folder, "health.json");
  scene.publish(
    new FileSink(path, () => [...scene.control.table.endpoints()].map((one) => one.health)),
  );
  scene.order("10.0.0.1:80", "down");
  await until(async () => (await Deno.readTextFile(path).catch(() => "")) !== "");
  assert.deepEqual(JSON.parse(await Deno.readTextFile(path)), ["UNHEALTHY", "UNKNOWN"]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("AdsSink speaks TLS with the roots of the moment", async () => {
  const pki = new URL("../../libs/runtime/testdata/", import.meta.url);
  const text = (name: string) => Deno.readTextFileSync(new URL(name, pki));
  const bodies: unknown[] = [];
  const server = Deno.serve(
    {
      ...{ hostname: "127.0.0.1", port: 0, onListen: () => {} },
      ...{ cert: text("server.pem"), key: text("server.key") },
    },
    async (request) => {
      bodies.push(await request.json());
      return new Response(null, { status: 204 });
    },
  );
  let replace: (tls: { serverCa: string }) => void = () => {};
  using client = new HttpClientKeys({
    current: { serverCa: text("other_ca.pem") },
    subscribe: (listener) => {
      replace = listener;
      return () => {};
    },
  });
  await using scene = new Scene();
  const url = `https://localhost:${server.addr.port}`;
  scene.publish(
    new AdsSink({ clock: systemClock, timeoutMs: 5000, url, ttlMs: 60_000, client }),
  );
  scene.order("10.0.0.1:80", "down");
  await until(() => scene.readiness.report().status === "degraded");
  assert.equal(bodies.length, 0);
  replace({ serverCa: text("ca.pem") });
  await until(() => bodies.length === 1);
  await scene[Symbol.asyncDispose]();
  await server.shutdown();
});
