// SPDX-License-Identifier: Apache-2.0
/**
 * Clusters to check and Envoys that probe, for the tests of hds.
 * @module
 */
import { type Bootstrap, type Envoy, eventually, startEnvoy } from "../support/mod.ts";

/** How a cluster is checked. */
export interface ClusterOptions {
  /** Ports on 127.0.0.1. */
  readonly ports: readonly number[];
  /** Its checks; one of HTTP on `/health` if absent. */
  readonly checks?: readonly Json[];
  /** More fields of the Cluster. */
  readonly more?: Json;
}

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** Fields that each check needs: a probe every half second which may take 300 ms. */
export const pace: Json = {
  interval: "0.5s",
  timeout: "0.3s",
  healthy_threshold: 1,
  unhealthy_threshold: 2,
};

/** An HTTP check on `/health`. */
export const httpCheck: Json = { ...pace, http_health_check: { path: "/health" } };

/** Returns a Cluster in the shape of files. */
export function clusterOf(name: string, options: ClusterOptions): Json {
  const { ports, checks = [httpCheck], more = {} } = options;
  return {
    "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    name,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: name,
      endpoints: [{
        lb_endpoints: ports.map((port) => ({
          endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } },
        })),
      }],
    },
    health_checks: checks,
    ...more,
  };
}

/** Returns a file of clusters. */
export function clustersFile(...clusters: readonly Json[]): string {
  return JSON.stringify({ resources: clusters });
}

/** So that an Envoy leaves a server that is there no more although its connection is. */
const keepalive: Json = { connection_keepalive: { interval: "1s", timeout: "4s" } };

/** Starts an Envoy that does nothing but probe. */
export function startProber(
  id: string,
  { hds, more = {} }: { readonly hds: string; readonly more?: Json },
): Promise<Envoy> {
  return startEnvoy({ bootstrap: { ...proberBootstrap(id, hds), ...more } });
}

/** Returns the bootstrap of an Envoy that does nothing but probe; `hds` is `host:port,...`. */
export function proberBootstrap(id: string, hds: string): Bootstrap {
  const addresses = hds.split(",").map((address) => address.split(":"));
  return {
    node: { id, cluster: "probers" },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
    hds_config: {
      api_type: "GRPC",
      transport_api_version: "V3",
      grpc_services: [{ envoy_grpc: { cluster_name: "hds" } }],
    },
    static_resources: {
      clusters: [{
        name: "hds",
        type: "STATIC",
        connect_timeout: "1s",
        typed_extension_protocol_options: {
          "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            explicit_http_config: { http2_protocol_options: keepalive },
          },
        },
        load_assignment: {
          cluster_name: "hds",
          endpoints: [{
            lb_endpoints: addresses.map(([address, port]) => ({
              endpoint: { address: { socket_address: { address, port_value: Number(port) } } },
            })),
          }],
        },
      }],
    },
  };
}

/** What `/v1/health` says of an endpoint. */
export interface EndpointHealth {
  /** Its cluster. */
  readonly cluster: string;
  /** `ip:port`. */
  readonly address: string;
  /** The verdict. */
  readonly health: string;
  /** What probers found. */
  readonly found: string;
  /** Why. */
  readonly reason: string;
  /** Who checks it, and what they say. */
  readonly probers: readonly { readonly name: string; readonly says: string }[];
}

/** Returns what `/v1/health` says. */
export async function readHealth(httpUrl: string): Promise<readonly EndpointHealth[]> {
  const response = await fetch(`${httpUrl}/v1/health`);
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  const body = await response.json() as { readonly endpoints: readonly EndpointHealth[] };
  return body.endpoints;
}

/** Waits until endpoints have these verdicts, by port. */
export async function healthBecomes(
  httpUrl: string,
  wanted: Readonly<Record<number, string>>,
  { withinMs = 40_000 }: { readonly withinMs?: number } = {},
): Promise<void> {
  let seen: readonly EndpointHealth[] = [];
  await eventually(async () => {
    seen = await readHealth(httpUrl);
    return Object.entries(wanted).every(([port, health]) =>
      seen.some(({ address, health: now }) => address.endsWith(`:${port}`) && now === health)
    );
  }, {
    what: `health to become ${JSON.stringify(wanted)}`,
    withinMs,
    detail: () => JSON.stringify(seen, undefined, 1),
  });
}
