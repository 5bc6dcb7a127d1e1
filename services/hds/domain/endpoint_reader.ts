// SPDX-License-Identifier: Apache-2.0
/**
 * Reads the endpoints of a load assignment as they are probed.
 * @module
 */
import type {
  Address,
  Cluster_TransportSocketMatch,
  ClusterLoadAssignment,
  Endpoint_HealthCheckConfig,
  LbEndpoint,
} from "@denvoy/proto/messages";
import { socketOf } from "./socket_choice.ts";
import type { CheckedEndpoint, Locality, ProbeOverride } from "./checked_cluster.ts";
import type { ClusterProblem } from "./cluster_reader.ts";
import { type Health, healthOf } from "./health.ts";
import { canonicalIp, socketAddress } from "./ip_address.ts";

type Path = ClusterProblem["path"];

/** The endpoints of a cluster. */
export interface ReadEndpoints {
  /** Each address once; without those whose active health check is disabled. */
  readonly endpoints: readonly CheckedEndpoint[];
  /** Addresses that are there twice. */
  readonly warnings: readonly ClusterProblem[];
}

/** What a load assignment says of an endpoint. */
export interface ServedHealth {
  /** The load assignment. */
  readonly service: string;
  /** The endpoint's address as verdicts have it. */
  readonly address: string;
  /** Its `health_status`. */
  readonly health: Health;
}

/** Returns the health that a load assignment gives its endpoints. */
export function servedHealths(
  { clusterName: service, endpoints }: ClusterLoadAssignment,
): readonly ServedHealth[] {
  return endpoints.flatMap(({ lbEndpoints }) =>
    lbEndpoints.flatMap(({ endpoint, healthStatus }) => {
      const socket = readAddress(endpoint?.address);
      if (typeof socket === "string") return [];
      const address = socketAddress(canonicalIp(socket.host) ?? socket.host, socket.port);
      return [{ service, address, health: healthOf(healthStatus) }];
    })
  );
}

/** What endpoints are read with. */
export interface EndpointReadOptions {
  /** Transport sockets of their cluster. */
  readonly matches: readonly Cluster_TransportSocketMatch[];
  /** Where what would end an Envoy is added. */
  readonly problems: ClusterProblem[];
}

/** Returns the endpoints that can be checked. */
export function readEndpoints(
  assignment: ClusterLoadAssignment | undefined,
  { matches, problems }: EndpointReadOptions,
): ReadEndpoints {
  const endpoints = new Map<string, CheckedEndpoint>();
  const warnings: ClusterProblem[] = [];
  for (const [group, place] of (assignment?.endpoints ?? []).entries()) {
    const locality = localityOf(place.locality);
    for (const [index, lbEndpoint] of place.lbEndpoints.entries()) {
      const path = ["load_assignment", "endpoints", group, "lb_endpoints", index];
      const socket = socketOf(matches, { endpoint: lbEndpoint, locality: place });
      const endpoint = readEndpoint(lbEndpoint, { locality, socket, path, problems });
      if (endpoint === undefined) continue;
      if (endpoints.has(endpoint.address)) warnings.push(twice(endpoint, path));
      else endpoints.set(endpoint.address, endpoint);
    }
  }
  return { endpoints: [...endpoints.values()], warnings };
}

interface Context {
  readonly locality: Locality;
  readonly socket: number;
  readonly path: Path;
  readonly problems: ClusterProblem[];
}

function readEndpoint(
  { endpoint, metadata }: LbEndpoint,
  { locality, socket: socketIndex, path, problems }: Context,
): CheckedEndpoint | undefined {
  const at = [...path, "endpoint"];
  const config = endpoint?.healthCheckConfig;
  if (config?.disableActiveHealthCheck) return undefined;
  const socket = readAddress(endpoint?.address);
  if (typeof socket === "string") {
    problems.push({ path: [...at, "address"], message: socket });
    return undefined;
  }
  const override = readOverride(config);
  if (typeof override === "string") {
    problems.push({ path: [...at, "health_check_config", "address"], message: override });
    return undefined;
  }
  const ip = canonicalIp(socket.host);
  return {
    ...socket,
    address: socketAddress(ip ?? socket.host, socket.port),
    ip,
    hostname: endpoint?.hostname ?? "",
    socket: socketIndex,
    override,
    locality,
    node: metadata?.filterMetadata.denvoy?.fields.node?.stringValue ?? "",
  };
}

/** Returns host and port, or why an Envoy must not be sent the address. */
function readAddress(
  address: Address | undefined,
): { readonly host: string; readonly port: number } | string {
  const socket = address?.socketAddress;
  if (socket === undefined) {
    return address === undefined
      ? "must be set: an Envoy that is told to check an endpoint without address ends itself"
      : "must be a socket_address: other addresses cannot be checked by another host";
  }
  if (socket.namedPort !== undefined && socket.namedPort !== "") {
    const rule = "must have a port_value: an Envoy that is told to check a named_port ends itself";
    return `${rule}: current value is "${socket.namedPort}"`;
  }
  const { address: host, portValue: port = 0 } = socket;
  if (port < 1 || port > 65535) {
    return `must have a port between 1 and 65535: current value is ${port}`;
  }
  return host === "" ? "must name a host" : { host, port };
}

/** Returns what is probed in place of an endpoint, or why it cannot be. */
function readOverride(
  config: Endpoint_HealthCheckConfig | undefined,
): ProbeOverride | undefined | string {
  if (config === undefined) return undefined;
  const { portValue: port, hostname, address } = config;
  if (address === undefined) return { port, hostname, ip: "" };
  const host = address.socketAddress?.address ?? "";
  const ip = canonicalIp(host);
  if (ip !== undefined && !address.socketAddress?.namedPort) {
    return { port: address.socketAddress?.portValue || port, hostname, ip };
  }
  const rule = "must be an IP address and a port number: an Envoy that is sent a name ends itself";
  return `${rule}: current value is "${host}"`;
}

function twice({ address }: CheckedEndpoint, path: Path): ClusterProblem {
  const message = `${address} is there twice: Envoys report by address, so that it is checked once`;
  return { path, message };
}

function localityOf(locality: Partial<Locality> | undefined): Locality {
  const { region = "", zone = "", subZone = "" } = locality ?? {};
  return { region, zone, subZone };
}
