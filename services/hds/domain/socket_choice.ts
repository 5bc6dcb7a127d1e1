// SPDX-License-Identifier: Apache-2.0
/**
 * By which transport socket each endpoint is checked. An Envoy with traffic goes by the metadata of the
 * endpoint, then of its locality, and takes the first of `transport_socket_matches` whose labels are all
 * there, else the cluster's own socket. Health discovery tells an Envoy no metadata: endpoints of
 * different sockets are checked as clusters of their own, whose checks choose the socket.
 * @module
 */
import type {
  Cluster_TransportSocketMatch,
  LbEndpoint,
  LocalityLbEndpoints,
  Metadata,
  Struct,
  Value,
} from "@denvoy/proto/messages";

/** The filter under which metadata has the labels of sockets. */
const FILTER = "envoy.transport_socket_match";

/**
 * Returns which socket an endpoint takes: 0 for what its cluster has besides, else the place in
 * `transport_socket_matches`, from 1.
 */
export function socketOf(
  matches: readonly Cluster_TransportSocketMatch[],
  { endpoint, locality }: {
    readonly endpoint: Pick<LbEndpoint, "metadata">;
    readonly locality: Pick<LocalityLbEndpoints, "metadata">;
  },
): number {
  return firstMatch(matches, endpoint.metadata) || firstMatch(matches, locality.metadata);
}

function firstMatch(
  matches: readonly Cluster_TransportSocketMatch[],
  metadata: Metadata | undefined,
): number {
  const labels = metadata?.filterMetadata[FILTER];
  return 1 + matches.findIndex(({ match }) => hasAll(match, labels));
}

function hasAll(wanted: Struct | undefined, labels: Struct | undefined): boolean {
  return Object.entries(wanted?.fields ?? {}).every(([name, value]) => {
    const given = labels?.fields[name];
    return given !== undefined && isSame(value, given);
  });
}

function isSame(a: Value, b: Value): boolean {
  if (a.structValue !== undefined && b.structValue !== undefined) {
    return hasAll(a.structValue, b.structValue) && hasAll(b.structValue, a.structValue);
  }
  if (a.listValue !== undefined && b.listValue !== undefined) {
    const [these, those] = [a.listValue.values, b.listValue.values];
    return these.length === those.length && these.every((item, index) => {
      const other = those[index];
      return other !== undefined && isSame(item, other);
    });
  }
  return a.stringValue === b.stringValue && a.numberValue === b.numberValue &&
    a.boolValue === b.boolValue && a.nullValue === b.nullValue &&
    (a.structValue ?? a.listValue ?? b.structValue ?? b.listValue) === undefined;
}
