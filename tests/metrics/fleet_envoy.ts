// SPDX-License-Identifier: Apache-2.0
/**
 * An Envoy that proxies to a backend and reports to the metrics service.
 * @module
 */
import { type Backend, freePort } from "../support/mod.ts";

/** How such an Envoy is. */
export interface FleetEnvoyOptions {
  /** `host:port` of the metrics service, or of its replicas. */
  readonly metrics: string | readonly string[];
  /** What it proxies to. */
  readonly backend: Backend;
  /** More of what it proxies to. */
  readonly moreBackends?: readonly Backend[];
  /** Name of the cluster of backends. @default "shop.v1" */
  readonly cluster?: string;
  /** Merged over the cluster of backends. */
  readonly clusterExtra?: Readonly<Record<string, unknown>>;
  /** `node.id`. @default "edge-1" */
  readonly id?: string;
  /** Port of its listener. @default a free one */
  readonly port?: number;
  /** More of the sink's configuration (MetricsServiceConfig). */
  readonly sink?: Readonly<Record<string, unknown>>;
  /** Interval of its flushes. @default "0.5s" */
  readonly flushInterval?: string;
  /** Access loggers of its listener. */
  readonly accessLog?: readonly unknown[];
  /** More listeners. */
  readonly moreListeners?: readonly unknown[];
  /** More clusters. */
  readonly moreClusters?: readonly unknown[];
  /** Merged over the top level of the bootstrap. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

const TYPE = "type.googleapis.com/envoy";

/** Returns the bootstrap, and the port of the listener. */
export function fleetEnvoy(options: FleetEnvoyOptions): {
  readonly port: number;
  readonly bootstrap: Readonly<Record<string, unknown>>;
} {
  const port = options.port ?? freePort();
  const name = options.cluster ?? "shop.v1";
  const backends = [options.backend, ...options.moreBackends ?? []].map((one) =>
    `127.0.0.1:${one.port}`
  );
  const bootstrap = {
    node: { id: options.id ?? "edge-1", cluster: "edge", locality: { region: "r1", zone: "z1" } },
    admin: { address: address("127.0.0.1:0") },
    stats_flush_interval: options.flushInterval ?? "0.5s",
    stats_sinks: [metricsSink(options.sink)],
    static_resources: {
      listeners: [
        listener(port, { accessLog: options.accessLog ?? [], cluster: name }),
        ...options.moreListeners ?? [],
      ],
      clusters: [
        cluster("metrics", [options.metrics].flat(), http2),
        cluster(name, backends, options.clusterExtra),
        ...options.moreClusters ?? [],
      ],
    },
    ...options.extra,
  };
  return { port, bootstrap };
}

function metricsSink(more: Readonly<Record<string, unknown>> = {}) {
  return {
    name: "envoy.stat_sinks.metrics_service",
    typed_config: {
      "@type": `${TYPE}.config.metrics.v3.MetricsServiceConfig`,
      transport_api_version: "V3",
      grpc_service: { envoy_grpc: { cluster_name: "metrics" } },
      ...more,
    },
  };
}

function listener(
  port: number,
  { accessLog, cluster }: { readonly accessLog: readonly unknown[]; readonly cluster: string },
) {
  const manager = {
    "@type": `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "ingress",
    access_log: accessLog,
    http_filters: [{
      name: "envoy.filters.http.router",
      typed_config: { "@type": `${TYPE}.extensions.filters.http.router.v3.Router` },
    }],
    route_config: { name: "routes", virtual_hosts: [virtualHost(cluster)] },
  };
  const name = "envoy.filters.network.http_connection_manager";
  const filter_chains = [{ filters: [{ name, typed_config: manager }] }];
  return { name: "in", address: address(`127.0.0.1:${port}`), filter_chains };
}

function virtualHost(cluster: string) {
  const headers = [{ name: ":path", string_match: { prefix: "/items" } }];
  return {
    name: "all",
    domains: ["*"],
    virtual_clusters: [{ name: "items", headers }],
    routes: [{ match: { prefix: "/" }, name: "shop", stat_prefix: "shop", route: { cluster } }],
  };
}

const http2 = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": `${TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions`,
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

/** Returns a SocketAddress. */
export function address(text: string): Readonly<Record<string, unknown>> {
  const [host, port] = text.split(":");
  return { socket_address: { address: host, port_value: Number(port) } };
}

/** Returns a cluster with these endpoints. */
export function cluster(
  name: string,
  addresses: readonly string[],
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const lb_endpoints = addresses.map((text) => ({ endpoint: { address: address(text) } }));
  return { name, load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints }] }, ...more };
}
