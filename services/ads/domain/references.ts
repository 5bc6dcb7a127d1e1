// SPDX-License-Identifier: Apache-2.0
/**
 * What a resource names: found by walking through all messages in it, also within an Any, and looking
 * at the fields that are known to hold names. What lies within a ConfigSource is passed over: the
 * clusters there are the bootstrap's.
 * @module
 */
import { type AnyMessage, type MessageView, viewOf, walk } from "@denvoy/proto";
import type { ResourceKey, TypeUrl } from "@denvoy/xds";
import {
  CLUSTER,
  EXTENSION_CONFIG,
  LB_ENDPOINT,
  LOAD_ASSIGNMENT,
  ROUTE_CONFIGURATION,
  SECRET,
} from "./resource_types.ts";
import { keyText } from "./slot.ts";

const FILTERS = "envoy.extensions.filters";

/** Fields that hold the name of a cluster, by message; strings or lists of strings. */
const clusterFields: ReadonlyMap<string, string> = new Map([
  ["envoy.config.core.v3.HttpUri", "cluster"],
  ["envoy.config.core.v3.GrpcService.EnvoyGrpc", "cluster_name"],
  ["envoy.config.route.v3.RouteAction", "cluster"],
  ["envoy.config.route.v3.RouteAction.RequestMirrorPolicy", "cluster"],
  ["envoy.config.route.v3.WeightedCluster.ClusterWeight", "name"],
  ["envoy.config.metrics.v3.StatsdSink", "tcp_cluster_name"],
  ["envoy.config.trace.v3.DatadogConfig", "collector_cluster"],
  ["envoy.config.trace.v3.LightstepConfig", "collector_cluster"],
  ["envoy.config.trace.v3.ZipkinConfig", "collector_cluster"],
  ["envoy.data.dns.v3.DnsTable.DnsServiceTarget", "cluster_name"],
  ["envoy.data.dns.v3.DnsTable.DnsEndpoint", "cluster_name"],
  ["envoy.extensions.access_loggers.fluentd.v3.FluentdAccessLogConfig", "cluster"],
  ["envoy.extensions.clusters.aggregate.v3.ClusterConfig", "clusters"],
  [`${FILTERS}.http.cache_v2.v3.CacheV2Config`, "override_upstream_cluster"],
  [`${FILTERS}.http.gcp_authn.v3.GcpAuthnFilterConfig`, "cluster"],
  [`${FILTERS}.http.mcp_router.v3.McpRouter.McpCluster`, "cluster"],
  [`${FILTERS}.network.dubbo_proxy.v3.RouteAction`, "cluster"],
  [`${FILTERS}.network.generic_proxy.action.v3.RouteAction`, "cluster"],
  [`${FILTERS}.network.redis_proxy.v3.RedisProxy.PrefixRoutes.Route`, "cluster"],
  [
    `${FILTERS}.network.redis_proxy.v3.RedisProxy.PrefixRoutes.Route.RequestMirrorPolicy`,
    "cluster",
  ],
  [`${FILTERS}.network.redis_proxy.v3.RedisProxy.PrefixRoutes.Route.ReadCommandPolicy`, "cluster"],
  [`${FILTERS}.network.tcp_proxy.v3.TcpProxy`, "cluster"],
  [`${FILTERS}.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight`, "name"],
  [`${FILTERS}.network.thrift_proxy.v3.RouteAction`, "cluster"],
  [`${FILTERS}.network.thrift_proxy.v3.RouteAction.RequestMirrorPolicy`, "cluster"],
  [`${FILTERS}.network.thrift_proxy.v3.WeightedCluster.ClusterWeight`, "name"],
  [`${FILTERS}.udp.udp_proxy.v3.Route`, "cluster"],
  [`${FILTERS}.udp.udp_proxy.v3.UdpProxyConfig`, "cluster"],
  ["envoy.extensions.router.cluster_specifiers.lua.v3.LuaConfig", "default_cluster"],
  ["envoy.extensions.router.cluster_specifiers.matcher.v3.ClusterAction", "cluster"],
  ["envoy.extensions.tracers.fluentd.v3.FluentdConfig", "cluster"],
]);

/** A name that is served from here when its ConfigSource says so. */
interface DiscoveredName {
  readonly typeUrl: TypeUrl;
  readonly name: string;
  readonly source: MessageView | undefined;
}

/** Messages that say "the rest comes by discovery under this name". */
const discoveries: ReadonlyMap<string, (view: MessageView) => DiscoveredName> = new Map([
  [
    `${FILTERS}.network.http_connection_manager.v3.Rds`,
    (view: MessageView) => ({
      typeUrl: ROUTE_CONFIGURATION,
      name: view.text("route_config_name"),
      source: view.message("config_source"),
    }),
  ],
  [
    "envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig",
    (view: MessageView) => ({
      typeUrl: SECRET,
      name: view.text("name"),
      source: view.message("sds_config"),
    }),
  ],
  [
    "envoy.config.endpoint.v3.LedsClusterLocalityConfig",
    (view: MessageView) => ({
      typeUrl: LB_ENDPOINT,
      name: view.text("leds_collection_name"),
      source: view.message("leds_config"),
    }),
  ],
  ...[
    `${FILTERS}.network.http_connection_manager.v3.HttpFilter`,
    `${FILTERS}.http.composite.v3.DynamicConfig`,
    `${FILTERS}.udp.udp_proxy.v3.UdpProxyConfig.SessionFilter`,
    "envoy.config.cluster.v3.Filter",
    "envoy.config.listener.v3.Filter",
    "envoy.config.listener.v3.ListenerFilter",
  ].map((typeName) => [typeName, extensionOf] as const),
]);

const EDS = 3;

/** Returns what the resource `owner` names, each once, in order of first mention. */
export function findReferences(message: AnyMessage, owner: ResourceKey): readonly ResourceKey[] {
  const found = new Map<string, ResourceKey>();
  function add(typeUrl: TypeUrl, name: string): void {
    if (name === "" || typeUrl === owner.typeUrl && name === owner.name) return;
    const key = { typeUrl, name };
    found.set(keyText(key), key);
  }
  const root = viewOf(message);
  if (owner.typeUrl === CLUSTER) addLoadAssignment(root, add);
  if (root.typeName === "envoy.config.route.v3.ScopedRouteConfiguration") {
    add(ROUTE_CONFIGURATION, root.text("route_configuration_name"));
  }
  walk(message, (view) => {
    if (view.typeName === "envoy.config.core.v3.ConfigSource") return "skip";
    const field = clusterFields.get(view.typeName);
    if (field !== undefined) { for (const name of namesIn(view, field)) add(CLUSTER, name); }
    const discovered = discoveries.get(view.typeName)?.(view);
    if (discovered !== undefined && isServedHere(discovered.source)) {
      add(discovered.typeUrl, discovered.name);
    }
  });
  return [...found.values()];
}

/**
 * The load assignment of an EDS cluster counts also when it comes over a stream of its own: a cluster
 * that is told of an empty one does not wait.
 */
function addLoadAssignment(
  cluster: MessageView,
  add: (typeUrl: TypeUrl, name: string) => void,
): void {
  const eds = cluster.get("type") === EDS ? cluster.message("eds_cluster_config") : undefined;
  const source = eds?.message("eds_config");
  if (eds === undefined || source?.has("path") || source?.has("path_config_source")) return;
  add(LOAD_ASSIGNMENT, eds.text("service_name") || cluster.text("name"));
}

function extensionOf(view: MessageView): DiscoveredName {
  const source = view.message("config_discovery")?.message("config_source");
  return { typeUrl: EXTENSION_CONFIG, name: view.text("name"), source };
}

/** Whether names of this source are asked for over the same stream as everything else. */
function isServedHere(source: MessageView | undefined): boolean {
  return source !== undefined && (source.has("ads") || source.has("self"));
}

function namesIn(view: MessageView, field: string): readonly string[] {
  const value = view.get(field);
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
