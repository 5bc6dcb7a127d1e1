// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { type Logger, StatusCode, StatusError } from "@denvoy/base";
import { RecordingLogger } from "@denvoy/base/testing";
import { clientTls, serverTls, until } from "@denvoy/grpc/testing";
import { messageCodec } from "@denvoy/proto";
import { Metrics, Readiness, systemClock } from "@denvoy/runtime";
import { type Resource, TypeUrls } from "@denvoy/xds";
import { DISCOVERY_SERVICES } from "../discovery_services.ts";
import { TestXdsServer } from "../testing.ts";
import { ServerConnections } from "./server_connections.ts";
import { connectXds } from "./xds_client.ts";
import { observeXdsClients } from "./xds_client_metrics.ts";
import type { XdsClientOptions, XdsReader, XdsSubscription } from "./xds_client_options.ts";

const { endpoints, runtime, secret } = TypeUrls;
const runtimeCodec = messageCodec("envoy.service.runtime.v3.Runtime");
const endpointCodec = messageCodec("envoy.config.endpoint.v3.ClusterLoadAssignment");
type Runtime = ReturnType<typeof runtimeCodec.decode>;

function layer(name: string, text = "1"): Resource {
  const value = runtimeCodec.encode({ name, layer: { fields: { text: { stringValue: text } } } });
  return { typeUrl: runtime, name, version: text, value, references: [] };
}

function textsOf({ resources }: XdsSubscription<Runtime>): Readonly<Record<string, unknown>> {
  const texts = [...resources.values()].map(({ name, message }) => [
    name,
    message.layer?.fields.text?.stringValue,
  ]);
  return Object.fromEntries(texts);
}

const reader: XdsReader<Runtime> = { decode: runtimeCodec.decode };
const quick = { backoff: { initialMs: 20, maxMs: 100, factor: 2 } };

function connect(
  servers: readonly string[],
  options: Partial<XdsClientOptions> & { readonly logger?: Logger } = {},
) {
  return connectXds({
    servers,
    node: { id: "reader-1", cluster: "readers", metadata: { zone: "a" } },
    clock: systemClock,
    logger: new RecordingLogger(),
    tuning: quick,
    ...options,
  });
}

Deno.test("connectXds() reads a type, and all that changes", async () => {
  await using server = await TestXdsServer.start();
  server.put(layer("a"), layer("b"));
  await using xds = connect([server.address]);
  const layers = xds.subscribe(runtime, reader);
  assert.equal(layers.isSynced, false);
  await until("both layers", () => layers.resources.size === 2);
  assert.equal(layers.isSynced, true);
  server.put(layer("a", "2"));
  server.remove(runtime, "b");
  await until("the change", () => layers.resources.size === 1);
  await until("the change", () => textsOf(layers).a === "2");
  const [call] = server.calls;
  assert.equal(call?.node?.id, "reader-1");
  assert.equal(call?.node?.metadata?.fields.zone?.stringValue, "a");
  assert.equal(call?.node?.userAgentName, "denvoy");
});

Deno.test("several types share one stream, names follow what is wanted", async () => {
  await using server = await TestXdsServer.start();
  server.put(layer("a"), ...["e1", "e2"].map(assignment));
  await using xds = connect([server.address]);
  const layers = xds.subscribe(runtime, reader);
  const assignments = xds.subscribe(endpoints, { names: [], decode: endpointCodec.decode });
  await until("the layer", () => layers.resources.size === 1);
  assert.equal(assignments.resources.size, 0);
  assignments.setNames(["e1"]);
  await until("e1", () => assignments.resources.has("e1"));
  assignments.setNames(["e2"]);
  assert.equal(assignments.resources.has("e1"), false);
  await until("e2", () => assignments.resources.has("e2"));
  assert.equal(server.calls.length, 1);
  assert.throws(() => xds.subscribe(runtime, reader), /a type is read once/);
});

function assignment(clusterName: string): Resource {
  const value = endpointCodec.encode({ clusterName });
  return { typeUrl: endpoints, name: clusterName, version: "1", value, references: [] };
}

Deno.test("a resource is rejected alone, by its reader or for its bytes, and says why", async () => {
  await using server = await TestXdsServer.start();
  const readiness = new Readiness(systemClock);
  const logger = new RecordingLogger();
  server.put(layer("a"), layer("b"), layer("c"));
  const health = readiness.component("xds");
  await using xds = connect([server.address], { health, logger });
  const layers = xds.subscribe(runtime, {
    ...reader,
    accept: async ({ resources }) => {
      await Promise.resolve();
      const bad = resources.filter(({ version }) => version === "bad");
      return new Map(bad.map(({ name }) => [name, "must not be bad\nor odd"]));
    },
  });
  await until("all layers", () => layers.resources.size === 3);
  const broken = { ...layer("c", "broken"), value: new Uint8Array([10, 99]) };
  server.put(layer("a", "2"), layer("b", "bad"), broken);
  await until("the rejections", () => server.rejections.length > 0);
  const [rejection] = server.rejections;
  assert.match(rejection?.detail.message ?? "", /^b: must not be bad; or odd$/m);
  assert.match(rejection?.detail.message ?? "", /^c: cannot decode envoy\.service\.runtime/m);
  assert.deepEqual(textsOf(layers), { a: "2", b: "1", c: "1" });
  const { status, message } = readiness.report().components.xds ?? {};
  assert.equal(status, "degraded");
  assert.match(message ?? "", /^rejected b: must not be bad; or odd$/m);
  const logged = logger.lines.filter(({ message }) => message.startsWith("xds resource rejected"));
  assert.deepEqual(logged.map(({ fields }) => fields.name).sort(), ["b", "c"]);
  server.put(layer("b", "3"), layer("c", "3"));
  await until("what is good again", () => textsOf(layers).c === "3");
  await until("health", () => readiness.report().components.xds?.status === "ok");
});

Deno.test("a reader that throws accepts nothing, and the stream goes on", async () => {
  await using server = await TestXdsServer.start();
  server.put(layer("a"));
  let fails = true;
  await using xds = connect([server.address]);
  const layers = xds.subscribe(runtime, {
    ...reader,
    accept() {
      if (fails) throw new Error("secret detail");
      return undefined;
    },
    changed() {
      throw new Error("must not");
    },
  });
  await until("the rejection", () => server.rejections.length > 0);
  assert.equal(server.rejections[0]?.detail.message, "a: internal error");
  fails = false;
  server.put(layer("a", "2"));
  await until("what is good again", () => textsOf(layers).a === "2");
});

Deno.test("what was accepted stays while the server is away; when it is back, only news comes", async () => {
  const first = await TestXdsServer.start();
  const { address, view } = first;
  first.put(layer("a"), layer("b"));
  const readiness = new Readiness(systemClock);
  await using xds = connect([address], { health: readiness.component("xds") });
  const told: string[] = [];
  const layers = xds.subscribe(runtime, {
    ...reader,
    changed: ({ resources, removed }) =>
      told.push(
        [...resources.map(({ name }) => name), ...removed.map((name) => `-${name}`)].join(),
      ),
  });
  await until("both layers", () => layers.resources.size === 2);
  await first[Symbol.asyncDispose]();
  await until("the loss", () => readiness.report().components.xds?.status === "degraded");
  assert.match(
    readiness.report().components.xds?.message ?? "",
    /no connection to 127\.0\.0\.1:\d+/,
  );
  assert.deepEqual(textsOf(layers), { a: "1", b: "1" });
  view.apply([
    { kind: "put", resource: layer("a", "2") },
    { kind: "delete", key: { typeUrl: runtime, name: "b" } },
  ]);
  await using _second = await TestXdsServer.start({ address, view });
  await until("the news", () => layers.resources.size === 1 && textsOf(layers).a === "2");
  assert.equal(told[0]?.split(",").sort().join(), "a,b");
  assert.deepEqual(told.slice(1).join().split(",").sort(), ["-b", "a"]);
});

Deno.test("servers are tried in turn, and SotW where there is nothing else", async () => {
  const gone = await TestXdsServer.start();
  await gone[Symbol.asyncDispose]();
  const services = DISCOVERY_SERVICES.map(({ delta: _, ...service }) => service);
  await using server = await TestXdsServer.start({ services });
  server.put(layer("a"));
  await using xds = connect([gone.address, server.address]);
  const layers = xds.subscribe(runtime, reader);
  await until("the layer", () => layers.resources.size === 1);
  const [{ mode, address, phase } = {}] = xds.report();
  assert.deepEqual({ mode, address, phase }, {
    mode: "sotw",
    address: server.address,
    phase: "connected",
  });
});

Deno.test("types may have streams of their own", async () => {
  await using server = await TestXdsServer.start();
  server.put(layer("a"), assignment("e"));
  await using xds = connect([server.address], { streams: "separate" });
  const layers = xds.subscribe(runtime, reader);
  const assignments = xds.subscribe(endpoints, { names: ["e"], decode: endpointCodec.decode });
  await until("all", () => layers.resources.size + assignments.resources.size === 2);
  assert.equal(server.calls.length, 2);
  assert.equal(xds.report().length, 2);
  assert.throws(() => xds.subscribe("type.googleapis.com/x", reader), /no service serves/);
});

Deno.test("clients may share one connection, and each says its own headers", async () => {
  const viewOf = () => server.view;
  await using server = await TestXdsServer.start({ viewOf });
  server.put(layer("a"));
  await using connections = new ServerConnections({ servers: [server.address] });
  const clients = ["x", "y"].map((who) =>
    connect([], { connections, headers: new Map([["x-who", [who]]]) })
  );
  const layers = clients.map((xds) => xds.subscribe(runtime, reader));
  await until("both", () => layers.every(({ resources }) => resources.size === 1));
  assert.deepEqual(server.calls.map(({ metadata }) => metadata.get("x-who")?.[0]).sort(), [
    "x",
    "y",
  ]);
  assert.equal(new Set(server.calls.map(({ peer }) => peer.address)).size, 1);
  for (const xds of clients) await xds.close();
});

Deno.test("a refusal is tried again later, and said", async () => {
  let isRefused = true;
  await using server = await TestXdsServer.start({
    viewOf: () => {
      if (isRefused) throw new StatusError(StatusCode.PERMISSION_DENIED, "not you");
      return server.view;
    },
  });
  server.put(layer("a"));
  const readiness = new Readiness(systemClock);
  await using xds = connect([server.address], { health: readiness.component("xds") });
  const layers = xds.subscribe(runtime, reader);
  await until("the refusal", () => xds.report()[0]?.failure?.message === "not you");
  assert.equal(readiness.report().components.xds?.status, "failed");
  isRefused = false;
  await until("the layer", () => layers.resources.size === 1);
});

Deno.test("a server that finds pings too many is pinged less, up to a bound", async () => {
  const viewOf = () => {
    throw new StatusError(StatusCode.RESOURCE_EXHAUSTED, "too_many_pings");
  };
  await using server = await TestXdsServer.start({ viewOf });
  await using connections = new ServerConnections({ servers: [server.address, "127.0.0.1:1"] });
  const xds = connect([], { connections });
  xds.subscribe(runtime, reader);
  await until("ten minutes", () => connections.keepaliveMs(0) === 600_000);
  assert.equal(connections.keepaliveMs(1), 30_000);
  await xds.close();
});

Deno.test("a name that is not there is absent, in the server's words or after a time", async () => {
  await using server = await TestXdsServer.start();
  await using xds = connect([server.address], { tuning: { ...quick, absentAfterMs: 200 } });
  const absences: string[] = [];
  const absent: XdsReader<unknown>["absent"] = (all) =>
    absences.push(...all.map(({ name, reason }) => `${name}: ${reason}`));
  xds.subscribe(runtime, { ...reader, names: ["x"], absent });
  await until("the absence", () => absences.length > 0);
  assert.deepEqual(absences, ["x: resource does not exist"]);
});

Deno.test("mTLS, with keys that are replaced for the next connection", async () => {
  const tls = serverTls("server", true);
  const first = await TestXdsServer.start({ tls });
  first.put(layer("a"));
  const keys = { current: { ...clientTls("intruder"), serverName: "localhost" } };
  await using xds = connect([first.address], { tls: keys });
  const layers = xds.subscribe(runtime, reader);
  await until("the refusal", () => xds.report()[0]?.failure !== undefined);
  keys.current = { ...clientTls("client"), serverName: "localhost" };
  await until("the layer", () => layers.resources.size === 1);
  await first[Symbol.asyncDispose]();
});

Deno.test("observeXdsClients() counts streams, resources and NACKs", async () => {
  await using server = await TestXdsServer.start();
  server.put(layer("a"), layer("b", "bad"));
  await using xds = connect([server.address]);
  const metrics = new Metrics({ service: "t" });
  observeXdsClients(metrics, { clients: () => [xds], clock: systemClock });
  xds.subscribe(runtime, {
    ...reader,
    accept: ({ resources }) =>
      new Map(resources.flatMap(({ name, version }) => version === "bad" ? [[name, "bad"]] : [])),
  });
  await until("the rejection", () => server.rejections.length > 0);
  const text = await metrics.scrape();
  for (
    const line of [
      't_xds_client_streams{phase="connected"} 1',
      't_xds_client_nacks_total{type="Runtime"} 1',
      't_xds_client_resources{type="Runtime"} 1',
      't_xds_client_rejected_resources{type="Runtime"} 1',
    ]
  ) assert.ok(text.includes(line), `${line} in ${text}`);
});

Deno.test("a client closes while it connects, waits, and before it subscribed to anything", async () => {
  const idle = connect(["127.0.0.1:1"]);
  await idle.close();
  const connecting = connect(["127.0.0.1:1"]);
  connecting.subscribe(secret, { names: ["x"], decode: (value) => value });
  await connecting.close();
  const waiting = connect(["127.0.0.1:1"]);
  waiting.subscribe(secret, { names: ["x"], decode: (value) => value });
  await until("a failure", () => waiting.report()[0]?.failure !== undefined);
  await waiting.close();
  await waiting.close();
});
