// SPDX-License-Identifier: Apache-2.0
/**
 * Readable clusters, endpoints and probers for the tests of the domain.
 * @module
 */
import type { Cluster_TransportSocketMatch } from "@denvoy/proto/messages";
import type { CheckedCluster, CheckedEndpoint, Locality } from "./checked_cluster.ts";
import { defaultHealthCheck } from "./health_check.ts";
import type { Prober } from "./prober.ts";

const nowhere: Locality = { region: "", zone: "", subZone: "" };

/** Returns an endpoint at `ip:port`. */
export function endpoint(
  address: string,
  more: Partial<CheckedEndpoint> = {},
): CheckedEndpoint {
  const [host = "", port] = address.split(":");
  return {
    address,
    host,
    ip: host,
    port: Number(port),
    hostname: "",
    socket: 0,
    override: undefined,
    locality: nowhere,
    node: "",
    ...more,
  };
}

/** Returns a cluster with a TCP check every second, which times out after half a second. */
export function cluster(
  name: string,
  endpoints: readonly (string | CheckedEndpoint)[],
  more: Partial<CheckedCluster> = {},
): CheckedCluster {
  const check = defaultHealthCheck({
    kind: "tcp",
    path: "",
    intervalMs: 1000,
    timeoutMs: 500,
    rise: 1,
    fall: 1,
  });
  return {
    name,
    service: name,
    source: "files",
    checks: check === undefined ? [] : [check],
    sockets: [{ criteria: undefined, lacksAlpn: false }],
    transportSocketMatches: [],
    needs: new Set(["TCP"]),
    firstProbeMs: 500,
    endpoints: endpoints.map((item) => typeof item === "string" ? endpoint(item) : item),
    ...more,
  };
}

/** Returns a transport socket of this name that checks may choose. */
export function socketMatch(name: string): Cluster_TransportSocketMatch {
  return { name, transportSocket: { name } };
}

/** Returns a prober that can do what Envoy 1.40 says it can. */
export function prober(name: string, more: Partial<Prober> = {}): Prober {
  return {
    name,
    nodeId: name,
    nodeCluster: "edge",
    locality: nowhere,
    addresses: new Set(),
    can: new Set(["HTTP", "TCP"]),
    listsExtensions: false,
    ...more,
  };
}
