// SPDX-License-Identifier: Apache-2.0
/**
 * Changes of what is served, through the HTTP API of ads.
 * @module
 */
import type { DenvoyAds } from "../support/mod.ts";

const ENVOY = "type.googleapis.com/envoy.config";

/** Type URL of clusters. */
export const CLUSTER_TYPE = `${ENVOY}.cluster.v3.Cluster`;
/** Type URL of load assignments. */
export const ENDPOINTS_TYPE = `${ENVOY}.endpoint.v3.ClusterLoadAssignment`;

/** A cluster without endpoints of its own, as JSON; `generation` makes its content differ. */
export function clusterJson(name: string, generation = 0): Readonly<Record<string, unknown>> {
  return { "@type": CLUSTER_TYPE, name, connect_timeout: `${generation + 1}s` };
}

/** Endpoints of a cluster, so many that they fill a response. */
export function endpointsJson(
  name: string,
  { count, generation = 0 }: { readonly count: number; readonly generation?: number },
): Readonly<Record<string, unknown>> {
  const lbEndpoints = Array.from({ length: count }, (_, index) => ({
    endpoint: {
      address: {
        socket_address: {
          address: `10.${generation % 200}.${index >> 8}.${index & 255}`,
          port_value: 8080,
        },
      },
    },
  }));
  return {
    "@type": ENDPOINTS_TYPE,
    cluster_name: name,
    endpoints: [{ lb_endpoints: lbEndpoints }],
  };
}

/** Writes one resource; throws unless it is accepted. */
export async function put(
  ads: DenvoyAds,
  path: string,
  body: Readonly<Record<string, unknown>>,
): Promise<void> {
  const response = await fetch(`${ads.httpUrl}/v1/resources/${path}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`PUT ${path} must be accepted: ${response.status} ${text}`);
}

/** Changes a cluster `times` times, one change after the other. */
export async function changeCluster(
  ads: DenvoyAds,
  { name, times }: { readonly name: string; readonly times: number },
): Promise<void> {
  for (let generation = 1; generation <= times; generation++) {
    await put(ads, `clusters/${name}`, clusterJson(name, generation));
  }
}
