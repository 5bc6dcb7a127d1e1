// SPDX-License-Identifier: Apache-2.0
/**
 * Bootstraps for test Envoys that hold nothing but the address of their management server.
 * @module
 */

/** How an Envoy asks for its configuration. */
export type XdsMode = "ads-delta" | "ads-sotw" | "separate-delta" | "separate-sotw" | "rest";

/** What a bootstrap says. */
export interface BootstrapOptions {
  /** `host:port` of the gRPC server, or of the HTTP server when `mode` is `rest`. */
  readonly managementAddress: string;
  /** How Envoy asks. @default "ads-delta" */
  readonly mode?: XdsMode;
  /** Id of the node. @default "test-node" */
  readonly nodeId?: string;
  /** Cluster of the node. @default "test-cluster" */
  readonly nodeCluster?: string;
  /** Metadata of the node. */
  readonly nodeMetadata?: Readonly<Record<string, unknown>>;
  /** Locality of the node. */
  readonly locality?: Readonly<{ region?: string; zone?: string; sub_zone?: string }>;
  /** Merged over the top level of the bootstrap, for what a test wants besides. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** Envoy's bootstrap as JSON; its admin port is picked by the system. */
export type Bootstrap = Readonly<Record<string, unknown>>;

const managementCluster = "denvoy";

/** Returns a bootstrap whose listeners and clusters come from the management server. */
export function bootstrap(options: BootstrapOptions): Bootstrap {
  const mode = options.mode ?? "ads-delta";
  return {
    node: {
      id: options.nodeId ?? "test-node",
      cluster: options.nodeCluster ?? "test-cluster",
      ...(options.nodeMetadata === undefined ? {} : { metadata: options.nodeMetadata }),
      ...(options.locality === undefined ? {} : { locality: options.locality }),
    },
    admin: { address: socketAddress("127.0.0.1", 0) },
    dynamic_resources: dynamicResources(mode),
    static_resources: { clusters: [cluster(options.managementAddress, mode !== "rest")] },
    // Without it Envoy warns at every start that connections have no bound.
    overload_manager: {
      resource_monitors: [{
        name: "envoy.resource_monitors.global_downstream_max_connections",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.resource_monitors." +
            "downstream_connections.v3.DownstreamConnectionsConfig",
          max_active_downstream_connections: 50_000,
        },
      }],
    },
    ...options.extra,
  };
}

/**
 * Returns the ConfigSource by which a resource (the RDS of a listener, the EDS of a cluster) asks
 * for more in the same mode as the bootstrap.
 */
export function configSource(mode: XdsMode = "ads-delta"): Readonly<Record<string, unknown>> {
  if (mode.startsWith("ads")) return { resource_api_version: "V3", ads: {} };
  return { resource_api_version: "V3", api_config_source: apiConfigSource(mode) };
}

function dynamicResources(mode: XdsMode): Readonly<Record<string, unknown>> {
  const sources = { lds_config: configSource(mode), cds_config: configSource(mode) };
  return mode.startsWith("ads") ? { ads_config: apiConfigSource(mode), ...sources } : sources;
}

function apiConfigSource(mode: XdsMode): Readonly<Record<string, unknown>> {
  if (mode === "rest") {
    return {
      api_type: "REST",
      transport_api_version: "V3",
      cluster_names: [managementCluster],
      refresh_delay: "0.2s",
      request_timeout: "5s",
    };
  }
  return {
    api_type: mode.endsWith("delta") ? "DELTA_GRPC" : "GRPC",
    transport_api_version: "V3",
    set_node_on_first_message_only: true,
    grpc_services: [{ envoy_grpc: { cluster_name: managementCluster } }],
  };
}

function cluster(address: string, http2: boolean): Readonly<Record<string, unknown>> {
  const colon = address.lastIndexOf(":");
  const [host, port] = [address.slice(0, colon), Number(address.slice(colon + 1))];
  const endpoint = { endpoint: { address: socketAddress(host, port) } };
  return {
    name: managementCluster,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: managementCluster,
      endpoints: [{ lb_endpoints: [endpoint] }],
    },
    ...(http2 ? { typed_extension_protocol_options: http2ProtocolOptions } : {}),
  };
}

function socketAddress(address: string, port: number): Readonly<Record<string, unknown>> {
  return { socket_address: { address, port_value: port } };
}

const http2ProtocolOptions = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    explicit_http_config: { http2_protocol_options: {} },
  },
};
