// SPDX-License-Identifier: Apache-2.0
/**
 * The protocol as Envoy 1.40 was measured to speak it, over real connections.
 * @module
 */
import assert from "node:assert/strict";
import { type Bytes, silentLogger, StatusCode, StatusError } from "@denvoy/base";
import {
  connectGrpc,
  type GrpcClient,
  type MethodDefinition,
  rawCodec,
  serveGrpc,
} from "@denvoy/grpc";
import { type Init, serviceMethods } from "@denvoy/proto";
import type {
  HealthCheckRequestOrEndpointHealthResponse,
  HealthCheckSpecifier,
} from "@denvoy/proto/messages";
import { systemClock } from "@denvoy/runtime";
import { MemoryHealthStore } from "../domain/memory_store.ts";
import { cluster } from "../domain/testing.ts";
import { HealthControl } from "../health_control.ts";
import { healthDiscoveryMethods } from "./health_discovery.ts";

type Message = Init<HealthCheckRequestOrEndpointHealthResponse>;

const service = "envoy.service.health.v3.HealthDiscoveryService";
const { StreamHealthCheck, FetchHealthCheck } = serviceMethods(service);
const ADDRESS = "10.0.0.1:80";

/** Requests of one stream, which the test puts in. */
class Script implements AsyncIterableIterator<HealthCheckRequestOrEndpointHealthResponse> {
  readonly #items: HealthCheckRequestOrEndpointHealthResponse[] = [];
  #wake: () => void = () => {};
  #ended = false;

  say(message: Message): void {
    const { request } = StreamHealthCheck;
    this.#items.push(request.decode(request.encode(message)));
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async next(): Promise<IteratorResult<HealthCheckRequestOrEndpointHealthResponse>> {
    while (this.#items.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const value = this.#items.shift();
    return value === undefined ? { done: true, value } : { done: false, value };
  }

  return(): Promise<IteratorResult<HealthCheckRequestOrEndpointHealthResponse>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

class Scene implements AsyncDisposable {
  readonly control = new HealthControl({
    policy: { mode: "spread", probers: 3, maxPerProber: 100 },
    verdicts: {
      ...{ agreement: "majority", rise: 1, fall: 1, reportIntervalMs: 1000, doubtFrom: 0 },
      ...{ keepShare: 0, flapLimit: 0, flapWindowMs: 0, flapHoldMs: 0 },
    },
    sources: ["api"],
    store: new MemoryHealthStore(),
    clock: systemClock,
    logger: silentLogger,
  });
  readonly reported: { bytes: number; same: boolean }[] = [];
  readonly #closing = new AsyncDisposableStack();
  client: GrpcClient | undefined;
  drain: (graceMs: number) => Promise<unknown> = () => Promise.resolve();

  static async start(): Promise<Scene> {
    const scene = new Scene();
    const { control } = scene;
    scene.#closing.use(control);
    const observer = {
      reported: (report: { bytes: number; same: boolean }) => void scene.reported.push(report),
    };
    const server = await serveGrpc({
      address: { kind: "tcp", hostname: "127.0.0.1", port: 0 },
      methods: healthDiscoveryMethods({ control, observer }),
      logger: silentLogger,
    });
    scene.drain = (graceMs) => server.drain(graceMs);
    scene.#closing.defer(() => server.drain(0));
    scene.#closing.defer(() => control.fleet.endSessions());
    scene.client = connectGrpc({ address: server.address });
    scene.#closing.use(scene.client);
    return scene;
  }

  get connected(): GrpcClient {
    assert.ok(this.client);
    return this.client;
  }

  check(...addresses: readonly string[]): void {
    this.control.setClusters("api", new Map([["web", cluster("web", addresses)]]));
  }

  async until(condition: () => boolean): Promise<void> {
    for (let tries = 0; tries < 1000 && !condition(); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.ok(condition());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closing.disposeAsync();
  }
}

const hello: Message = {
  healthCheckRequest: {
    node: { id: "one", cluster: "edge" },
    capability: { healthCheckProtocols: [0, 1] },
  },
};

function report(health: number, { flatOnly = false } = {}): Message {
  const [host = "", port] = ADDRESS.split(":");
  const endpoint = { address: { socketAddress: { address: host, portValue: Number(port) } } };
  const endpointsHealth = [{ endpoint, healthStatus: health }];
  const byCluster = [{ clusterName: "web", localityEndpointsHealth: [{ endpointsHealth }] }];
  return {
    endpointHealthResponse: {
      endpointsHealth,
      ...(!flatOnly && { clusterEndpointsHealth: byCluster }),
    },
  };
}

function addressesIn({ clusterHealthChecks }: HealthCheckSpecifier): readonly string[] {
  return clusterHealthChecks.flatMap(({ localityEndpoints }) =>
    localityEndpoints.flatMap(({ endpoints }) =>
      endpoints.map(({ address }) => {
        const socket = address?.socketAddress;
        return `${socket?.address}:${socket?.portValue}`;
      })
    )
  );
}

Deno.test("a stream: hello, specifier, reports in both forms, messages with nothing in them", async () => {
  await using scene = await Scene.start();
  scene.check(ADDRESS);
  const script = new Script();
  script.say(hello);
  const specifiers = scene.connected.bidiStream(StreamHealthCheck, script);
  const first = await specifiers.next();
  assert.deepEqual(addressesIn(first.value as HealthCheckSpecifier), [ADDRESS]);
  const record = scene.control.table.get("web", ADDRESS);
  script.say({});
  script.say(report(1));
  await scene.until(() => record?.health === "HEALTHY");
  script.say(report(1));
  script.say(report(1, { flatOnly: true }));
  await scene.until(() => scene.reported.length === 4);
  assert.deepEqual(scene.reported.map(({ same }) => same), [false, false, true, false]);

  // What changes comes on the same stream; a cluster that goes stays without endpoints.
  scene.check("10.0.0.2:80");
  assert.deepEqual(addressesIn((await specifiers.next()).value as HealthCheckSpecifier), [
    "10.0.0.2:80",
  ]);
  scene.control.setClusters("api", new Map());
  const last = (await specifiers.next()).value as HealthCheckSpecifier;
  assert.deepEqual(last.clusterHealthChecks.map(({ clusterName }) => clusterName), ["web"]);
  assert.deepEqual(addressesIn(last), []);
  script.end();
  assert.equal((await specifiers.next()).done, true);
});

Deno.test("a stream that comes back is sent its specifier again, though nothing changed", async () => {
  await using scene = await Scene.start();
  scene.check(ADDRESS);
  for (let time = 0; time < 2; time++) {
    const script = new Script();
    script.say(hello);
    const specifiers = scene.connected.bidiStream(StreamHealthCheck, script);
    assert.deepEqual(addressesIn((await specifiers.next()).value as HealthCheckSpecifier), [
      ADDRESS,
    ]);
    script.end();
    for await (const _ of specifiers);
  }
});

Deno.test("what is no hello, and what is no message, fails its stream alone", async () => {
  await using scene = await Scene.start();
  const script = new Script();
  script.say({});
  const refused = scene.connected.bidiStream(StreamHealthCheck, script).next();
  await assert.rejects(
    refused,
    (error: StatusError) =>
      error.code === StatusCode.INVALID_ARGUMENT && /health_check_request/.test(error.message),
  );
});

Deno.test("bytes that are no message end their stream alone, also after a hello", async () => {
  await using scene = await Scene.start();
  scene.check(ADDRESS);
  const raw: MethodDefinition<Bytes, Bytes> = {
    ...StreamHealthCheck,
    request: rawCodec,
    response: rawCodec,
  };
  const garbage = new Uint8Array([0x0a, 0xff, 0xff, 0xff]);
  const { request } = StreamHealthCheck;
  for (const messages of [[garbage], [request.encode(hello), garbage]]) {
    const stream = scene.connected.bidiStream(raw, messages);
    await assert.rejects(async () => {
      for await (const _ of stream);
    }, (error: StatusError) => error.code === StatusCode.INVALID_ARGUMENT);
  }
  const script = new Script();
  script.say(hello);
  const specifiers = scene.connected.bidiStream(StreamHealthCheck, script);
  assert.equal((await specifiers.next()).done, false);
  script.end();
  for await (const _ of specifiers);
});

Deno.test("a stop ends streams whose Envoy keeps its half open, long before its grace is over", async () => {
  await using scene = await Scene.start();
  scene.check(ADDRESS);
  const script = new Script();
  script.say(hello);
  const specifiers = scene.connected.bidiStream(StreamHealthCheck, script);
  assert.equal((await specifiers.next()).done, false);
  const graceMs = 600_000;
  const drained = scene.drain(graceMs);
  scene.control.fleet.endSessions();
  assert.equal((await specifiers.next()).done, true);
  // The grace is far longer than a test may take: only streams that end let it end.
  await drained;
});

Deno.test("Envoys with one node id are told apart", async () => {
  await using scene = await Scene.start();
  scene.check(ADDRESS);
  const scripts = [new Script(), new Script()];
  const streams = scripts.map((script) => {
    script.say(hello);
    return scene.connected.bidiStream(StreamHealthCheck, script);
  });
  for (const stream of streams) await stream.next();
  const names = [...scene.control.fleet.probers()].map(({ prober }) => prober.name).sort();
  assert.deepEqual(names, ["one", "one#2"]);
  for (const script of scripts) script.end();
  for (const stream of streams) for await (const _ of stream);
});

Deno.test("FetchHealthCheck: a hello, then reports, each answered with the specifier", async () => {
  await using scene = await Scene.start();
  scene.check(ADDRESS);
  const { request } = FetchHealthCheck;
  const fetch = async (message: Message) => {
    const sent = request.decode(request.encode(message));
    const options = { timeoutMs: 10_000 };
    return await scene.connected.unary(FetchHealthCheck, sent, options) as HealthCheckSpecifier;
  };
  await assert.rejects(
    fetch(report(1)),
    (error: StatusError) => error.code === StatusCode.FAILED_PRECONDITION,
  );
  assert.deepEqual(addressesIn(await fetch(hello)), [ADDRESS]);
  assert.deepEqual(addressesIn(await fetch(report(1))), [ADDRESS]);
  assert.equal(scene.control.table.get("web", ADDRESS)?.health, "HEALTHY");
});
