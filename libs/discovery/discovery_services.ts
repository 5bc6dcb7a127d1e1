// SPDX-License-Identifier: Apache-2.0
/**
 * Which discovery services there are: their RPC names, their REST path and the one type that each
 * serves. Everything that registers or routes them reads this table.
 * @module
 */
import type { TypeUrl } from "@denvoy/xds";

/** One discovery service of Envoy's v3 API. An absent RPC name is one that the API does not have. */
export interface DiscoveryService {
  /** Full name of the gRPC service. */
  readonly service: string;
  /** The only type that it serves; absent for the aggregated service. */
  readonly typeUrl?: TypeUrl;
  /** State-of-the-world stream. */
  readonly stream?: string;
  /** Incremental stream. */
  readonly delta?: string;
  /** Unary poll. */
  readonly fetch?: string;
  /** The word behind `POST /v3/discovery:` (google.api.http annotation of the fetch RPC). */
  readonly restName?: string;
}

const ENVOY = "type.googleapis.com/envoy";

/** Every discovery service of the API. */
export const DISCOVERY_SERVICES: readonly DiscoveryService[] = [
  {
    service: "envoy.service.discovery.v3.AggregatedDiscoveryService",
    stream: "StreamAggregatedResources",
    delta: "DeltaAggregatedResources",
  },
  {
    service: "envoy.service.listener.v3.ListenerDiscoveryService",
    typeUrl: `${ENVOY}.config.listener.v3.Listener`,
    stream: "StreamListeners",
    delta: "DeltaListeners",
    fetch: "FetchListeners",
    restName: "listeners",
  },
  {
    service: "envoy.service.cluster.v3.ClusterDiscoveryService",
    typeUrl: `${ENVOY}.config.cluster.v3.Cluster`,
    stream: "StreamClusters",
    delta: "DeltaClusters",
    fetch: "FetchClusters",
    restName: "clusters",
  },
  {
    service: "envoy.service.route.v3.RouteDiscoveryService",
    typeUrl: `${ENVOY}.config.route.v3.RouteConfiguration`,
    stream: "StreamRoutes",
    delta: "DeltaRoutes",
    fetch: "FetchRoutes",
    restName: "routes",
  },
  {
    service: "envoy.service.route.v3.VirtualHostDiscoveryService",
    typeUrl: `${ENVOY}.config.route.v3.VirtualHost`,
    delta: "DeltaVirtualHosts",
  },
  {
    service: "envoy.service.route.v3.ScopedRoutesDiscoveryService",
    typeUrl: `${ENVOY}.config.route.v3.ScopedRouteConfiguration`,
    stream: "StreamScopedRoutes",
    delta: "DeltaScopedRoutes",
    fetch: "FetchScopedRoutes",
    restName: "scoped-routes",
  },
  {
    service: "envoy.service.endpoint.v3.EndpointDiscoveryService",
    typeUrl: `${ENVOY}.config.endpoint.v3.ClusterLoadAssignment`,
    stream: "StreamEndpoints",
    delta: "DeltaEndpoints",
    fetch: "FetchEndpoints",
    restName: "endpoints",
  },
  {
    service: "envoy.service.endpoint.v3.LocalityEndpointDiscoveryService",
    typeUrl: `${ENVOY}.config.endpoint.v3.LbEndpoint`,
    delta: "DeltaLocalityEndpoints",
  },
  {
    service: "envoy.service.secret.v3.SecretDiscoveryService",
    typeUrl: `${ENVOY}.extensions.transport_sockets.tls.v3.Secret`,
    stream: "StreamSecrets",
    delta: "DeltaSecrets",
    fetch: "FetchSecrets",
    restName: "secrets",
  },
  {
    service: "envoy.service.runtime.v3.RuntimeDiscoveryService",
    typeUrl: `${ENVOY}.service.runtime.v3.Runtime`,
    stream: "StreamRuntime",
    delta: "DeltaRuntime",
    fetch: "FetchRuntime",
    restName: "runtime",
  },
  {
    service: "envoy.service.extension.v3.ExtensionConfigDiscoveryService",
    typeUrl: `${ENVOY}.config.core.v3.TypedExtensionConfig`,
    stream: "StreamExtensionConfigs",
    delta: "DeltaExtensionConfigs",
    fetch: "FetchExtensionConfigs",
    restName: "extension_configs",
  },
  {
    service: "ratelimit.service.ratelimit.v3.RateLimitConfigDiscoveryService",
    typeUrl: "type.googleapis.com/ratelimit.config.ratelimit.v3.RateLimitConfig",
    stream: "StreamRlsConfigs",
    fetch: "FetchRlsConfigs",
  },
];

/** The discovery service of secrets alone. */
export const SECRET_DISCOVERY_SERVICES: readonly DiscoveryService[] = DISCOVERY_SERVICES.filter(
  ({ service }) => service === "envoy.service.secret.v3.SecretDiscoveryService",
);
