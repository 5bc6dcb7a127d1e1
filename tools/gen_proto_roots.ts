// SPDX-License-Identifier: Apache-2.0
/**
 * What the generator puts out. To use another message in code, add its name to `ROOT_MESSAGES`
 * (what it refers to comes along) and run `deno task gen`.
 * @module
 */

/** Messages that get a TypeScript type and a codec, besides those of `ROOT_SERVICES`. */
export const ROOT_MESSAGES: readonly string[] = [
  "google.rpc.Status",
  "google.rpc.BadRequest",
  "google.rpc.ErrorInfo",
  "google.protobuf.Any",
  "google.protobuf.Duration",
  "google.protobuf.Timestamp",
  "google.protobuf.Struct",
  "google.protobuf.BoolValue",
  "google.protobuf.UInt32Value",
  "google.protobuf.UInt64Value",
  "google.protobuf.StringValue",
  "envoy.config.cluster.v3.Cluster",
  "envoy.config.endpoint.v3.ClusterLoadAssignment",
  "envoy.config.endpoint.v3.LbEndpointCollection",
  "envoy.service.runtime.v3.Runtime",
  "envoy.extensions.transport_sockets.tls.v3.Secret",
  "ratelimit.config.ratelimit.v3.RateLimitConfig",
];

/** Services whose definitions are put out, with the messages they exchange. */
export const ROOT_SERVICES: readonly string[] = [
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
  "envoy.service.discovery.v3.AggregatedDiscoveryService",
  "envoy.service.listener.v3.ListenerDiscoveryService",
  "envoy.service.cluster.v3.ClusterDiscoveryService",
  "envoy.service.route.v3.RouteDiscoveryService",
  "envoy.service.route.v3.VirtualHostDiscoveryService",
  "envoy.service.route.v3.ScopedRoutesDiscoveryService",
  "envoy.service.endpoint.v3.EndpointDiscoveryService",
  "envoy.service.endpoint.v3.LocalityEndpointDiscoveryService",
  "envoy.service.secret.v3.SecretDiscoveryService",
  "envoy.service.runtime.v3.RuntimeDiscoveryService",
  "envoy.service.extension.v3.ExtensionConfigDiscoveryService",
  "envoy.service.status.v3.ClientStatusDiscoveryService",
  "envoy.service.health.v3.HealthDiscoveryService",
  "envoy.service.ratelimit.v3.RateLimitService",
  "envoy.service.rate_limit_quota.v3.RateLimitQuotaService",
  "envoy.service.metrics.v3.MetricsService",
  "envoy.service.accesslog.v3.AccessLogService",
  "envoy.service.load_stats.v3.LoadReportingService",
  "ratelimit.service.ratelimit.v3.RateLimitConfigDiscoveryService",
];

/**
 * Tells whether a file of xds-protos is kept for its own sake; files that those import come along.
 * The v2 API is left out: Envoy refuses it.
 */
export function isRootFile(name: string): boolean {
  if (name.startsWith("envoy/")) return name.includes("/v3/");
  const folders = ["xds/", "udpa/", "opentelemetry/", "google/rpc/", "google/protobuf/"];
  return folders.some((folder) => name.startsWith(folder));
}
