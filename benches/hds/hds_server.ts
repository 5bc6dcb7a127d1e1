// SPDX-License-Identifier: Apache-2.0
/**
 * hds as users start it, on a file of endpoints that nobody probes.
 * @module
 */
import { serviceCommand } from "@denvoy/tools/service_permissions";
import { join } from "node:path";
import { Server } from "../lib/server.ts";

/** Returns the addresses of so many endpoints. */
export function endpointAddresses(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `10.1.${index >> 8}.${index & 255}:8080`);
}

/** Returns the resources of a cluster `web` with these endpoints. */
export function webResources(addresses: readonly string[]): readonly unknown[] {
  const lb_endpoints = addresses.map((text) => {
    const [address, port] = text.split(":");
    return { endpoint: { address: { socket_address: { address, port_value: Number(port) } } } };
  });
  return [{
    "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    name: "web",
    type: "EDS",
    eds_cluster_config: { eds_config: { ads: {}, resource_api_version: "V3" } },
  }, {
    "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    cluster_name: "web",
    endpoints: [{ lb_endpoints }],
  }];
}

/** How to start it. */
export interface HdsOptions {
  /** A folder that is its own. */
  readonly folder: string;
  /** What is checked. */
  readonly resources: readonly unknown[];
  /** More flags. */
  readonly flags: readonly string[];
  /** Addresses that it connects to. */
  readonly connects?: readonly string[];
}

/** Starts hds and waits until it is ready. */
export async function startHds(options: HdsOptions): Promise<Server> {
  const { folder, resources, flags, connects = [] } = options;
  const clusters = join(folder, "clusters.json");
  const dataDir = join(folder, "hds");
  await Deno.writeTextFile(clusters, JSON.stringify({ resources }));
  const access = { addresses: ["127.0.0.1:0", ...connects], read: [clusters], dataDir };
  return await Server.start({
    name: "denvoy hds",
    command: Deno.execPath(),
    args: serviceCommand("hds", {
      access,
      flags: [
        ...["--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0"],
        ...["--log-format", "json", "--clusters", clusters, "--data-dir", dataDir],
        ...flags,
      ],
    }),
  });
}
