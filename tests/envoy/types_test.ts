// SPDX-License-Identifier: Apache-2.0
// Starts with nothing; then each type is added, changed and removed in the folder, and traffic follows.
import assert from "node:assert/strict";
import { type Bootstrap, configSource, staysTrue, type XdsMode } from "../support/mod.ts";
import { metric } from "./ads_status.ts";
import { readCertificate, secret, servedCommonName } from "./certificates.ts";
import {
  cluster,
  endpoints,
  inlineRoutes,
  listener,
  rds,
  type Resource,
  routeConfig,
  routesTo,
  virtualHost,
} from "./resources.ts";
import { Scene } from "./scene.ts";
import { startBackends } from "./backends.ts";

interface Case {
  readonly mode: XdsMode;
  readonly transport: "native" | "grpc-js";
  /** Steps that are run; all if absent. */
  readonly only?: readonly string[];
}

const smoke = ["a route configuration", "clusters and endpoints", "endpoints of a collection"];

const cases: readonly Case[] = [
  { mode: "ads-delta", transport: "native" },
  { mode: "ads-sotw", transport: "native" },
  { mode: "separate-delta", transport: "native" },
  { mode: "separate-sotw", transport: "native" },
  { mode: "rest", transport: "native" },
  { mode: "ads-delta", transport: "grpc-js", only: smoke },
  { mode: "separate-sotw", transport: "grpc-js", only: smoke },
];

type Step = (scene: Scene) => Promise<void>;

/** Each type on its own; a step leaves the folder as it found it. */
const steps: Readonly<Record<string, { readonly run: Step; readonly deltaOnly?: true }>> = {
  "a listener": { run: listenersFollow },
  "a route configuration": { run: routesFollow },
  "clusters and endpoints": { run: clustersFollow },
  "a secret of a TLS listener": { run: secretsFollow },
  "a runtime layer": { run: runtimeFollows },
  "an extension configuration": { run: extensionsFollow },
  "scoped routes": { run: scopedRoutesFollow },
  "virtual hosts on demand": { run: virtualHostsFollow, deltaOnly: true },
  "endpoints of a collection": { run: collectionsFollow, deltaOnly: true },
};

for (const { mode, transport, only } of cases) {
  Deno.test(`Envoy follows each type, ${mode} over ${transport}`, async (t) => {
    await using scene = await Scene.start({
      mode,
      adsFlags: ["--grpc-server", transport],
      bootstrapExtra: runtimeLayer(mode),
    });
    assert.deepEqual(await scene.envoy.admin.listenerNames(), []);
    for (const [name, { run, deltaOnly }] of Object.entries(steps)) {
      if (only?.includes(name) === false) continue;
      if (deltaOnly === true && !mode.endsWith("delta")) continue;
      await t.step({
        name: `${name} is added, changed and removed`,
        fn: () => run(scene),
        // What the scene has under way ends with the scene: the whole test is checked.
        sanitizeOps: false,
        sanitizeResources: false,
      });
    }
    assert.equal(await metric(scene.ads, "ads_nacks_total"), 0, scene.lastWords());
    const rejected = await scene.envoy.admin.stats("update_rejected$");
    assert.deepEqual([...rejected].filter(([, count]) => count > 0), []);
  });
}

async function listenersFollow(scene: Scene): Promise<void> {
  const answering = (body: string) =>
    listener("web", {
      port: scene.port,
      manager: inlineRoutes({ prefix: "/", status: 200, body }),
    });
  await scene.write("web.yaml", [answering("first")]);
  await scene.untilAnswers({ status: 200, body: "first" });
  await scene.write("web.yaml", [answering("second")]);
  await scene.untilAnswers({ status: 200, body: "second" });
  await serveNothing(scene);
}

async function routesFollow(scene: Scene): Promise<void> {
  const { mode, port } = scene;
  const web = (routes: string) => listener("web", { port, manager: rds(routes, mode) });
  const answering = (name: string, body: string) =>
    routeConfig(name, { prefix: "/", status: 200, body });
  // The listener comes first and has to wait for its routes.
  await scene.write("web.yaml", [web("routes-a")]);
  await scene.until(
    "the listener to wait",
    async () => await scene.envoy.admin.stat("listener_manager.total_listeners_warming") === 1,
  );
  await scene.write("routes.yaml", [answering("routes-a", "first")]);
  await scene.untilAnswers({ status: 200, body: "first" });
  await scene.write("routes.yaml", [answering("routes-a", "second")]);
  await scene.untilAnswers({ status: 200, body: "second" });
  // Envoy ignores the removal of routes that a listener uses: they go with their last user.
  await scene.write("routes.yaml", [
    answering("routes-a", "second"),
    answering("routes-b", "third"),
  ]);
  await scene.write("web.yaml", [web("routes-b")]);
  await scene.untilAnswers({ status: 200, body: "third" });
  await scene.write("routes.yaml", [answering("routes-b", "third")]);
  await scene.until("the first routes to be gone", async () => {
    const { dynamic_route_configs = [] } = await scene.envoy.admin.configDump("Routes");
    return !JSON.stringify(dynamic_route_configs).includes('"routes-a"');
  }, 15_000);
  await serveNothing(scene);
}

async function clustersFollow(scene: Scene): Promise<void> {
  await using backends = await startBackends("blue", "green");
  const { blue, green } = backends.ports;
  const { mode, port } = scene;
  const { admin } = scene.envoy;
  await scene.write("web.yaml", [
    listener("web", { port, manager: rds("routes", mode) }),
    routesTo("routes", "front"),
  ]);
  await scene.untilAnswers({ status: 503 });
  await scene.write("front.yaml", [cluster("front", mode), endpoints("front", blue)]);
  await scene.untilAnswers({ status: 200, body: "blue" });
  await scene.write("front.yaml", [cluster("front", mode), endpoints("front", green)]);
  await scene.untilAnswers({ status: 200, body: "green" });
  await scene.write("front.yaml", [
    cluster("front", mode, { connect_timeout: "2s" }),
    endpoints("front", green),
  ]);
  await scene.until("the changed cluster to be active", async () => {
    const { dynamic_active_clusters = [] } = await admin.configDump("Clusters");
    return JSON.stringify(dynamic_active_clusters).includes('"connect_timeout":"2s"');
  });
  await scene.untilAnswers({ status: 200, body: "green" });
  await scene.write("front.yaml", [cluster("front", mode), endpoints("front")]);
  await scene.untilAnswers({ status: 503, body: "no healthy upstream" });
  await serveNothing(scene);
  await scene.until(
    "the cluster to be gone",
    async () => !(await admin.clusterNames()).includes("front"),
  );
}

async function secretsFollow(scene: Scene): Promise<void> {
  const { mode, port } = scene;
  const web = listener("web", {
    port,
    manager: inlineRoutes({ prefix: "/", status: 200, body: "over TLS" }),
    transportSocket: {
      name: "envoy.transport_sockets.tls",
      typed_config: {
        "@type":
          "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context: {
          tls_certificate_sds_secret_configs: [{
            name: "web-cert",
            sds_config: configSource(mode),
          }],
        },
      },
    },
  });
  await scene.write("web.yaml", [web]);
  await scene.write("secrets.yaml", [await secret("web-cert", "server")]);
  const served = (name: string) =>
    scene.until(`the certificate of ${name}`, async () => await servedCommonName(port) === name);
  await served("server-1");
  await scene.write("secrets.yaml", [await secret("web-cert", "server_2")]);
  await served("server-2");
  const key = await readCertificate("server_2.key");
  const [, line = ""] = key.split("\n");
  assert.equal(scene.ads.child.lines.some((logged) => logged.includes(line)), false);
  await serveNothing(scene);
}

async function runtimeFollows(scene: Scene): Promise<void> {
  const layer = (value: number): Resource => ({
    "@type": "type.googleapis.com/envoy.service.runtime.v3.Runtime",
    name: "dials",
    layer: { "denvoy.test": value },
  });
  const value = async () => {
    const { entries } = await scene.envoy.admin.getJson("/runtime");
    const known = entries as Readonly<Record<string, { readonly final_value: string }>>;
    return known["denvoy.test"]?.final_value;
  };
  await scene.write("runtime.yaml", [layer(1)]);
  await scene.until("the runtime value", async () => await value() === "1");
  await scene.write("runtime.yaml", [layer(2)]);
  await scene.until("the changed runtime value", async () => await value() === "2");
  await serveNothing(scene);
  if (scene.mode.endsWith("delta")) {
    await scene.until("the value to be gone", async () => await value() === undefined);
  }
}

async function extensionsFollow(scene: Scene): Promise<void> {
  const { mode, port } = scene;
  const faultType = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault";
  const fault = (status: number): Resource => ({
    "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
    name: "fault",
    typed_config: {
      "@type": faultType,
      abort: { http_status: status, percentage: { numerator: 100 } },
    },
  });
  const discovered = {
    name: "fault",
    config_discovery: { config_source: configSource(mode), type_urls: [faultType] },
  };
  const manager = inlineRoutes({ prefix: "/", status: 200, body: "plain" });
  const web = listener("web", { port, manager, filters: [discovered] });
  await scene.write("web.yaml", [web]);
  await scene.write("fault.yaml", [fault(418)]);
  await scene.untilAnswers({ status: 418 });
  await scene.write("fault.yaml", [fault(429)]);
  await scene.untilAnswers({ status: 429 });
  await scene.write("web.yaml", [listener("web", { port, manager })]);
  await scene.untilAnswers({ status: 200, body: "plain" });
  await serveNothing(scene);
}

async function scopedRoutesFollow(scene: Scene): Promise<void> {
  const { mode, port } = scene;
  const scope = (name: string, routes: string): Resource => ({
    "@type": "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration",
    name,
    route_configuration_name: routes,
    key: { fragments: [{ string_key: name }] },
  });
  const byTenant = {
    scoped_routes: {
      name: "tenants",
      scope_key_builder: {
        fragments: [{ header_value_extractor: { name: "x-tenant", index: 0 } }],
      },
      rds_config_source: configSource(mode),
      scoped_rds: { scoped_rds_config_source: configSource(mode) },
    },
  };
  const web = listener("web", { port, manager: byTenant });
  const routes = ["routes-a", "routes-b"].map((name) =>
    routeConfig(name, { prefix: "/", status: 200, body: name })
  );
  const tenant = (name: string) => ({ headers: { "x-tenant": name } });
  await scene.write("web.yaml", [web, ...routes]);
  await scene.write("scopes.yaml", [scope("acme", "routes-a")]);
  await scene.untilAnswers({ status: 200, body: "routes-a" }, tenant("acme"));
  await scene.untilAnswers({ status: 404 }, tenant("globex"));
  await scene.write("scopes.yaml", [scope("acme", "routes-a"), scope("globex", "routes-b")]);
  await scene.untilAnswers({ status: 200, body: "routes-b" }, tenant("globex"));
  await scene.write("scopes.yaml", [scope("acme", "routes-b"), scope("globex", "routes-b")]);
  await scene.untilAnswers({ status: 200, body: "routes-b" }, tenant("acme"));
  await scene.write("scopes.yaml", [scope("acme", "routes-b")]);
  await scene.untilAnswers({ status: 404 }, tenant("globex"));
  await scene.untilAnswers({ status: 200, body: "routes-b" }, tenant("acme"));
  await serveNothing(scene);
}

async function virtualHostsFollow(scene: Scene): Promise<void> {
  const { mode, port } = scene;
  const onDemand = {
    name: "envoy.filters.http.on_demand",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.on_demand.v3.OnDemand",
    },
  };
  const routes = {
    "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
    name: "hosts",
    vhds: { config_source: configSource(mode) },
  };
  const host = (domain: string, body: string): Resource => ({
    "@type": "type.googleapis.com/envoy.service.discovery.v3.Resource",
    name: `hosts/${domain}`,
    resource: {
      "@type": "type.googleapis.com/envoy.config.route.v3.VirtualHost",
      ...virtualHost(`hosts/${domain}`, {
        domains: [domain],
        routes: [{ prefix: "/", status: 200, body }],
      }),
    },
  });
  const name = (domain: string) => ({ headers: { host: domain } });
  const web = listener("web", { port, manager: rds("hosts", mode), filters: [onDemand] });
  await scene.write("web.yaml", [web, routes]);
  await scene.write("hosts.yaml", [host("a.example", "first"), host("b.example", "other")]);
  await scene.untilAnswers({ status: 200, body: "first" }, name("a.example"));
  await scene.write("hosts.yaml", [host("a.example", "second"), host("b.example", "other")]);
  await scene.untilAnswers({ status: 200, body: "second" }, name("a.example"));
  await scene.untilAnswers({ status: 200, body: "other" }, name("b.example"));
  await scene.untilAnswers({ status: 404 }, name("c.example"));
  await scene.write("hosts.yaml", [host("b.example", "other")]);
  await scene.untilAnswers({ status: 404 }, name("a.example"));
  await scene.untilAnswers({ status: 200, body: "other" }, name("b.example"));
  await serveNothing(scene);
}

async function collectionsFollow(scene: Scene): Promise<void> {
  await using backends = await startBackends("blue", "green");
  const { mode, port } = scene;
  const prefix = "xdstp://denvoy/envoy.config.endpoint.v3.LbEndpoint/front/";
  const member = (name: "blue" | "green"): Resource => ({
    "@type": "type.googleapis.com/envoy.service.discovery.v3.Resource",
    name: `${prefix}${name}`,
    resource: {
      "@type": "type.googleapis.com/envoy.config.endpoint.v3.LbEndpoint",
      endpoint: {
        address: { socket_address: { address: "127.0.0.1", port_value: backends.ports[name] } },
      },
    },
  });
  const source = configSource(mode);
  const assignment = {
    "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    cluster_name: "front",
    endpoints: [{
      leds_cluster_locality_config: { leds_config: source, leds_collection_name: `${prefix}*` },
    }],
  };
  await scene.write("members.yaml", [member("blue")]);
  await scene.write("web.yaml", [
    listener("web", { port, manager: rds("routes", mode) }),
    routesTo("routes", "front"),
    cluster("front", mode),
    assignment,
  ]);
  await scene.untilAnswers({ status: 200, body: "blue" });
  await scene.write("members.yaml", [member("blue"), member("green")]);
  await scene.untilAnswers({ status: 200, body: "green" });
  await scene.write("members.yaml", [member("green")]);
  await scene.until(
    "one host to be left",
    async () => (await scene.envoy.admin.hosts("front"))?.length === 1,
  );
  await staysTrue(async () => (await scene.ask()).body === "green", {
    what: "only green answers",
    forMs: 200,
  });
  await serveNothing(scene);
}

/** Empties the folder and waits until Envoy has no listener any more. */
async function serveNothing(scene: Scene): Promise<void> {
  for (const { name } of Deno.readDirSync(scene.folder.path)) {
    if (name !== "nothing.yaml") await scene.folder.write(name, "resources: []");
  }
  await scene.untilAnswers({ status: 0 });
  await scene.until(
    "Envoy to have no listener",
    async () => (await scene.envoy.admin.listenerNames()).length === 0,
  );
}

function runtimeLayer(mode: XdsMode): Bootstrap {
  // Only Delta can say that there is no such layer; Envoy does not start before it knows.
  const source = { ...configSource(mode), initial_fetch_timeout: "0.3s" };
  return {
    layered_runtime: {
      layers: [
        { name: "dials", rtds_layer: { name: "dials", rtds_config: source } },
        { name: "admin", admin_layer: {} },
      ],
    },
  };
}
