// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  type Backend,
  type Envoy,
  eventually,
  freePort,
  startBackend,
  startDenvoyRls,
  startEnvoy,
} from "../support/mod.ts";

function limits(requests: number): string {
  return `
domain: shop
descriptors:
  - { key: client, rate_limit: { unit: year, requests_per_unit: ${requests}, name: client } }
  - { key: shadow, shadow_mode: true, rate_limit: { unit: year, requests_per_unit: 1 } }
`;
}

function address(text: string) {
  const [host, port] = text.split(":");
  return { socket_address: { address: host, port_value: Number(port) } };
}

function cluster(name: string, text: string, more: Readonly<Record<string, unknown>> = {}) {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(text) } }] }];
  return { name, load_assignment: { cluster_name: name, endpoints }, ...more };
}

const http2 = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

const FILTERS = "type.googleapis.com/envoy.extensions.filters";

const httpFilters = [
  {
    name: "envoy.filters.http.ratelimit",
    typed_config: {
      "@type": `${FILTERS}.http.ratelimit.v3.RateLimit`,
      domain: "shop",
      failure_mode_deny: true,
      timeout: "2s",
      rate_limit_service: {
        grpc_service: { envoy_grpc: { cluster_name: "rls" } },
        transport_api_version: "V3",
      },
    },
  },
  {
    name: "envoy.filters.http.router",
    typed_config: { "@type": `${FILTERS}.http.router.v3.Router` },
  },
];

function describedBy(header: string) {
  const header_name = `x-${header}`;
  return { actions: [{ request_headers: { header_name, descriptor_key: header } }] };
}

const route = {
  match: { prefix: "/" },
  route: { cluster: "backend", rate_limits: [describedBy("client"), describedBy("shadow")] },
};

/** An Envoy whose only route asks rls about the headers `x-client` and `x-shadow`. */
function envoyConfig(
  { rls, backend, port }: {
    readonly rls: string;
    readonly backend: Backend;
    readonly port: number;
  },
) {
  const manager = {
    "@type": `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "in",
    http_filters: httpFilters,
    route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes: [route] }] },
  };
  const name = "envoy.filters.network.http_connection_manager";
  const filter_chains = [{ filters: [{ name, typed_config: manager }] }];
  return {
    admin: { address: address("127.0.0.1:0") },
    static_resources: {
      listeners: [{ name: "in", address: address(`127.0.0.1:${port}`), filter_chains }],
      clusters: [cluster("rls", rls, http2), cluster("backend", `127.0.0.1:${backend.port}`)],
    },
  };
}

async function ask(port: number, headers: Record<string, string>): Promise<Response> {
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    headers: { ...headers, connection: "close" },
    signal: AbortSignal.timeout(5_000),
  });
  await response.text();
  return response;
}

Deno.test("Envoy is limited at the right request, told by headers, and follows changed limits", async () => {
  await using rls = await startDenvoyRls({
    limits: { "shop.yaml": limits(3) },
    env: { LIMIT_RESPONSE_HEADERS_ENABLED: "true", LIMIT_LIMIT_HEADER: "x-limit" },
  });
  await using backend = startBackend("backend");
  const port = freePort();
  const bootstrap = envoyConfig({ rls: rls.grpcAddress, backend, port });
  await using envoy: Envoy = await startEnvoy({ bootstrap });
  await envoy.admin.ready();

  const answers: (readonly [number, string | null, string | null])[] = [];
  for (let count = 0; count < 5; count++) {
    const { status, headers } = await ask(port, { "x-client": "a" });
    answers.push([status, headers.get("x-limit"), headers.get("ratelimit-remaining")]);
  }
  assert.deepEqual(answers, [
    [200, "3", "2"],
    [200, "3", "1"],
    [200, "3", "0"],
    [429, "3", "0"],
    [429, "3", "0"],
  ]);
  assert.equal(backend.requests, 3);
  assert.equal(
    (await ask(port, { "x-client": "b" })).status,
    200,
    "another value has its own counter",
  );
  for (let count = 0; count < 3; count++) {
    assert.equal((await ask(port, { "x-shadow": "1" })).status, 200, "shadow mode lets pass");
  }
  assert.equal((await ask(port, {})).status, 200, "no descriptor, no limit");

  await rls.folder.write(
    "shop.yaml",
    "domain: shop\ndescriptors: [{key: client, rate_limit: {unit: eon}}]",
  );
  await eventually(async () => {
    const text = await (await fetch(`${rls.httpUrl}/readyz`)).text();
    return text.includes("degraded") && text.includes("eon");
  }, { what: "rls to refuse the file", detail: () => rls.child.lastWords() });
  assert.equal((await ask(port, { "x-client": "a" })).status, 429, "the last good limits count");

  await rls.folder.write("shop.yaml", limits(100));
  await eventually(async () => (await ask(port, { "x-client": "a" })).status === 200, {
    what: "the new limit to count",
    detail: () => rls.child.lastWords(),
  });
  const { limits: rules } = await (await fetch(`${rls.httpUrl}/v1/limits`)).json();
  const shadow = rules.find(({ rule }: { readonly rule: string }) => rule === "shop.shadow");
  assert.deepEqual([shadow.counts.total, shadow.counts.shadow], [3, 2]);

  rls.child.kill("SIGKILL");
  await rls.child.exited;
  assert.equal((await ask(port, { "x-client": "b" })).status, 500, "failure_mode_deny");
  assert.equal((await ask(port, {})).status, 200, "what has no limit is not refused");
});
