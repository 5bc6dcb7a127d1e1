// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  type DenvoyAds,
  eventually,
  freePort,
  startDenvoyAds,
  startGrpcBackend,
  TempFolder,
} from "../support/mod.ts";
import { ProxylessClient, startPython } from "./python_grpc.ts";
import {
  clientCluster,
  clientEndpoints,
  clientListener,
  clientRoutes,
  fileText,
  serverListener,
} from "./resources.ts";

/** The resources behind `xds:///shop`, of which `parts` says what differs from one test to another. */
function shopFiles(
  parts: { readonly cluster: string; readonly endpoints: Readonly<Record<string, number>> },
): Readonly<Record<string, string>> {
  const clusters = Object.entries(parts.endpoints);
  return {
    "listener.json": fileText(clientListener("shop", "shop-routes")),
    "routes.json": fileText(
      clientRoutes("shop-routes", { domain: "shop", cluster: parts.cluster }),
    ),
    "clusters.json": fileText(...clusters.map(([name]) => clientCluster(name))),
    "endpoints.json": fileText(...clusters.map(([name, port]) => clientEndpoints(name, port))),
  };
}

Deno.test("gRPC over xds: a client follows endpoints, routes and a restart without a failed call", async (t) => {
  await using first = await startGrpcBackend("first");
  await using second = await startGrpcBackend("second");
  await using third = await startGrpcBackend("third");
  await using folder = await TempFolder.create(
    shopFiles({ cluster: "blue", endpoints: { blue: first.port, green: third.port } }),
  );
  await using ads = await startDenvoyAds({ resources: folder.path });
  await using client = await ProxylessClient.start(ads, { target: "xds:///shop" });

  await t.step("it reaches the backend that the resources lead to", async () => {
    await client.answeredBy("first");
    assert.ok(first.requests > 0);
  });
  await t.step("it follows a change of endpoints", async () => {
    const endpoints = [clientEndpoints("blue", second.port), clientEndpoints("green", third.port)];
    await folder.write("endpoints.json", fileText(...endpoints));
    await client.answeredBy("second");
  });
  await t.step("it follows a change of routes to another cluster", async () => {
    const routes = clientRoutes("shop-routes", { domain: "shop", cluster: "green" });
    await folder.write("routes.json", fileText(routes));
    await client.answeredBy("third");
  });
  await t.step("it goes on while its management server is down, and follows the next", async () => {
    await ads.crash();
    await client.calls(10);
    const routes = clientRoutes("shop-routes", { domain: "shop", cluster: "blue" });
    await folder.write("routes.json", fileText(routes));
    await using _next = await startDenvoyAds({
      resources: folder.path,
      grpcAddress: ads.grpcAddress,
    });
    await client.answeredBy("second");
  });
  assert.deepEqual(client.failures, []);
});

Deno.test("gRPC over xds: a name that does not exist is UNAVAILABLE at once, and works when born", async () => {
  await using backend = await startGrpcBackend("late");
  await using folder = await TempFolder.create({ "none.json": fileText() });
  await using ads = await startDenvoyAds({ resources: folder.path });
  await using client = await ProxylessClient.start(ads, { target: "xds:///shop" });

  const outcomes = await client.calls(3);
  for (const outcome of outcomes) {
    assert.ok("code" in outcome && outcome.code === "UNAVAILABLE", JSON.stringify(outcome));
    assert.ok(outcome.ms < 2_000, `must fail at once, not after ${outcome.ms} ms`);
  }
  const files = shopFiles({ cluster: "blue", endpoints: { blue: backend.port } });
  for (const [name, text] of Object.entries(files)) await folder.write(name, text);
  await client.answeredBy("late");
});

Deno.test("gRPC over xds: a cluster without endpoints is UNAVAILABLE at once", async () => {
  await using folder = await TempFolder.create({
    ...shopFiles({ cluster: "blue", endpoints: { blue: 1 } }),
    "endpoints.json": fileText(),
  });
  await using ads = await startDenvoyAds({ resources: folder.path });
  await using client = await ProxylessClient.start(ads, { target: "xds:///shop" });
  for (const outcome of await client.calls(3)) {
    assert.ok("code" in outcome && outcome.code === "UNAVAILABLE", JSON.stringify(outcome));
    assert.ok(outcome.ms < 5_000, `must fail at once, not after ${outcome.ms} ms`);
  }
});

Deno.test("gRPC over xds: what a client rejects is shown, and the client goes on with what it has", async () => {
  await using backend = await startGrpcBackend("steady");
  const files = shopFiles({ cluster: "blue", endpoints: { blue: backend.port } });
  await using folder = await TempFolder.create(files);
  await using ads = await startDenvoyAds({ resources: folder.path });
  await using client = await ProxylessClient.start(ads, { target: "xds:///shop" });
  await client.answeredBy("steady");

  const broken = clientCluster("blue", { lb_policy: "MAGLEV" });
  await folder.write("clusters.json", fileText(broken));
  const rejection = await eventually(() => clusterRejection(ads), { what: "the rejection" });
  assert.match(rejection, /lb policy|lb_policy|LB policy/i);
  await client.calls(10);

  await folder.write("clusters.json", fileText(clientCluster("blue", { connect_timeout: "3s" })));
  await eventually(async () => await clusterRejection(ads) === undefined, { what: "healing" });
  assert.deepEqual(client.failures, []);
});

Deno.test("gRPC over xds: a server takes its listener from ads and serves a client that does, too", async () => {
  const port = freePort();
  await using folder = await TempFolder.create({
    ...shopFiles({ cluster: "blue", endpoints: { blue: port } }),
    "server.json": fileText(serverListener(port)),
  });
  await using ads = await startDenvoyAds({ resources: folder.path });
  await using server = await startPython("proxyless_server.py", {
    args: [`127.0.0.1:${port}`, "python"],
    ads,
  });
  await eventually(() => server.lines.includes("listening"), {
    what: "the server",
    detail: () => server.lastWords(),
  });
  await using client = await ProxylessClient.start(ads, { target: "xds:///shop" });
  await client.answeredBy("python");
});

/** Returns why the node rejected its cluster, in its own words; undefined when it did not. */
async function clusterRejection(ads: DenvoyAds): Promise<string | undefined> {
  const response = await fetch(`${ads.httpUrl}/v1/nodes/grpc-node`);
  const node = await response.json() as NodeAnswer;
  return node.streams.flatMap(({ types }) => types)
    .filter(({ type }) => type === "clusters")
    .flatMap(({ resources }) => resources)
    .find(({ rejection }) => rejection !== undefined)?.rejection?.message;
}

interface NodeAnswer {
  readonly streams: readonly {
    readonly types: readonly {
      readonly type: string;
      readonly resources: readonly { readonly rejection?: { readonly message: string } }[];
    }[];
  }[];
}
