// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import { readResourceText } from "./resource_document.ts";
import { resourceType } from "./resource_types.ts";

/** Reads YAML and returns each resource as `plural name [-> references]`. */
function summary(text: string): readonly string[] {
  const { drafts, problems } = readResourceText(text, { file: "a.yaml" });
  assert.deepEqual(problems.filter(({ severity }) => severity === "error").map(formatProblem), []);
  return drafts.map(({ resource }) => {
    const names = resource.references.map(({ typeUrl, name }) =>
      `${resourceType(typeUrl)?.plural}/${name}`
    );
    const key = `${resourceType(resource.typeUrl)?.plural}/${resource.name}`;
    return [key, ...names].join(" ");
  });
}

const ads = "{ads: {}, resource_api_version: V3}";
const T = "type.googleapis.com/envoy";
const HCM = `${T}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`;
const ROUTER =
  `{name: router, typed_config: {"@type": ${T}.extensions.filters.http.router.v3.Router}}`;
const CRYPTO = `${T}.extensions.transport_sockets.tls.v3`;

const named: readonly (readonly [string, string, readonly string[]])[] = [
  [
    "an EDS cluster by its own name",
    `{"@type": ${T}.config.cluster.v3.Cluster, name: c, type: EDS, eds_cluster_config: {eds_config: ${ads}}}`,
    ["clusters/c endpoints/c"],
  ],
  [
    "an EDS cluster by its service name",
    `{"@type": ${T}.config.cluster.v3.Cluster, name: c, type: EDS, eds_cluster_config: {service_name: s, eds_config: ${ads}}}`,
    ["clusters/c endpoints/s"],
  ],
  [
    "an EDS cluster that reads a file",
    `{"@type": ${T}.config.cluster.v3.Cluster, name: c, type: EDS, eds_cluster_config: {eds_config: {path_config_source: {path: /x}}}}`,
    ["clusters/c"],
  ],
  [
    "a TLS cluster",
    `{"@type": ${T}.config.cluster.v3.Cluster, name: c, transport_socket: {name: tls, typed_config: {"@type": ${CRYPTO}.UpstreamTlsContext, common_tls_context: {tls_certificate_sds_secret_configs: [{name: cert, sds_config: ${ads}}, {name: static}], combined_validation_context: {default_validation_context: {}, validation_context_sds_secret_config: {name: ca, sds_config: ${ads}}}}}}}`,
    ["clusters/c secrets/cert secrets/ca"],
  ],
  [
    "an aggregate cluster",
    `{"@type": ${T}.config.cluster.v3.Cluster, name: c, lb_policy: CLUSTER_PROVIDED, cluster_type: {name: a, typed_config: {"@type": ${T}.extensions.clusters.aggregate.v3.ClusterConfig, clusters: [a1, b1]}}}`,
    ["clusters/c clusters/a1 clusters/b1"],
  ],
  [
    "a route configuration",
    `{"@type": ${T}.config.route.v3.RouteConfiguration, name: r, virtual_hosts: [{name: v, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: a, request_mirror_policies: [{cluster: m}]}}, {match: {prefix: /w}, route: {weighted_clusters: {clusters: [{name: w1, weight: 1}, {name: w2, weight: 1}]}}}]}]}`,
    ["routes/r clusters/a clusters/m clusters/w1 clusters/w2"],
  ],
  [
    "a listener with RDS and filters by ECDS",
    `{"@type": ${T}.config.listener.v3.Listener, name: l, address: {socket_address: {address: 0.0.0.0, port_value: 1}}, filter_chains: [{filters: [{name: hcm, typed_config: {"@type": ${HCM}, stat_prefix: h, rds: {route_config_name: r, config_source: ${ads}}, http_filters: [{name: ext, config_discovery: {config_source: ${ads}, type_urls: [${T}.extensions.filters.http.router.v3.Router]}}, ${ROUTER}]}}]}]}`,
    ["listeners/l routes/r extension-configs/ext"],
  ],
  [
    "a listener with a TCP proxy and an access log service",
    `{"@type": ${T}.config.listener.v3.Listener, name: l, address: {socket_address: {address: 0.0.0.0, port_value: 1}}, filter_chains: [{filters: [{name: tcp, typed_config: {"@type": ${T}.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, weighted_clusters: {clusters: [{name: t1, weight: 1}]}, access_log: [{name: als, typed_config: {"@type": ${T}.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig, common_config: {log_name: x, transport_api_version: V3, grpc_service: {envoy_grpc: {cluster_name: als}}}}}]}}]}]}`,
    ["listeners/l clusters/t1 clusters/als"],
  ],
  [
    "a discovery service elsewhere is the bootstrap's",
    `{"@type": ${T}.config.listener.v3.Listener, name: l, address: {socket_address: {address: 0.0.0.0, port_value: 1}}, filter_chains: [{filters: [{name: hcm, typed_config: {"@type": ${HCM}, stat_prefix: h, rds: {route_config_name: r, config_source: {api_config_source: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}}}, http_filters: [${ROUTER}]}}]}]}`,
    ["listeners/l"],
  ],
  [
    "a scoped route",
    `{"@type": ${T}.config.route.v3.ScopedRouteConfiguration, name: s, route_configuration_name: r, key: {fragments: [{string_key: k}]}}`,
    ["scoped-routes/s routes/r"],
  ],
  [
    "a load assignment with LEDS",
    `{"@type": ${T}.config.endpoint.v3.ClusterLoadAssignment, cluster_name: c, endpoints: [{leds_cluster_locality_config: {leds_config: ${ads}, leds_collection_name: "xdstp://a/envoy.config.endpoint.v3.LbEndpoint/c/*"}}]}`,
    ["endpoints/c lb-endpoints/xdstp://a/envoy.config.endpoint.v3.LbEndpoint/c/*"],
  ],
  [
    "a virtual host in a wrapper",
    `{"@type": ${T}.service.discovery.v3.Resource, name: r/v, ttl: 5s, resource: {"@type": ${T}.config.route.v3.VirtualHost, name: v, domains: [a.example]}}`,
    ["virtual-hosts/r/v"],
  ],
  [
    "a runtime layer",
    `{"@type": ${T}.service.runtime.v3.Runtime, name: rt, layer: {x: 1}}`,
    ["runtimes/rt"],
  ],
  [
    "a rate limit configuration by its domain",
    `{"@type": type.googleapis.com/ratelimit.config.ratelimit.v3.RateLimitConfig, domain: d}`,
    ["rate-limits/d"],
  ],
  [
    "a secret",
    `{"@type": ${CRYPTO}.Secret, name: s, generic_secret: {secret: {inline_string: x}}}`,
    [
      "secrets/s",
    ],
  ],
];

Deno.test("readResourceText() names resources and finds what they reference", async (t) => {
  for (const [name, resource, expected] of named) {
    await t.step(name, () => assert.deepEqual(summary(`resources:\n- ${resource}\n`), expected));
  }
  await t.step("a document that is a resource", () => {
    assert.deepEqual(summary(named[0]?.[1] ?? ""), ["clusters/c endpoints/c"]);
  });
  await t.step("several documents, types by type_url", () => {
    const text =
      `version_info: "7"\ntypeUrl: ${T}.config.cluster.v3.Cluster\nresources: [{name: a}]\n---\n` +
      `resources: [{"@type": ${T}.config.cluster.v3.Cluster, name: b}]\n`;
    assert.deepEqual(summary(text), ["clusters/a", "clusters/b"]);
  });
  await t.step("nothing", () => {
    assert.deepEqual(summary(""), []);
    assert.deepEqual(summary("resources: []"), []);
  });
});

Deno.test("readResourceText() takes TTL and nodes", () => {
  const text = `nodes: {id: edge-*}\nresources:\n- ${named[11]?.[1]}\n`;
  const [draft] = readResourceText(text).drafts;
  assert.equal(draft?.resource.ttlMs, 5000);
  assert.equal(draft?.selector.key, "id=edge-*");
  assert.equal(draft?.line, 3);
});

Deno.test("readResourceText() says what is wrong and where", async (t) => {
  const cluster = `"@type": ${T}.config.cluster.v3.Cluster`;
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["no map", "- 1", /^a.yaml:1:1: must be a map/],
    ["no list", "nonce: x", /needs a list of resources/],
    ["a list that is none", "resources: {}", /^a.yaml:1:12: resources: must be a list/],
    ["an unknown key", "resorces: []\nresources: []", /^a.yaml:1:1: resorces: unknown field/],
    [
      "an unknown field",
      `resources:\n- {${cluster}, name: a, typ: EDS}`,
      /^a.yaml:2:\d+: resources\[0\].typ: /,
    ],
    [
      "a broken rule",
      `resources:\n- {${cluster}, name: ""}`,
      /^a.yaml:2:\d+: resources\[0\].*name/,
    ],
    [
      "an unserved type",
      `resources:\n- {"@type": ${T}.config.core.v3.Node}`,
      /^a.yaml:2:\d+: resources\[0\]\["@type"\]: type .* is not served/,
    ],
    [
      "a virtual host without name",
      `resources:\n- {"@type": ${T}.config.route.v3.VirtualHost, name: v, domains: [x]}`,
      /wrap it in a/,
    ],
    [
      "two names",
      `resources:\n- {"@type": ${T}.service.discovery.v3.Resource, name: b, resource: {${cluster}, name: a}}`,
      /resources\[0\].name: must equal the cluster's name "a"/,
    ],
    [
      "an empty wrapper",
      `resources:\n- {"@type": ${T}.service.discovery.v3.Resource, name: b}`,
      /needs a resource/,
    ],
    ["a bad selector", `nodes: {idd: x}\nresources: []`, /^a.yaml:1:8: nodes.idd: unknown field/],
    ["bad syntax", "resources: [", /^a.yaml:\d+:\d+: /],
  ];
  for (const [name, text, expected] of cases) {
    await t.step(name, () => {
      const { problems, drafts } = readResourceText(text, { file: "a.yaml" });
      assert.match(problems.map(formatProblem).join("\n"), expected);
      assert.deepEqual(drafts, []);
    });
  }
});
