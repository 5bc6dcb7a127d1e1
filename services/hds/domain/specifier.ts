// SPDX-License-Identifier: Apache-2.0
/**
 * The specifiers that one Envoy is sent. A specifier is the state of the world without version or
 * answer: what is wrong with it, Envoy only logs, and some of it ends Envoy. So it is looked at once
 * more before it leaves, whatever its clusters went through.
 *
 * Envoy 1.40 may crash when a cluster goes away while a probe of it fails: a cluster that an Envoy is
 * to check no more stays in its specifier, without endpoints.
 * @module
 */
import { type Init, messageCodec } from "@denvoy/proto";
import type { ClusterHealthCheck, Endpoint, LocalityEndpoints } from "@denvoy/proto/messages";
import type { AssignedClusters } from "./assignment.ts";
import {
  type CheckedCluster,
  type CheckedEndpoint,
  type ProbeOverride,
  reportedClusters,
} from "./checked_cluster.ts";
import { sentChecks } from "./description.ts";
import { durationOf } from "./health_check.ts";
import { canonicalIp } from "./ip_address.ts";
import { canCheck, type Prober } from "./prober.ts";

const codec = messageCodec("envoy.service.health.v3.HealthCheckSpecifier");

/** Clusters without endpoints that stay; beyond them all go at once. */
const MAX_PARKED = 64;

/** What a specifier is made of. */
export interface SpecifierInput {
  /** What the Envoy is to check. */
  readonly assigned: AssignedClusters;
  /** All clusters. */
  readonly clusters: ReadonlyMap<string, CheckedCluster>;
  /** Time between two reports, in milliseconds. */
  readonly intervalMs: number;
}

/** Writes the specifiers of one Envoy. */
export class SpecifierWriter {
  #prober: Prober;
  #sent = new Map<string, CheckedCluster>();
  #last: Uint8Array | undefined;

  /** Nothing was sent yet. */
  constructor(prober: Prober) {
    this.#prober = prober;
  }

  /** The Envoy is back: it may have what it was sent before, or nothing, and is sent all anew. */
  restart(prober: Prober): void {
    this.#prober = prober;
    this.#last = undefined;
    for (const [name, cluster] of this.#sent) {
      if (!canCheck(prober, cluster)) this.#sent.delete(name);
    }
  }

  /**
   * Returns the specifier, encoded; undefined when the Envoy has it already.
   * @throws TypeError when something in it would end the Envoy: a mistake in this program.
   */
  next(input: SpecifierInput): Uint8Array | undefined {
    const clusters = this.#present(input);
    const parked = this.#parked(clusters);
    const message = {
      interval: durationOf(input.intervalMs),
      clusterHealthChecks: [...clusters, ...parked].flatMap(clusterMessages),
    };
    for (const cluster of clusters) assertHarmless(cluster, this.#prober);
    const bytes = codec.encode(message);
    this.#sent = new Map([...clusters, ...parked].map((cluster) => [cluster.name, cluster]));
    if (this.#last !== undefined && sameBytes(bytes, this.#last)) return undefined;
    this.#last = bytes;
    return bytes;
  }

  #present({ assigned, clusters }: SpecifierInput): readonly CheckedCluster[] {
    const present: CheckedCluster[] = [];
    for (const [name, addresses] of assigned) {
      const cluster = clusters.get(name);
      if (cluster === undefined) continue;
      const endpoints = onePerAddress(
        cluster.endpoints.filter((one) => addresses.has(one.address)),
      );
      if (endpoints.length > 0) present.push({ ...cluster, endpoints });
    }
    return present;
  }

  #parked(present: readonly CheckedCluster[]): readonly CheckedCluster[] {
    const names = new Set(present.map(({ name }) => name));
    const parked = [...this.#sent.values()].filter(({ name }) => !names.has(name))
      .map((cluster) => ({ ...cluster, endpoints: [] }));
    return parked.length > MAX_PARKED ? [] : parked;
  }
}

/** Two names may stand for one address. */
function onePerAddress(endpoints: readonly CheckedEndpoint[]): readonly CheckedEndpoint[] {
  const byProbed = new Map<string, CheckedEndpoint>();
  for (const endpoint of endpoints) {
    const key = `${endpoint.ip} ${endpoint.port}`;
    if (endpoint.ip !== undefined && !byProbed.has(key)) byProbed.set(key, endpoint);
  }
  return [...byProbed.values()];
}

function clusterMessages(cluster: CheckedCluster): readonly Init<ClusterHealthCheck>[] {
  const { endpoints, sockets, transportSocketMatches } = cluster;
  const bySocket = sockets.map((_, index) => ({
    checks: sentChecks(cluster, index),
    localityEndpoints: localities(endpoints.filter(({ socket }) => socket === index)),
  }));
  return reportedClusters(cluster).map(({ name: clusterName, socket, check }) => ({
    clusterName,
    healthChecks: bySocket[socket]?.checks.slice(check, check + 1) ?? [],
    localityEndpoints: bySocket[socket]?.localityEndpoints ?? [],
    transportSocketMatches,
  }));
}

function localities(endpoints: readonly CheckedEndpoint[]): readonly Init<LocalityEndpoints>[] {
  const groups = new Map<string, CheckedEndpoint[]>();
  for (const endpoint of endpoints) {
    const { region, zone, subZone } = endpoint.locality;
    const key = `${region}\n${zone}\n${subZone}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [endpoint]);
    else group.push(endpoint);
  }
  return [...groups.values()].map((group) => ({
    ...(group[0] && { locality: group[0].locality }),
    endpoints: group.map(endpointMessage),
  }));
}

function endpointMessage({ ip = "", port, hostname, override }: CheckedEndpoint): Init<Endpoint> {
  return {
    address: { socketAddress: { address: ip, portValue: port } },
    hostname,
    ...(override && { healthCheckConfig: overrideMessage(override) }),
  };
}

function overrideMessage(
  { port, hostname, ip }: ProbeOverride,
): Init<Endpoint>["healthCheckConfig"] {
  return {
    portValue: port,
    hostname,
    ...(ip !== "" && { address: { socketAddress: { address: ip, portValue: port } } }),
  };
}

function assertHarmless(cluster: CheckedCluster, prober: Prober): void {
  if (!canCheck(prober, cluster)) {
    throw new TypeError(`Cannot send cluster "${cluster.name}" as the Envoy cannot check it`);
  }
  for (const { ip, override, address } of cluster.endpoints) {
    const ips = [ip ?? "", ...(override === undefined || override.ip === "" ? [] : [override.ip])];
    if (ips.every((text) => canonicalIp(text) !== undefined)) continue;
    throw new TypeError(`Cannot send endpoint ${address} as its address must be an IP: ${ips}`);
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
