// SPDX-License-Identifier: Apache-2.0
/**
 * What of a description makes an Envoy 1.40 begin anew. It makes a host anew when its place, its
 * probe's address or the transport sockets of its cluster change, and in each cluster that it did not
 * have; it reports such a host UNHEALTHY until it has probed it.
 *
 * Of a check that stays as it is while the transport sockets of its cluster change, it goes on probing
 * the old hosts beside the new ones, for ever, and ends when these hosts are taken away, as the check
 * counts in statistics that went with the old sockets. So a check is never what it was once they change.
 * @module
 */
import { type Init, messageCodec } from "@denvoy/proto";
import type { ClusterHealthCheck, HealthCheck } from "@denvoy/proto/messages";
import { contentHash } from "@denvoy/xds";
import type { CheckedCluster, CheckedEndpoint } from "./checked_cluster.ts";
import { speaksHttp2 } from "./health_check.ts";

const codec = messageCodec("envoy.service.health.v3.ClusterHealthCheck");

type Matches = CheckedCluster["transportSocketMatches"];

/** Made once for all Envoys: a list is never changed. */
const socketKeys = new WeakMap<Matches, string>();

/** A hash of the transport sockets of a cluster; empty for a cluster that has none. */
function socketsKey(transportSocketMatches: Matches): string {
  if (transportSocketMatches.length === 0) return "";
  let key = socketKeys.get(transportSocketMatches);
  if (key === undefined) {
    const message: Init<ClusterHealthCheck> = { transportSocketMatches };
    key = contentHash(codec.encode(message));
    socketKeys.set(transportSocketMatches, key);
  }
  return key;
}

/** The label by which a check differs when transport sockets do; no socket is matched by it. */
const SOCKETS = "denvoy.sockets";

/**
 * Returns the checks of a cluster as Envoys are sent them for endpoints of one of its sockets: others
 * whenever its sockets change.
 */
export function sentChecks(
  { checks, sockets, transportSocketMatches }: Pick<
    CheckedCluster,
    "checks" | "sockets" | "transportSocketMatches"
  >,
  index: number,
): readonly HealthCheck[] {
  const key = socketsKey(transportSocketMatches);
  if (key === "") return checks;
  const socket = sockets[index];
  return checks.map((check) => {
    const criteria = check.transportSocketMatchCriteria ?? socket?.criteria;
    const fields = { ...criteria?.fields, [SOCKETS]: { stringValue: key } };
    const tlsOptions = check.tlsOptions ??
      (socket?.lacksAlpn && speaksHttp2(check) ? { alpnProtocols: ["h2"] } : undefined);
    return {
      ...check,
      transportSocketMatchCriteria: { fields },
      ...(tlsOptions && { tlsOptions }),
    };
  });
}

/** Returns a key of what makes an Envoy forget all endpoints of a cluster when it changes. */
export function clusterKey(cluster: CheckedCluster): string {
  return `${cluster.checks.length}\n${socketsKey(cluster.transportSocketMatches)}`;
}

/** Made once for each endpoint: all are looked at whenever any cluster changes. */
const endpointKeys = new WeakMap<CheckedEndpoint, string>();

/** Returns a key of what makes an Envoy forget one endpoint of a cluster when it changes. */
export function endpointKey(endpoint: CheckedEndpoint): string {
  let key = endpointKeys.get(endpoint);
  if (key === undefined) {
    const { ip, port, hostname, override, locality, socket } = endpoint;
    key = JSON.stringify([ip, port, hostname, override, locality, socket]);
    endpointKeys.set(endpoint, key);
  }
  return key;
}
