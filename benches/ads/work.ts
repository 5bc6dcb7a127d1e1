// SPDX-License-Identifier: Apache-2.0
/**
 * What the servers of the ads bench serve, and the changes to it: clusters that take their
 * endpoints over ADS, and as many endpoint assignments.
 * @module
 */
import { join } from "node:path";

/** How much there is to serve. */
export interface WorkSize {
  /** Clusters; there is one endpoint assignment for each. */
  readonly clusters: number;
  /** Endpoints in each assignment. */
  readonly endpoints: number;
}

/** A change as the load client takes it: through the door `url` or by replacing `file`. */
export interface Change {
  /** Name of the resource that changes. */
  readonly name: string;
  /** Where its new content is PUT. */
  readonly url?: string;
  /** The file that its new content replaces. */
  readonly file?: string;
  /** What is written. */
  readonly body: string;
  /** Bytes that only the new content has. */
  readonly marker: string;
}

// Changes go through the clusters in steps that are no divisor of their number.
const stride = 37;

/** Writes everything as two files, as a generator would. */
export async function writeTwoFiles(folder: string, size: WorkSize): Promise<void> {
  const indexes = Array.from({ length: size.clusters }, (_, index) => index);
  await writeFile(join(folder, "clusters.json"), indexes.map(cluster));
  const assignments = indexes.map((index) => assignment(index, size));
  await writeFile(join(folder, "endpoints.json"), assignments);
}

/** Writes one file for each resource, as people and their tools do. */
export async function writeOneFileEach(folder: string, size: WorkSize): Promise<void> {
  for (let index = 0; index < size.clusters; index++) {
    await writeFile(join(folder, `${resourceName(index)}.cluster.json`), [cluster(index)]);
    await writeFile(endpointsFile(folder, index), [assignment(index, size)]);
  }
}

/**
 * Returns change number `number`: one cluster, one of its endpoints moves to an address that it
 * never had. `number` is below 10,000, and each number gives another address.
 */
export function putChange(
  number: number,
  { size, httpUrl }: { readonly size: WorkSize; readonly httpUrl: string },
): Change {
  const { index, name, marker } = target(number, size);
  const url = `${httpUrl}/v1/resources/endpoints/${name}`;
  return {
    name,
    marker,
    url,
    body: JSON.stringify(assignment(index, { ...size, changedAddress: marker })),
  };
}

/** Like {@linkcode putChange}, made by replacing a file that {@linkcode writeOneFileEach} wrote. */
export function fileChange(
  number: number,
  { size, folder }: { readonly size: WorkSize; readonly folder: string },
): Change {
  const { index, name, marker } = target(number, size);
  const body = JSON.stringify({
    resources: [assignment(index, { ...size, changedAddress: marker })],
  });
  return { name, marker, file: endpointsFile(folder, index), body };
}

function target(number: number, { clusters }: WorkSize) {
  const index = number * stride % clusters;
  const marker = `10.200.${100 + Math.floor(number / 100)}.${100 + number % 100}`;
  return { index, name: resourceName(index), marker };
}

function resourceName(index: number): string {
  return `cluster-${String(index).padStart(5, "0")}`;
}

function endpointsFile(folder: string, index: number): string {
  return join(folder, `${resourceName(index)}.endpoints.json`);
}

async function writeFile(path: string, resources: readonly unknown[]): Promise<void> {
  await Deno.writeTextFile(path, JSON.stringify({ resources }));
}

function cluster(index: number): unknown {
  return {
    "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    name: resourceName(index),
    type: "EDS",
    connect_timeout: "1s",
    eds_cluster_config: { eds_config: { ads: {}, resource_api_version: "V3" } },
  };
}

function assignment(
  index: number,
  { endpoints, changedAddress }: WorkSize & { readonly changedAddress?: string },
): unknown {
  const network = `10.${Math.floor(index / 250) + 1}.${index % 250 + 1}`;
  const lbEndpoints = Array.from({ length: endpoints }, (_, number) => {
    const moved = number === 0 ? changedAddress : undefined;
    return endpoint(moved ?? `${network}.${number + 1}`);
  });
  return {
    "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    cluster_name: resourceName(index),
    endpoints: [{ locality: { region: "here", zone: "a" }, lb_endpoints: lbEndpoints }],
  };
}

function endpoint(address: string): unknown {
  return {
    endpoint: { address: { socket_address: { address, port_value: 8080 } } },
    health_status: "HEALTHY",
    load_balancing_weight: 1,
  };
}
