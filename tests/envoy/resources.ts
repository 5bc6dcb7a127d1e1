// SPDX-License-Identifier: Apache-2.0
/**
 * Resources for real Envoys, as a person would write them into a file.
 * @module
 */
import { configSource, type XdsMode } from "../support/mod.ts";

/** A resource in canonical JSON, with its `@type`. */
export type Resource = Readonly<Record<string, unknown>>;

const PREFIX = "type.googleapis.com/envoy.";
const FILTERS = `${PREFIX}extensions.filters`;

/** Type URL of clusters. */
export const CLUSTER_TYPE = `${PREFIX}config.cluster.v3.Cluster`;
/** Type URL of load assignments. */
export const ENDPOINTS_TYPE = `${PREFIX}config.endpoint.v3.ClusterLoadAssignment`;
/** Type URL of listeners. */
export const LISTENER_TYPE = `${PREFIX}config.listener.v3.Listener`;
/** Type URL of route configurations. */
export const ROUTE_TYPE = `${PREFIX}config.route.v3.RouteConfiguration`;

/** Returns the text of a file that holds `resources`, for the nodes of `nodes` if it is given. */
export function fileText(resources: readonly Resource[], nodes?: Resource): string {
  return JSON.stringify({ ...(nodes === undefined ? {} : { nodes }), resources });
}

/** Returns the socket address of a port on loopback. */
export function loopback(port: number): Resource {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}

/** An EDS cluster whose endpoints come in the same mode; `more` is merged over it. */
export function cluster(name: string, mode: XdsMode, more: Resource = {}): Resource {
  return {
    "@type": CLUSTER_TYPE,
    name,
    type: "EDS",
    connect_timeout: "1s",
    eds_cluster_config: { eds_config: configSource(mode) },
    ...more,
  };
}

/** The endpoints of a cluster: one for each port. */
export function endpoints(name: string, ...ports: readonly number[]): Resource {
  const lbEndpoints = ports.map((port) => ({ endpoint: { address: loopback(port) } }));
  return {
    "@type": ENDPOINTS_TYPE,
    cluster_name: name,
    endpoints: lbEndpoints.length === 0 ? [] : [{ lb_endpoints: lbEndpoints }],
  };
}

/** A route by prefix: to a cluster, or answered by Envoy itself. */
export type Route =
  | { readonly prefix: string; readonly cluster: string }
  | { readonly prefix: string; readonly status: number; readonly body: string };

/** Returns a route of a virtual host. */
export function routeEntry(route: Route): Resource {
  const match = { prefix: route.prefix };
  if ("cluster" in route) return { match, route: { cluster: route.cluster } };
  const { status, body } = route;
  return { match, direct_response: { status, body: { inline_string: body } } };
}

/** A virtual host; `domains` is every name if absent. */
export function virtualHost(
  name: string,
  { routes, domains = ["*"] }: {
    readonly routes: readonly Route[];
    readonly domains?: readonly string[];
  },
): Resource {
  return { name, domains, routes: routes.map(routeEntry) };
}

/** A route configuration with one virtual host for every name. */
export function routeConfig(name: string, ...routes: readonly Route[]): Resource {
  return { "@type": ROUTE_TYPE, name, virtual_hosts: [virtualHost("everything", { routes })] };
}

/** A route configuration that sends everything to one cluster. */
export function routesTo(name: string, target: string): Resource {
  return routeConfig(name, { prefix: "/", cluster: target });
}

/** What a listener does with requests. */
export interface ListenerOptions {
  /** Where it listens on loopback. */
  readonly port: number;
  /** The `route_specifier` and whatever else the connection manager has. */
  readonly manager: Resource;
  /** HTTP filters before the router. */
  readonly filters?: readonly Resource[];
  /** TLS and the like for its only filter chain. */
  readonly transportSocket?: Resource;
  /** Merged over the listener. */
  readonly more?: Resource;
}

/** An HTTP listener. */
export function listener(name: string, options: ListenerOptions): Resource {
  const { port, manager, filters = [], transportSocket, more } = options;
  const router = {
    name: "envoy.filters.http.router",
    typed_config: { "@type": `${FILTERS}.http.router.v3.Router` },
  };
  const connectionManager = {
    name: "envoy.filters.network.http_connection_manager",
    typed_config: {
      "@type": `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: name,
      http_filters: [...filters, router],
      ...manager,
    },
  };
  const chain = {
    filters: [connectionManager],
    ...(transportSocket === undefined ? {} : { transport_socket: transportSocket }),
  };
  return {
    "@type": LISTENER_TYPE,
    name,
    address: loopback(port),
    filter_chains: [chain],
    ...more,
  };
}

/** The part of a connection manager that asks for its routes by name. */
export function rds(routeName: string, mode: XdsMode): Resource {
  return { rds: { route_config_name: routeName, config_source: configSource(mode) } };
}

/** The part of a connection manager that holds its routes. */
export function inlineRoutes(...routes: readonly Route[]): Resource {
  return { route_config: { virtual_hosts: [virtualHost("everything", { routes })] } };
}
