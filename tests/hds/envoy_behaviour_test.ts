// SPDX-License-Identifier: Apache-2.0
/**
 * How a real Envoy behaves as a prober: what hds is built on. A scripted server in place of hds.
 * @module
 */
import assert from "node:assert/strict";
import { type Init, typeUrlOf } from "@denvoy/proto";
import type { ClusterHealthCheck, HealthCheck } from "@denvoy/proto/messages";
import { type Backend, eventually, freePort, startBackend } from "../support/mod.ts";
import { FaultyBackend } from "./faulty_backend.ts";
import { startProber } from "./scene.ts";
import { ScriptedServer, statuses } from "./scripted_server.ts";

function clusterCheck(name: string, ...ports: readonly number[]): Init<ClusterHealthCheck> {
  return {
    clusterName: name,
    healthChecks: [{
      interval: { nanos: 200_000_000 },
      noTrafficInterval: { nanos: 200_000_000 },
      timeout: { seconds: 1 },
      healthyThreshold: { value: 3 },
      unhealthyThreshold: { value: 3 },
      httpHealthCheck: { path: "/" },
    }],
    localityEndpoints: [{
      endpoints: ports.map((portValue) => ({
        address: { socketAddress: { address: "127.0.0.1", portValue } },
      })),
    }],
  };
}

const HEALTHY = 1;
const UNHEALTHY = 2;

Deno.test("Envoy probes as hds takes it to", async (t) => {
  await using backend = startBackend("good");
  await using server = await ScriptedServer.start();
  await using envoy = await startProber("prober", { hds: server.address });
  const until = (what: string, condition: () => boolean) =>
    eventually(condition, { what, withinMs: 40_000, detail: () => envoy.child.lastWords() });

  await t.step("it begins with its node and what it can", async () => {
    await until("a hello", () => server.said.length > 0);
    const hello = server.said[0]?.healthCheckRequest;
    assert.equal(hello?.node?.id, "prober");
    assert.deepEqual(hello?.capability?.healthCheckProtocols, [0, 1]);
    const tls = hello?.node?.extensions.find(({ category, name }) =>
      category === "envoy.transport_sockets.upstream" && name === "envoy.transport_sockets.tls"
    );
    const type = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
    assert.deepEqual(tls?.typeUrls.includes(type), true);
  });

  await t.step("told to check nothing, it says nothing, again and again", async () => {
    server.send();
    await until("empty messages", () => server.said.length > 3);
    assert.equal(server.said.at(-1)?.endpointHealthResponse, undefined);
  });

  await t.step("it reports UNHEALTHY before it has probed, and one success is enough", async () => {
    const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    try {
      server.send(clusterCheck("web", backend.port, silent.addr.port));
      await until("a success", () => statuses(server.said.at(-1), "web")?.[0] === HEALTHY);
      const first = server.said.find((message) => statuses(message, "web") !== undefined);
      assert.equal(statuses(first, "web")?.[1], UNHEALTHY);
    } finally {
      silent.close();
    }
  });

  await t.step("it reports each endpoint twice: in a flat list, and by cluster", () => {
    const report = server.said.at(-1)?.endpointHealthResponse;
    assert.equal(report?.endpointsHealth.length, 2);
    assert.equal(statuses(server.said.at(-1), "web")?.length, 2);
  });

  await laterSteps(t, { server, backend, until });
});

interface Running {
  readonly server: ScriptedServer;
  readonly backend: Backend;
  readonly until: (what: string, condition: () => boolean) => Promise<unknown>;
}

/** What becomes of clusters that change, and of a stream that is lost. */
async function laterSteps(t: Deno.TestContext, { server, backend, until }: Running): Promise<void> {
  await t.step("of two clusters of one name it drops the second", async () => {
    server.send(clusterCheck("web", backend.port), clusterCheck("web", freePort()));
    await until("one endpoint", () => statuses(server.said.at(-1), "web")?.length === 1);
    assert.deepEqual(statuses(server.said.at(-1), "web"), [HEALTHY]);
  });

  await t.step("a cluster without endpoints may stay, and get some again", async () => {
    const other = clusterCheck("other", backend.port);
    server.send(clusterCheck("web", backend.port), { ...other, localityEndpoints: [] });
    await until("no endpoints", () => statuses(server.said.at(-1), "other")?.length === 0);
    server.send(clusterCheck("web", backend.port), other);
    await until("an endpoint", () => statuses(server.said.at(-1), "other")?.[0] === HEALTHY);
  });

  await t.step("back after a lost stream, it goes on probing but waits to be told", async () => {
    server.hangUp();
    await until("another stream", () => server.streams.length === 2 && server.said.length === 1);
    const { requests } = backend;
    await until("probes", () => backend.requests > requests + 2);
    assert.equal(server.said.length, 1);
    server.send(clusterCheck("web", backend.port));
    await until("reports", () => statuses(server.said.at(-1), "web")?.[0] === HEALTHY);
  });
}

/** Transport sockets of no effect, which differ by their name. */
function sockets(name: string): Init<ClusterHealthCheck>["transportSocketMatches"] {
  const typeUrl = typeUrlOf("envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer");
  const typedConfig = { typeUrl, value: new Uint8Array() };
  return [{ name, transportSocket: { name: "envoy.transport_sockets.raw_buffer", typedConfig } }];
}

function labelled(name: string): Init<HealthCheck>["transportSocketMatchCriteria"] {
  return { fields: { sockets: { stringValue: name } } };
}

Deno.test("Envoy forgets what it found where it makes a host anew", async (t) => {
  await using backend = new FaultyBackend("slow", { delayMs: 300 });
  await using server = await ScriptedServer.start();
  await using envoy = await startProber("prober", { hds: server.address });
  const until = (what: string, condition: () => boolean) =>
    eventually(condition, { what, withinMs: 40_000, detail: () => envoy.child.lastWords() });
  const [check] = clusterCheck("web").healthChecks ?? [];
  const [place] = clusterCheck("web", backend.port).localityEndpoints ?? [];
  // A machine that is busy is no reason to fail.
  const patient = { ...check, timeout: { seconds: 20 } };
  const healthChecks = [patient];
  const transportSocketMatches = sockets("one");
  const base = { ...clusterCheck("web", backend.port), healthChecks, transportSocketMatches };
  /** What is reported until probes have ended. */
  const saidAfter = async (change: Init<ClusterHealthCheck>) => {
    const [from, { answered }] = [server.said.length, backend];
    server.send({ ...base, ...change });
    await until("probes", () => backend.answered > answered + 1);
    await until("a report of them", () => statuses(server.said.at(-1), "web")?.[0] === HEALTHY);
    const all = server.said.slice(from).map((message) => statuses(message, "web")?.[0]);
    return [...new Set(all)];
  };
  await until("a greeting", () => server.said.length > 0);
  assert.deepEqual(await saidAfter({}), [UNHEALTHY, HEALTHY]);

  const other = { ...patient, timeout: { seconds: 30 } };
  await t.step("not when a check changes", async () => {
    assert.deepEqual(await saidAfter({ healthChecks: [other] }), [HEALTHY]);
  });
  await t.step("when its place does", async () => {
    const localityEndpoints = [{ ...place, locality: { region: "eu" } }];
    const said = await saidAfter({ healthChecks: [other], localityEndpoints });
    assert.ok(said.includes(UNHEALTHY));
    assert.ok((await saidAfter({ healthChecks: [other] })).includes(UNHEALTHY));
  });
  await t.step("when transport sockets do: all of it, if the check changes with them", async () => {
    const two = { ...other, transportSocketMatchCriteria: labelled("two") };
    const transportSocketMatches = sockets("two");
    const said = await saidAfter({ healthChecks: [two], transportSocketMatches });
    assert.ok(said.includes(UNHEALTHY));
    assert.equal(await backend.mostAtOnce(), 1);
    // Not so: the old host is probed on. To take the hosts away now would end the Envoy.
    await saidAfter({ healthChecks: [two], transportSocketMatches: sockets("three") });
    assert.equal(await backend.mostAtOnce(), 2);
  });
});
