// SPDX-License-Identifier: Apache-2.0
/**
 * What of an endpoint's description makes an Envoy forget what it found. Envoy 1.40 makes a host anew
 * when its place, its probe's address or the transport sockets of its cluster change, and each cluster
 * that it did not have; it reports such a host UNHEALTHY until it has probed it.
 * @module
 */
import { type Init, messageCodec } from "@denvoy/proto";
import type { ClusterHealthCheck } from "@denvoy/proto/messages";
import { type CheckedCluster, type CheckedEndpoint, reportedNames } from "./checked_cluster.ts";

const codec = messageCodec("envoy.service.health.v3.ClusterHealthCheck");

type Matches = CheckedCluster["transportSocketMatches"];

/** Encoded once for all Envoys: a list is never changed. */
const socketKeys = new WeakMap<Matches, string>();

/** Returns a key of the transport sockets of a cluster: equal where Envoy keeps its hosts. */
export function socketsKey(
  { transportSocketMatches }: Pick<CheckedCluster, "transportSocketMatches">,
): string {
  if (transportSocketMatches.length === 0) return "";
  let key = socketKeys.get(transportSocketMatches);
  if (key === undefined) {
    const message: Init<ClusterHealthCheck> = { transportSocketMatches };
    key = Array.from(codec.encode(message), (byte) => String.fromCharCode(byte)).join("");
    socketKeys.set(transportSocketMatches, key);
  }
  return key;
}

/** Returns a key of what all endpoints of a cluster have in common. */
export function clusterKey(cluster: CheckedCluster): string {
  return `${reportedNames(cluster).length}\n${socketsKey(cluster)}`;
}

/** Returns a key of an endpoint within its cluster. */
export function endpointKey({ ip, port, hostname, override, locality }: CheckedEndpoint): string {
  return JSON.stringify([ip, port, hostname, override, locality]);
}
