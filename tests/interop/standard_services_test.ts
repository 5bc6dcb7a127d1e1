// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { connectGrpc } from "@denvoy/grpc";
import { messageCodec, serviceMethods } from "@denvoy/proto";
import { type DenvoyAds, startDenvoyAds, startGrpcBackend, TempFolder } from "../support/mod.ts";
import { callWithPython, ProxylessClient } from "./python_grpc.ts";
import {
  clientCluster,
  clientEndpoints,
  clientListener,
  clientRoutes,
  fileText,
} from "./resources.ts";

const HEALTH = "grpc.health.v1.Health";
const REFLECTION = "grpc.reflection.v1.ServerReflection";
const CSDS = "envoy.service.status.v3.ClientStatusDiscoveryService";
const ADS = "envoy.service.discovery.v3.AggregatedDiscoveryService";
const SERVING = 1;

for (const transport of ["native", "grpc-js"]) {
  Deno.test(`${transport}: health, reflection and client status answer gRPC for Python and for Node`, async (t) => {
    await using ads = await startDenvoyAds({ flags: ["--grpc-server", transport] });
    await using node = connectGrpc({ address: ads.grpcAddress });

    await t.step("health, Python", async () => {
      assert.equal(await pythonHealth(ads), SERVING);
    });
    await t.step("health, Node", async () => {
      const { Check } = serviceMethods(HEALTH);
      const answer = await node.unary(Check, { service: ADS });
      assert.equal(answer.status, SERVING);
    });
    await t.step("reflection, Python", async () => {
      const names = await pythonServices(ads);
      assert.ok([ADS, CSDS, HEALTH].every((name) => names.includes(name)), names.join());
    });
    await t.step("reflection, Node", async () => {
      const { ServerReflectionInfo } = serviceMethods(REFLECTION);
      const requests = [{ host: "", fileContainingSymbol: ADS }];
      const answers = await Array.fromAsync(node.bidiStream(ServerReflectionInfo, requests));
      const files = answers[0]?.fileDescriptorResponse?.fileDescriptorProto ?? [];
      assert.ok(files.length > 0, JSON.stringify(answers));
    });
    await t.step("client status without clients, Python", async () => {
      assert.deepEqual(await pythonClientStatus(ads), []);
    });
  });
}

Deno.test("client status tells Python what a Python client has", async () => {
  await using backend = await startGrpcBackend("seen");
  await using folder = await TempFolder.create({
    "all.json": fileText(
      clientListener("shop", "shop-routes"),
      clientRoutes("shop-routes", { domain: "shop", cluster: "blue" }),
      clientCluster("blue"),
      clientEndpoints("blue", backend.port),
    ),
  });
  await using ads = await startDenvoyAds({ resources: folder.path });
  await using client = await ProxylessClient.start(ads, { target: "xds:///shop" });
  await client.answeredBy("seen");

  const [config] = await pythonClientStatus(ads);
  assert.equal(config?.node?.id, "grpc-node");
  const names = config.genericXdsConfigs.map(({ typeUrl, name }) => `${typeUrl} ${name}`);
  assert.deepEqual(names.sort(), [
    "type.googleapis.com/envoy.config.cluster.v3.Cluster blue",
    "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment blue",
    "type.googleapis.com/envoy.config.listener.v3.Listener shop",
    "type.googleapis.com/envoy.config.route.v3.RouteConfiguration shop-routes",
  ]);
});

Deno.test("Python calls ads over TLS, which asks for its certificate", async () => {
  const pem = (name: string) =>
    fileURLToPath(new URL(`../../libs/grpc/testdata/${name}`, import.meta.url));
  const read = [pem("server.pem"), pem("server.key"), pem("ca.pem")];
  const [chain = "", key = "", roots = ""] = read;
  await using ads = await startDenvoyAds({
    flags: ["--tls-cert", chain, "--tls-key", key, "--client-ca", roots],
    read,
    waitReady: false,
  });
  const keyFiles = [roots, pem("client.pem"), pem("client.key")];
  assert.equal(await pythonHealth(ads, keyFiles), SERVING);
});

async function pythonHealth(ads: DenvoyAds, keyFiles?: readonly string[]): Promise<number> {
  const [answer = new Uint8Array()] = await callWithPython(ads.grpcAddress, {
    path: `/${HEALTH}/Check`,
    kind: "unary",
    request: messageCodec("grpc.health.v1.HealthCheckRequest").encode({ service: ADS }),
    ...(keyFiles && { keyFiles }),
  });
  return messageCodec("grpc.health.v1.HealthCheckResponse").decode(answer).status;
}

async function pythonServices(ads: DenvoyAds): Promise<readonly string[]> {
  const answers = await callWithPython(ads.grpcAddress, {
    path: `/${REFLECTION}/ServerReflectionInfo`,
    kind: "stream",
    request: messageCodec("grpc.reflection.v1.ServerReflectionRequest").encode({
      listServices: "*",
    }),
  });
  const codec = messageCodec("grpc.reflection.v1.ServerReflectionResponse");
  return answers.flatMap((answer) =>
    codec.decode(answer).listServicesResponse?.service.map(({ name }) => name) ?? []
  );
}

async function pythonClientStatus(ads: DenvoyAds) {
  const [answer = new Uint8Array()] = await callWithPython(ads.grpcAddress, {
    path: `/${CSDS}/FetchClientStatus`,
    kind: "unary",
    request: new Uint8Array(),
  });
  return messageCodec("envoy.service.status.v3.ClientStatusResponse").decode(answer).config;
}
