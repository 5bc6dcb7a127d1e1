// SPDX-License-Identifier: Apache-2.0
/**
 * The bootstrap of an Envoy that holds nothing but who it is and where Denvoy is. Everything else
 * comes from there.
 * @module
 */
import type { ListenAddress } from "@denvoy/runtime";
import { transportSocket, type XdsTls } from "./transport_socket.ts";

/**
 * How an Envoy asks for its configuration: over one aggregated stream (`delta`, `sotw`), over a
 * stream per type, or by polling over HTTP.
 */
export const xdsModes = ["delta", "sotw", "separate-delta", "separate-sotw", "rest"] as const;

/** One of {@linkcode xdsModes}. */
export type XdsMode = typeof xdsModes[number];

/** Who an Envoy is (config.core.v3.Node). */
export interface BootstrapNode {
  /** Must differ from that of every other Envoy. */
  readonly id: string;
  /** What it has in common with others; Envoy refuses an empty one. */
  readonly cluster: string;
  /** What node selectors can look at. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Where it runs. */
  readonly locality?: {
    readonly region?: string;
    readonly zone?: string;
    readonly subZone?: string;
  };
}

/** What {@linkcode createBootstrap} takes. */
export interface BootstrapOptions {
  /** Who the Envoy is. */
  readonly node: BootstrapNode;
  /** Where Denvoy listens: gRPC, or HTTP for mode `rest`. Several are replicas; at least one. */
  readonly servers: readonly ListenAddress[];
  /** How Envoy asks. @default "delta" */
  readonly mode?: XdsMode;
  /** Where Envoy's admin API listens; none if absent. Whoever reaches it can stop the Envoy. */
  readonly admin?: { readonly host: string; readonly port: number };
  /** Keys for the connection to Denvoy; plain text if absent. */
  readonly tls?: XdsTls;
  /** Where secrets come from, for an Envoy that asks for them on streams of their own. */
  readonly secrets?: SecretServer;
  /** How long a connection to Denvoy may take to open, in seconds. @default 1 */
  readonly connectTimeoutSeconds?: number;
  /** Pause between two polls in mode `rest`, in seconds. @default 1 */
  readonly refreshSeconds?: number;
  /** Runtime values that are fixed, lowest of all layers. */
  readonly runtime?: Readonly<Record<string, unknown>>;
  /** Name of a runtime layer that comes from Denvoy. */
  readonly rtdsLayer?: string;
  /** Connections beyond this are refused; Envoy warns of a bootstrap without it. @default 50000 */
  readonly maxConnections?: number;
}

/** The sds service as an Envoy reaches it. */
export interface SecretServer {
  /** Where its gRPC listens. */
  readonly server: ListenAddress;
  /** Token that the Envoy shows with each call; it is in the bootstrap as it is. */
  readonly token?: string;
  /** Keys for the connection; plain text if absent. */
  readonly tls?: XdsTls;
}

/** A bootstrap as canonical JSON. */
export type Bootstrap = Readonly<Record<string, unknown>>;

/** Name of the cluster that Denvoy is in the bootstrap. */
export const XDS_CLUSTER = "denvoy";

/** Name of the cluster that sds is in the bootstrap. */
export const SDS_CLUSTER = "sds";

/** Returns the bootstrap, which an Envoy of version 1.30 or later accepts without a warning. */
export function createBootstrap(options: BootstrapOptions): Bootstrap {
  const { node, mode = "delta", admin, maxConnections = 50_000 } = options;
  return {
    node: nodeJson(node),
    ...(admin && { admin: { address: socketAddress(admin.host, admin.port) } }),
    dynamic_resources: dynamicResources(mode, options),
    static_resources: { clusters: [xdsCluster(options), ...sdsClusters(options)] },
    ...layeredRuntime(options),
    overload_manager: {
      resource_monitors: [{
        name: "envoy.resource_monitors.global_downstream_max_connections",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.resource_monitors." +
            "downstream_connections.v3.DownstreamConnectionsConfig",
          max_active_downstream_connections: maxConnections,
        },
      }],
    },
  };
}

/** Returns the ConfigSource by which anything in such an Envoy asks Denvoy for more. */
export function configSource(
  mode: XdsMode,
  options: Pick<BootstrapOptions, "refreshSeconds"> = {},
): Readonly<Record<string, unknown>> {
  if (isAggregated(mode)) return { resource_api_version: "V3", ads: {} };
  return { resource_api_version: "V3", api_config_source: apiConfigSource(mode, options) };
}

function nodeJson({ id, cluster, metadata, locality }: BootstrapNode): unknown {
  const { region, zone, subZone } = locality ?? {};
  const place = {
    ...(region !== undefined && { region }),
    ...(zone !== undefined && { zone }),
    ...(subZone !== undefined && { sub_zone: subZone }),
  };
  return {
    id,
    cluster,
    ...(Object.keys(metadata ?? {}).length > 0 && { metadata }),
    ...(Object.keys(place).length > 0 && { locality: place }),
  };
}

function dynamicResources(mode: XdsMode, options: BootstrapOptions): unknown {
  const source = configSource(mode, options);
  return {
    ...(isAggregated(mode) && { ads_config: apiConfigSource(mode, options) }),
    cds_config: source,
    lds_config: source,
  };
}

function isAggregated(mode: XdsMode): boolean {
  return mode === "delta" || mode === "sotw";
}

function apiConfigSource(
  mode: XdsMode,
  { refreshSeconds = 1 }: Pick<BootstrapOptions, "refreshSeconds">,
): unknown {
  if (mode === "rest") {
    return {
      api_type: "REST",
      transport_api_version: "V3",
      cluster_names: [XDS_CLUSTER],
      refresh_delay: `${refreshSeconds}s`,
      request_timeout: "5s",
    };
  }
  return {
    api_type: mode.endsWith("delta") ? "DELTA_GRPC" : "GRPC",
    transport_api_version: "V3",
    // The node can be large, and every later request on the stream would repeat it.
    set_node_on_first_message_only: true,
    grpc_services: [{ envoy_grpc: { cluster_name: XDS_CLUSTER } }],
  };
}

function xdsCluster(options: BootstrapOptions): unknown {
  const { servers, mode = "delta", tls, connectTimeoutSeconds = 1 } = options;
  const endpoints = servers.map((server) => ({ endpoint: { address: addressJson(server) } }));
  const protocol = mode === "rest" ? "http/1.1" : "h2";
  return {
    name: XDS_CLUSTER,
    type: servers.every(needsNoLookup) ? "STATIC" : "STRICT_DNS",
    connect_timeout: `${connectTimeoutSeconds}s`,
    ...(protocol === "h2" && { typed_extension_protocol_options: HTTP2_WITH_KEEPALIVE }),
    load_assignment: { cluster_name: XDS_CLUSTER, endpoints: [{ lb_endpoints: endpoints }] },
    ...(tls && { transport_socket: transportSocket(tls, protocol) }),
  };
}

function sdsClusters({ secrets, connectTimeoutSeconds = 1 }: BootstrapOptions): readonly unknown[] {
  if (secrets === undefined) return [];
  const { server, token, tls } = secrets;
  const name = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  return [{
    name: SDS_CLUSTER,
    type: needsNoLookup(server) ? "STATIC" : "STRICT_DNS",
    connect_timeout: `${connectTimeoutSeconds}s`,
    typed_extension_protocol_options: {
      [name]: {
        ...HTTP2_WITH_KEEPALIVE[name],
        ...(token !== undefined && { http_filters: showingToken(token) }),
      },
    },
    load_assignment: {
      cluster_name: SDS_CLUSTER,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: addressJson(server) } }] }],
    },
    ...(tls && { transport_socket: transportSocket(tls, "h2") }),
  }];
}

/** The token belongs to the Envoy, while the resources that name its secrets are the same for all. */
function showingToken(token: string): readonly unknown[] {
  const filters = "type.googleapis.com/envoy.extensions.filters.http";
  const header = { key: "authorization", value: `Bearer ${token}` };
  const append = { header, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" };
  return [
    {
      name: "token",
      typed_config: {
        "@type": `${filters}.header_mutation.v3.HeaderMutation`,
        mutations: { request_mutations: [{ append }] },
      },
    },
    {
      name: "envoy.filters.http.upstream_codec",
      typed_config: { "@type": `${filters}.upstream_codec.v3.UpstreamCodec` },
    },
  ];
}

const HTTP2_WITH_KEEPALIVE = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    explicit_http_config: {
      http2_protocol_options: {
        // Notices a server that has gone without closing its connection.
        connection_keepalive: { interval: "30s", timeout: "5s" },
      },
    },
  },
};

/** Tells whether an address is an IP or a path: Envoy looks up names only in other cluster types. */
export function needsNoLookup(address: ListenAddress): boolean {
  return address.kind === "unix" || isIp(address.hostname);
}

function isIp(host: string): boolean {
  return host.includes(":") || /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
}

function addressJson(address: ListenAddress): unknown {
  if (address.kind === "unix") return { pipe: { path: address.path } };
  return socketAddress(address.hostname, address.port);
}

function socketAddress(address: string, port: number): unknown {
  return { socket_address: { address, port_value: port } };
}

/** Layers from the lowest on; Envoy adds the admin layer itself when there is no other. */
function layeredRuntime(options: BootstrapOptions): Bootstrap {
  const { runtime, rtdsLayer, admin, mode = "delta" } = options;
  if (rtdsLayer === undefined && Object.keys(runtime ?? {}).length === 0) return {};
  const layers = [
    ...(Object.keys(runtime ?? {}).length === 0 ? [] : [{ name: "static", static_layer: runtime }]),
    ...(rtdsLayer === undefined ? [] : [{
      name: "denvoy",
      rtds_layer: { name: rtdsLayer, rtds_config: configSource(mode, options) },
    }]),
    ...(admin === undefined ? [] : [{ name: "admin", admin_layer: {} }]),
  ];
  return { layered_runtime: { layers } };
}
