// SPDX-License-Identifier: Apache-2.0
/**
 * Two Envoys that hold nothing but the address of sds: one answers over mutual TLS, the other opens a
 * new connection to it for each request that it gets in cleartext.
 * @module
 */
import { type Bootstrap, freePorts } from "../support/mod.ts";

/** How an Envoy reaches sds, and as whom. */
export interface SdsAccess {
  /** `host:port`, or `unix:<path>`. */
  readonly address: string;
  /** Token that it shows. */
  readonly token?: string;
  /** How it asks. @default "DELTA_GRPC" */
  readonly api?: "GRPC" | "DELTA_GRPC";
}

type Json = Readonly<Record<string, unknown>>;

const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";
const HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3";

/** Returns the ConfigSource of a secret. */
export function secretConfig(name: string, { token, api = "DELTA_GRPC" }: SdsAccess): Json {
  const metadata = { key: "authorization", value: `Bearer ${token}` };
  return {
    name,
    sds_config: {
      resource_api_version: "V3",
      api_config_source: {
        api_type: api,
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{
          envoy_grpc: { cluster_name: "sds" },
          ...(token !== undefined && { initial_metadata: [metadata] }),
        }],
      },
    },
  };
}

/** Returns a listener that answers over TLS with `body`. */
export function tlsListener(port: number, options: {
  readonly access: SdsAccess;
  readonly certificate?: string;
  readonly trust?: string;
  readonly tickets?: string;
  readonly body?: string;
}): Json {
  const { access, certificate = "default", trust, tickets, body = "hello" } = options;
  return {
    name: `tls-${port}`,
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    filter_chains: [{
      filters: [answering(body)],
      transport_socket: {
        name: "envoy.transport_sockets.tls",
        typed_config: {
          "@type": `${TLS}.DownstreamTlsContext`,
          require_client_certificate: trust !== undefined,
          common_tls_context: {
            tls_certificate_sds_secret_configs: [secretConfig(certificate, access)],
            ...(trust !== undefined &&
              { validation_context_sds_secret_config: secretConfig(trust, access) }),
          },
          ...(tickets !== undefined &&
            { session_ticket_keys_sds_secret_config: secretConfig(tickets, access) }),
        },
      },
    }],
  };
}

function answering(body: string): Json {
  const route = {
    match: { prefix: "/" },
    direct_response: { status: 200, body: { inline_string: body } },
  };
  return connectionManager({ name: "all", domains: ["*"], routes: [route] });
}

function connectionManager(virtualHost: Json): Json {
  return {
    name: "envoy.filters.network.http_connection_manager",
    typed_config: {
      "@type": `${HCM}.HttpConnectionManager`,
      stat_prefix: "http",
      route_config: { virtual_hosts: [virtualHost] },
      http_filters: [{
        name: "envoy.filters.http.router",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        },
      }],
    },
  };
}

/** Returns a cluster that shows its own certificate and wants a peer of this SPIFFE ID. */
function tlsCluster(port: number, { access, peer }: {
  readonly access: SdsAccess;
  readonly peer: string;
}): Json {
  return {
    name: "peer",
    type: "STATIC",
    connect_timeout: "30s",
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        // Each request is a handshake.
        common_http_protocol_options: { max_requests_per_connection: 1 },
        explicit_http_config: { http_protocol_options: {} },
      },
    },
    transport_socket: {
      name: "envoy.transport_sockets.tls",
      typed_config: {
        "@type": `${TLS}.UpstreamTlsContext`,
        max_session_keys: 0,
        common_tls_context: {
          tls_certificate_sds_secret_configs: [secretConfig("default", access)],
          combined_validation_context: {
            default_validation_context: {
              match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: peer } }],
            },
            validation_context_sds_secret_config: secretConfig("ROOTCA", access),
          },
        },
      },
    },
    load_assignment: endpointsAt("peer", { kind: "tcp", port }),
  };
}

type Endpoint =
  | { readonly kind: "tcp"; readonly port: number }
  | { readonly kind: "pipe"; readonly path: string };

function endpointsAt(cluster: string, endpoint: Endpoint): Json {
  const address = endpoint.kind === "pipe"
    ? { pipe: { path: endpoint.path } }
    : { socket_address: { address: "127.0.0.1", port_value: endpoint.port } };
  return { cluster_name: cluster, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] };
}

/** Returns the static cluster that sds is. */
export function sdsCluster({ address }: SdsAccess): Json {
  const endpoint: Endpoint = address.startsWith("unix:")
    ? { kind: "pipe", path: address.slice("unix:".length) }
    : { kind: "tcp", port: Number(address.slice(address.lastIndexOf(":") + 1)) };
  return {
    name: "sds",
    type: "STATIC",
    connect_timeout: "30s",
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: endpointsAt("sds", endpoint),
  };
}

/** Returns a bootstrap with these listeners and clusters, and sds. */
export function staticBootstrap(options: {
  readonly access: SdsAccess;
  readonly node?: string;
  readonly listeners: readonly Json[];
  readonly clusters?: readonly Json[];
}): Bootstrap {
  const { access, node = "envoy", listeners, clusters = [] } = options;
  return {
    node: { id: node, cluster: node },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
    static_resources: { listeners, clusters: [sdsCluster(access), ...clusters] },
  };
}

/** The bootstraps of two Envoys that talk over mutual TLS, and where to send requests. */
export interface Pair {
  /** Of the one that answers. */
  readonly server: Bootstrap;
  /** Of the one that asks. */
  readonly client: Bootstrap;
  /** Requests to it are sent on over mutual TLS, each on a new connection. */
  readonly url: string;
  /** Port of the server's TLS listener. */
  readonly tlsPort: number;
}

/** Returns them; `backend` and `frontend` say how each reaches sds. */
export function mutualTlsPair({ backend, frontend, trustDomain = "denvoy.local" }: {
  readonly backend: SdsAccess;
  readonly frontend: SdsAccess;
  readonly trustDomain?: string;
}): Pair {
  const [tlsPort = 0, plainPort = 0] = freePorts(2);
  const route = { match: { prefix: "/" }, route: { cluster: "peer", timeout: "30s" } };
  const plain = {
    name: "plain",
    address: { socket_address: { address: "127.0.0.1", port_value: plainPort } },
    filter_chains: [{
      filters: [connectionManager({ name: "all", domains: ["*"], routes: [route] })],
    }],
  };
  const peer = `spiffe://${trustDomain}/backend`;
  return {
    server: staticBootstrap({
      access: backend,
      node: "backend",
      listeners: [tlsListener(tlsPort, { access: backend, trust: "ROOTCA" })],
    }),
    client: staticBootstrap({
      access: frontend,
      node: "frontend",
      listeners: [plain],
      clusters: [tlsCluster(tlsPort, { access: frontend, peer })],
    }),
    url: `http://127.0.0.1:${plainPort}/`,
    tlsPort,
  };
}
