// SPDX-License-Identifier: Apache-2.0
/**
 * Resources for gRPC clients and servers that take their configuration over xDS themselves.
 * @module
 */

/** A resource in canonical JSON, with its `@type`. */
export type Resource = Readonly<Record<string, unknown>>;

const ENVOY = "type.googleapis.com/envoy.";
const MANAGER = `${ENVOY}extensions.filters.network.http_connection_manager.v3` +
  ".HttpConnectionManager";
const ROUTER = {
  name: "router",
  typed_config: { "@type": `${ENVOY}extensions.filters.http.router.v3.Router` },
};

/** Returns the text of a file that holds `resources`. */
export function fileText(...resources: readonly Resource[]): string {
  return JSON.stringify({ resources });
}

/** What the target `xds:///<name>` leads to: routes by RDS. */
export function clientListener(name: string, routeName: string): Resource {
  const manager = {
    "@type": MANAGER,
    stat_prefix: name,
    rds: { route_config_name: routeName, config_source: { ads: {}, resource_api_version: "V3" } },
    http_filters: [ROUTER],
  };
  return {
    "@type": `${ENVOY}config.listener.v3.Listener`,
    name,
    api_listener: { api_listener: manager },
  };
}

/** Sends every call for `domain` to one cluster. */
export function clientRoutes(
  name: string,
  { domain, cluster }: { readonly domain: string; readonly cluster: string },
): Resource {
  const routes = [{ match: { prefix: "" }, route: { cluster } }];
  return {
    "@type": `${ENVOY}config.route.v3.RouteConfiguration`,
    name,
    virtual_hosts: [{ name: domain, domains: [domain], routes }],
  };
}

/** A cluster whose endpoints come by EDS; `more` is merged over it. */
export function clientCluster(name: string, more: Resource = {}): Resource {
  return {
    "@type": `${ENVOY}config.cluster.v3.Cluster`,
    name,
    type: "EDS",
    eds_cluster_config: { eds_config: { ads: {}, resource_api_version: "V3" } },
    ...more,
  };
}

/** The endpoints of a cluster: one for each port, in one locality, which gRPC insists on. */
export function clientEndpoints(cluster: string, ...ports: readonly number[]): Resource {
  const locality = {
    locality: { region: "test" },
    load_balancing_weight: 1,
    lb_endpoints: ports.map((port) => ({ endpoint: { address: loopback(port) } })),
  };
  return {
    "@type": `${ENVOY}config.endpoint.v3.ClusterLoadAssignment`,
    cluster_name: cluster,
    endpoints: ports.length === 0 ? [] : [locality],
  };
}

/** What lets a gRPC server that listens on a port of loopback serve every call itself. */
export function serverListener(port: number): Resource {
  const routes = [{ match: { prefix: "" }, non_forwarding_action: {} }];
  const manager = {
    "@type": MANAGER,
    stat_prefix: "server",
    route_config: { name: "inbound", virtual_hosts: [{ name: "all", domains: ["*"], routes }] },
    http_filters: [ROUTER],
  };
  return {
    "@type": `${ENVOY}config.listener.v3.Listener`,
    name: `grpc/server?xds.resource.listening_address=127.0.0.1:${port}`,
    address: loopback(port),
    default_filter_chain: {
      filters: [{ name: "http", typed_config: manager }],
    },
  };
}

function loopback(port: number): Resource {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}
