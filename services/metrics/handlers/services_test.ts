// SPDX-License-Identifier: Apache-2.0
// The three services over real gRPC: who is let in, and what a stream may not do.
import assert from "node:assert/strict";
import { type Bytes, silentLogger, StatusCode, StatusError } from "@denvoy/base";
import { RecordingLogger } from "@denvoy/base/testing";
import { connectGrpc, type GrpcClient, rawCodec, serveGrpc } from "@denvoy/grpc";
import { messageCodec, serviceMethods } from "@denvoy/proto";
import type { ClusterLoad } from "../domain/load_report.ts";
import { TestFleet } from "../testing.ts";
import { accessLogMethods } from "./access_log_service.ts";
import { loadReportingMethods } from "./load_reporting_service.ts";
import { metricsMethods } from "./metrics_service.ts";
import { soleClaims } from "./node_claims.ts";

const metricsCodec = messageCodec("envoy.service.metrics.v3.StreamMetricsMessage");
const logsCodec = messageCodec("envoy.service.accesslog.v3.StreamAccessLogsMessage");

class Scene implements AsyncDisposable {
  readonly test = new TestFleet();
  readonly logger = new RecordingLogger();
  readonly loads: (readonly [string, readonly ClusterLoad[]])[] = [];
  entries = 0;
  client!: GrpcClient;
  #stop: () => Promise<void> = () => Promise.resolve();

  static async start(): Promise<Scene> {
    const scene = new Scene();
    const server = await serveGrpc({
      address: { kind: "tcp", hostname: "127.0.0.1", port: 0 },
      logger: silentLogger,
      methods: scene.#methods(),
    });
    scene.client = connectGrpc({ address: server.address });
    scene.#stop = async () => {
      await scene.client[Symbol.asyncDispose]();
      await server.drain(0);
    };
    return scene;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop();
  }

  stream(service: "metrics" | "accesslog", messages: AsyncIterable<Bytes> | Iterable<Bytes>) {
    const [name, method] = service === "metrics"
      ? ["metrics.v3.MetricsService", "StreamMetrics"]
      : ["accesslog.v3.AccessLogService", "StreamAccessLogs"];
    return this.client.clientStream<Bytes, Bytes>({
      ...{ service: `envoy.service.${name}`, method, kind: "client-stream" },
      ...{ request: rawCodec, response: rawCodec },
    }, messages);
  }

  #methods() {
    const refuse = ({ id }: { readonly id: string }) => {
      if (id === "evil") throw new StatusError(StatusCode.PERMISSION_DENIED, "not you");
    };
    return [
      ...metricsMethods({
        claims: soleClaims,
        ...{ fleet: this.test.fleet, metadataPaths: [], authorize: refuse, seed: 1 },
        nowMs: () => this.test.nowMs,
        observer: { opened() {}, message() {}, closed() {} },
        logger: this.logger,
      }),
      ...loadReportingMethods({
        request: { clusters: [], intervalMs: 1, endpoints: true },
        onReport: (node, clusters) => this.loads.push([node.id, clusters]),
        ...{ authorize: refuse, onStream: () => () => {} },
      }),
      ...accessLogMethods({
        onSignal: () => {},
        onEntry: () => this.entries++,
        ...{ room: () => undefined, authorize: refuse, onStream: () => () => {} },
      }),
    ];
  }
}

function flush(id: string | undefined, counter: number): Uint8Array {
  return metricsCodec.encode({
    ...(id !== undefined && { identifier: { node: { id, cluster: "edge" } } }),
    envoyMetrics: [{
      name: "c",
      type: 0,
      metric: [{ counter: { value: counter }, timestampMs: counter }],
    }],
  });
}

function logs(id: string | undefined): Uint8Array {
  return logsCodec.encode({
    ...(id !== undefined && { identifier: { node: { id, cluster: "edge" }, logName: "l" } }),
    tcpLogs: { logEntry: [{}, {}] },
  });
}

async function codeOf(call: Promise<unknown>): Promise<number> {
  try {
    await call;
    return StatusCode.OK;
  } catch (error) {
    assert.ok(error instanceof StatusError, `${error}`);
    return error.code;
  }
}

Deno.test("streams without a node, of somebody else, or of garbage are refused with a reason", async () => {
  await using scene = await Scene.start();
  const { INVALID_ARGUMENT, PERMISSION_DENIED, OK } = StatusCode;
  const garbage = new Uint8Array([0xff, 0xff, 0xff]);
  const cases: readonly (readonly ["metrics" | "accesslog", readonly Uint8Array[], number])[] = [
    ["metrics", [flush("a", 1), flush(undefined, 2)], OK],
    ["metrics", [flush(undefined, 1)], INVALID_ARGUMENT],
    ["metrics", [flush("", 1)], INVALID_ARGUMENT],
    ["metrics", [flush("evil", 1)], PERMISSION_DENIED],
    ["metrics", [garbage], INVALID_ARGUMENT],
    ["metrics", [flush("b", 1), garbage], INVALID_ARGUMENT],
    ["accesslog", [logs("a"), logs(undefined)], OK],
    ["accesslog", [logs(undefined)], INVALID_ARGUMENT],
    ["accesslog", [logs("evil")], PERMISSION_DENIED],
    ["accesslog", [garbage], INVALID_ARGUMENT],
  ];
  for (const [service, messages, wanted] of cases) {
    assert.equal(await codeOf(scene.stream(service, messages)), wanted);
  }
  assert.match(scene.test.text(), /^envoy_c\{envoy_node_id="a",.*\} 2$/m);
  assert.equal(scene.test.fleet.node("evil"), undefined);
  assert.equal(scene.entries, 4);
});

Deno.test("a flush of more than 4 MB is taken, as far as there is room", async () => {
  await using scene = await Scene.start();
  const envoyMetrics = Array.from({ length: 50_000 }, (_, at) => ({
    name: `cluster.service_${at}.a_counter_with_a_name_of_the_usual_length_or_more_total`,
    type: 0,
    metric: [{ counter: { value: at }, timestampMs: 1 }],
  }));
  const identifier = { node: { id: "a", cluster: "edge" } };
  const message = metricsCodec.encode({ identifier, envoyMetrics });
  assert.ok(message.length > 4 * 1024 * 1024);
  assert.equal(await codeOf(scene.stream("metrics", [message])), StatusCode.OK);
  const node = scene.test.fleet.node("a");
  assert.deepEqual([node?.series.size, node?.cuts.node_limit], [1_000, 49_000]);
});

Deno.test("of two streams of one node the last is read, and the log says so", async () => {
  await using scene = await Scene.start();
  const gate = Promise.withResolvers<void>();
  async function* first(): AsyncGenerator<Bytes> {
    yield flush("a", 1);
    await gate.promise;
    yield flush(undefined, 100);
  }
  const one = scene.stream("metrics", first());
  await settled(() => scene.test.fleet.node("a") !== undefined);
  async function* second(): AsyncGenerator<Bytes> {
    yield flush("a", 2);
    await settled(() => scene.logger.lines.length > 0);
    gate.resolve();
    await one;
    yield flush(undefined, 3);
  }
  await scene.stream("metrics", second());
  assert.match(scene.test.text(), /^envoy_c\{.*\} 3$/m);
  assert.equal(
    scene.logger.lines[0]?.message,
    "a node opened another stream; only the newest is read while it lasts",
  );
});

Deno.test("of Envoys with one id the one that stays is read again when the other goes", async () => {
  await using scene = await Scene.start();
  const others: PromiseWithResolvers<void>[] = [];
  async function* passing(counter: number): AsyncGenerator<Bytes> {
    yield flush("a", counter);
    const left = Promise.withResolvers<void>();
    others.push(left);
    await left.promise;
  }
  const shows = (counter: number) =>
    settled(() => new RegExp(`^envoy_c\\{.*\\} ${counter}$`, "m").test(scene.test.text()));
  async function* staying(): AsyncGenerator<Bytes> {
    yield flush("a", 10);
    await shows(10);
    const second = scene.stream("metrics", passing(1));
    await shows(1);
    const third = scene.stream("metrics", passing(2));
    await shows(2);
    others[0]?.resolve();
    await second;
    others[1]?.resolve();
    await third;
    await settled(() => scene.logger.lines.some(({ level }) => level === "info"));
    // The node has had time to be shown no more, and to be forgotten.
    scene.test.fleet.tick(scene.test.nowMs + 1e9);
    assert.equal(scene.test.text(), "");
    yield flush(undefined, 11);
    await shows(11);
    yield flush(undefined, 12);
    await shows(12);
    assert.equal(scene.test.fleet.node("a")?.live, true);
  }
  assert.equal(await codeOf(scene.stream("metrics", staying())), StatusCode.OK);
  const told = scene.logger.lines.filter(({ level }) => level === "info");
  assert.equal(told.length, 1, "the end of a stream that was not read changes nothing");
});

Deno.test("a load report is asked for at most once a second, whatever is configured", async () => {
  await using scene = await Scene.start();
  const { StreamLoadStats } = serviceMethods("envoy.service.load_stats.v3.LoadReportingService");
  const asked = Promise.withResolvers<void>();
  async function* reports() {
    yield { node: { id: "a" } };
    await asked.promise;
    yield { clusterStats: [{ clusterName: "idle" }] };
  }
  const answers = scene.client.bidiStream(
    {
      ...StreamLoadStats,
      request: {
        ...StreamLoadStats.request,
        encode: (m: never) => StreamLoadStats.request.encode(m),
      },
    },
    reports() as AsyncIterable<never>,
  );
  for await (const answer of answers) {
    assert.deepEqual(answer.loadReportingInterval, { seconds: 1, nanos: 0 });
    assert.deepEqual([answer.sendAllClusters, answer.reportEndpointGranularity], [true, true]);
    asked.resolve();
  }
  assert.deepEqual(scene.loads.map(([id, clusters]) => [id, clusters[0]?.cluster]), [[
    "a",
    "idle",
  ]]);
});

async function settled(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("the condition did not come true");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
