// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import { type ClusterSet, readClusterText, readClusterTexts } from "./cluster_document.ts";
import type { ClusterReadOptions } from "./cluster_reader.ts";
import { sentChecks } from "./description.ts";
import { extensionNeed, millis } from "./health_check.ts";

const options: ClusterReadOptions = {
  source: "files",
  defaultCheck: { kind: "tcp", path: "", intervalMs: 5000, timeoutMs: 2000, rise: 1, fall: 2 },
  moreExtensions: [],
  envoyFacts: new Set(),
};

const pace = { interval: "1s", timeout: "0.5s", healthy_threshold: 1, unhealthy_threshold: 2 };
const check = { ...pace, http_health_check: { path: "/" } };
const TLS_TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";

type Json = Readonly<Record<string, unknown>>;

/** Reads a cluster `web` with one endpoint. */
function read(
  { endpoint = at("10.0.0.1", 80), more = {} }: { endpoint?: Json; more?: Json },
  settings: Partial<ClusterReadOptions> = {},
): ClusterSet {
  const cluster = {
    "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    name: "web",
    health_checks: [check],
    load_assignment: { cluster_name: "web", endpoints: [{ lb_endpoints: [{ endpoint }] }] },
    ...more,
  };
  const texts = new Map([["web.json", JSON.stringify({ resources: [cluster] })]]);
  return readClusterTexts(texts, { ...options, ...settings });
}

function at(address: string, port: number): Json {
  return { address: { socket_address: { address, port_value: port } } };
}

function tls(context: Json): Json {
  const typed_config = { "@type": TLS_TYPE, ...context };
  return { transport_socket: { name: "envoy.transport_sockets.tls", typed_config } };
}

function custom(type: string): Json {
  const typed_config = { "@type": `type.googleapis.com/${type}` };
  return { health_checks: [{ ...pace, custom_health_check: { name: "x", typed_config } }] };
}

function http(fields: Json): Json {
  return { health_checks: [{ ...pace, http_health_check: { path: "/", ...fields } }] };
}

function validation(context: Json): Json {
  return tls({ common_tls_context: { validation_context: context } });
}

const harmful: readonly (readonly [string, Parameters<typeof read>[0], RegExp])[] = [
  ["no address", { endpoint: { hostname: "x" } }, /endpoint\.address: must be set/],
  [
    "named port",
    { endpoint: { address: { socket_address: { address: "10.0.0.1", named_port: "http" } } } },
    /endpoint\.address: must have a port_value.*"http"/,
  ],
  [
    "name for the probe",
    { endpoint: { ...at("10.0.0.1", 80), health_check_config: at("probe.internal", 81) } },
    /health_check_config\.address: must be an IP address.*"probe.internal"/,
  ],
  [
    "unknown checker",
    { more: custom("envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer") },
    /custom_health_check: custom health check "x" must be one of/,
  ],
  [
    "unknown transport socket",
    {
      more: {
        transport_socket: {
          name: "alts",
          typed_config: {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tap.v3.Tap",
            common_config: { admin_config: { config_id: "x" } },
            transport_socket: { name: "y" },
          },
        },
      },
    },
    /transport_socket: transport socket "alts" must be one of/,
  ],
  ["not hexadecimal", { more: http({ send: { text: "hello" } }) }, /send\.text: must be pairs/],
  [
    "statuses",
    { more: http({ expected_statuses: [{ start: 300, end: 200 }] }) },
    /expected_statuses: must be a range.*300 to 200/,
  ],
  [
    "a command in a header",
    { more: http({ request_headers_to_add: [{ header: { key: "a", value: "%NOPE%" } }] }) },
    /request_headers_to_add: must hold no % command/,
  ],
  ["HTTP/3", { more: http({ codec_client_type: "HTTP3" }) }, /codec_client_type: must be HTTP1/],
  ["ALPN", { more: http({ use_alpn_protocol: true }) }, /use_alpn_protocol: must not be set/],
  [
    "a regular expression",
    { more: http({ service_name_matcher: { safe_regex: { regex: "(" } } }) },
    /service_name_matcher\.safe_regex: must be exact/,
  ],
  [
    "a pseudo header",
    { more: http({ request_headers_to_add: [{ header: { key: ":path", value: "/" } }] }) },
    /request_headers_to_add: must not set ":" headers/,
  ],
  [
    "a pseudo header removed",
    { more: http({ request_headers_to_remove: [":path"] }) },
    /request_headers_to_remove: must not remove/,
  ],
  [
    "a file of certificates",
    { more: validation({ trusted_ca: { filename: "/etc/ca.pem" } }) },
    /trusted_ca: must not be a file/,
  ],
  [
    "no certificate",
    { more: validation({ trusted_ca: { inline_string: "garbage" } }) },
    /trusted_ca: must be certificates in PEM/,
  ],
  [
    "a cipher",
    { more: tls({ common_tls_context: { tls_params: { cipher_suites: ["NOPE"] } } }) },
    /cipher_suites\[0\]: must be one of/,
  ],
  [
    "ADS that an Envoy may not have",
    {
      more: tls({
        common_tls_context: {
          validation_context_sds_secret_config: { name: "ca", sds_config: { ads: {} } },
        },
      }),
    },
    /sds_config\.ads: must not be ads/,
  ],
  [
    "a field that nobody knows to be harmless",
    { more: tls({ common_tls_context: { key_log: { path: "/tmp/keys" } } }) },
    /key_log: must not be set/,
  ],
  ["no timeout", { more: { health_checks: [{ interval: "1s" }] } }, /timeout/],
];

Deno.test("what ends an Envoy is refused, with file, place and value", () => {
  for (const [name, cluster, wanted] of harmful) {
    const { clusters, problems } = read(cluster);
    assert.equal(clusters.size, 0, name);
    const said = problems.filter(({ severity }) => severity === "error").map(formatProblem);
    assert.ok(said.some((line) => wanted.test(line)), `${name}: ${said.join("\n")}`);
    assert.ok(said.every((line) => line.startsWith("web.json:1:")), said.join("\n"));
  }
});

Deno.test("what Envoys are known to have may be used", () => {
  const more = tls({
    sni: "web",
    common_tls_context: { validation_context: { trusted_ca: { filename: "/etc/ca.pem" } } },
  });
  const { clusters, problems } = read({ more }, { envoyFacts: new Set(["files"]) });
  assert.deepEqual(problems, []);
  const web = clusters.get("web");
  const need = extensionNeed("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext");
  assert.deepEqual([...web?.needs ?? []], ["HTTP", need]);
  // Health discovery has no transport socket of a cluster: the check chooses it.
  const [own] = web?.transportSocketMatches ?? [];
  assert.ok(web && own?.match);
  const [sent] = sentChecks(web, 0);
  const { "denvoy.default": chosen } = sent?.transportSocketMatchCriteria?.fields ?? {};
  assert.deepEqual({ "denvoy.default": chosen }, own.match.fields);
});

const bySds = {
  common_tls_context: {
    validation_context_sds_secret_config: {
      name: "ca",
      sds_config: {
        api_config_source: {
          api_type: "GRPC",
          grpc_services: [{ envoy_grpc: { cluster_name: "sds" } }],
        },
      },
    },
  },
};

Deno.test("HTTP/2 and gRPC over TLS offer h2, as servers may insist on it", () => {
  const grpc = { health_checks: [{ ...pace, grpc_health_check: {} }] };
  const own = { tls_options: { alpn_protocols: ["x"] } };
  const inContext = tls({ common_tls_context: { alpn_protocols: ["grpc-exp"] } });
  const cases: readonly (readonly [string, Json, readonly string[] | undefined])[] = [
    ["gRPC", { ...tls({}), ...grpc }, ["h2"]],
    ["HTTP/2", { ...tls({}), ...http({ codec_client_type: "HTTP2" }) }, ["h2"]],
    ["HTTP/1", { ...tls({}), ...http({}) }, undefined],
    ["in cleartext", grpc, undefined],
    ["the context offers some", { ...inContext, ...grpc }, undefined],
    ["the check offers some", { ...tls({}), health_checks: [{ ...check, ...own }] }, ["x"]],
  ];
  for (const [name, more, wanted] of cases) {
    const web = read({ more }).clusters.get("web");
    assert.ok(web);
    const [sent] = sentChecks(web, 0);
    assert.deepEqual(sent?.tlsOptions?.alpnProtocols, wanted, name);
  }
});

Deno.test("endpoints are checked by the socket that their metadata chooses, then their locality's", () => {
  const raw = {
    name: "envoy.transport_sockets.raw_buffer",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
    },
  };
  const labelled = (port: number, labels: Json) => ({
    endpoint: at("10.0.0.1", port),
    metadata: { filter_metadata: { "envoy.transport_socket_match": labels } },
  });
  const inMesh = { filter_metadata: { "envoy.transport_socket_match": { mesh: "on" } } };
  const transport_socket_matches = [
    { name: "both", match: { mesh: "on", zone: { a: [1, "b"] } }, ...tls({}) },
    { name: "mesh", match: { mesh: "on" }, ...tls({}) },
    { name: "plain", match: { mesh: "off" }, transport_socket: raw },
  ];
  const endpoints = [
    {
      lb_endpoints: [
        labelled(1, { mesh: "on", zone: { a: [1, "b"] }, more: true }),
        labelled(2, { mesh: "on", zone: { a: [1, "c"] } }),
        labelled(3, { mesh: "off" }),
        labelled(4, { mesh: true }),
        { endpoint: at("10.0.0.1", 5) },
      ],
    },
    {
      metadata: inMesh,
      lb_endpoints: [{ endpoint: at("10.0.0.1", 6) }, labelled(7, { mesh: "off" })],
    },
  ];
  const load_assignment = { cluster_name: "web", endpoints };
  const more = { transport_socket_matches, load_assignment };
  const web = read({ more: { ...more, ...tls({}) } }).clusters.get("web");
  assert.deepEqual(web?.endpoints.map(({ socket }) => socket), [1, 2, 3, 0, 0, 2, 3]);
  assert.deepEqual(web?.sockets.map(({ criteria }) => Object.keys(criteria?.fields ?? {})), [
    ["denvoy.default"],
    ["mesh", "zone"],
    ["mesh"],
    ["mesh"],
  ]);
  assert.deepEqual(web?.sockets.map(({ lacksAlpn }) => lacksAlpn), [true, true, true, false]);
  const noOwn = read({ more }).clusters.get("web");
  assert.equal(noOwn?.sockets[0]?.criteria, undefined);
});

Deno.test("where secrets come by SDS, the first probe fails and others have to pass", () => {
  const firstProbeMs = (more: Json) => read({ more }).clusters.get("web")?.firstProbeMs;
  assert.equal(firstProbeMs(tls({ sni: "web" })), 500);
  assert.equal(firstProbeMs(tls(bySds)), 500 + 1500);
  const health_checks = [{ ...check, healthy_threshold: 3 }];
  assert.equal(firstProbeMs({ ...tls(bySds), health_checks }), 500 + 3 * 1500);
  const jitter = { initial_jitter: "2s", interval_jitter: "0.1s", interval_jitter_percent: 20 };
  const late = { health_checks: [{ ...check, ...jitter }] };
  assert.equal(firstProbeMs({ ...tls(bySds), ...late }), 2500 + 1500 + 300);
});

Deno.test("checks come complete: probed as often as they say though there is never traffic", () => {
  const [sent] = read({}).clusters.get("web")?.checks ?? [];
  assert.equal(millis(sent?.noTrafficInterval), 1000);
  const given = { ...check, no_traffic_interval: "60s", no_traffic_healthy_interval: "60s" };
  const [other] = read({ more: { health_checks: [given] } }).clusters.get("web")?.checks ?? [];
  assert.equal(millis(other?.noTrafficInterval), 1000);
  assert.equal(other?.noTrafficHealthyInterval, undefined);
});

Deno.test("a cluster without checks has the default one, or is left alone", () => {
  const [sent] = read({ more: { health_checks: [] } }).clusters.get("web")?.checks ?? [];
  assert.equal(millis(sent?.interval), 5000);
  assert.ok(sent?.tcpHealthCheck);
  const none = { ...options.defaultCheck, kind: "none" as const };
  assert.equal(read({ more: { health_checks: [] } }, { defaultCheck: none }).clusters.size, 0);
});

Deno.test("names are kept to be resolved, duplicates and disabled checks are left out", () => {
  const lb_endpoints = [
    { endpoint: at("web.internal", 80) },
    { endpoint: at("10.0.0.1", 80) },
    { endpoint: { ...at("10.0.0.1", 80), health_check_config: { port_value: 81 } } },
    {
      endpoint: {
        ...at("10.0.0.2", 80),
        health_check_config: { disable_active_health_check: true },
      },
    },
    { endpoint: at("2001:DB8::0:1", 80), metadata: { filter_metadata: { denvoy: { node: "n" } } } },
  ];
  const more = { load_assignment: { cluster_name: "svc", endpoints: [{ lb_endpoints }] } };
  const { clusters, problems } = read({ more });
  const web = clusters.get("web");
  assert.equal(web?.service, "svc");
  assert.deepEqual(web?.endpoints.map(({ address, ip, node }) => [address, ip, node]), [
    ["web.internal:80", undefined, ""],
    ["10.0.0.1:80", "10.0.0.1", ""],
    ["[2001:db8::1]:80", "2001:db8::1", "n"],
  ]);
  assert.equal(problems.length, 1);
  assert.match(problems[0]?.message ?? "", /10\.0\.0\.1:80 is there twice/);
});

Deno.test("endpoints may be in another file; other resources are passed over", () => {
  const texts = new Map([
    [
      "a.yaml",
      `resources:
- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: web
  eds_cluster_config: {service_name: web-eds}
- "@type": type.googleapis.com/envoy.config.listener.v3.Listener
  name: whatever
nodes: {cluster: edge}
`,
    ],
    [
      "b.yaml",
      `resources:
- "@type": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment
  cluster_name: web-eds
  endpoints:
  - locality: {zone: a}
    lb_endpoints:
    - endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}}
`,
    ],
  ]);
  const { clusters, problems } = readClusterTexts(texts, options);
  assert.deepEqual(problems, []);
  const web = clusters.get("web");
  assert.equal(web?.service, "web-eds");
  assert.equal(web?.endpoints[0]?.locality.zone, "a");
});

Deno.test("two clusters of one name are an error, as Envoy drops the second without a word", () => {
  const one = "{name: web, '@type': type.googleapis.com/envoy.config.cluster.v3.Cluster}";
  const texts = new Map([["a.yaml", `resources: [${one}, ${one}]`]]);
  const { problems } = readClusterTexts(texts, options);
  assert.match(problems.map(formatProblem).join(), /a cluster must be there once/);
});

Deno.test("readClusterText() takes one Cluster without its @type", () => {
  const { clusters, problems } = readClusterText("name: web", { ...options, format: "yaml" });
  assert.deepEqual(problems, []);
  assert.deepEqual([...clusters.keys()], ["web"]);
});
