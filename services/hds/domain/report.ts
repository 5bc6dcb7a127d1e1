// SPDX-License-Identifier: Apache-2.0
/**
 * Reads reports. Envoy 1.40 sends each endpoint twice: in a flat list, which says only its address,
 * and by cluster. The second is taken where it is there.
 * @module
 */
import type { Endpoint, EndpointHealthResponse } from "@denvoy/proto/messages";
import { healthOf } from "./health.ts";
import type { ReportedHealth } from "./prober_report.ts";
import { socketAddress } from "./ip_address.ts";

/** Yields what a report says. Endpoints without an address of IP and port are passed over. */
export function* reportedHealths(response: EndpointHealthResponse): Generator<ReportedHealth> {
  if (response.clusterEndpointsHealth.length === 0) {
    for (const { endpoint, healthStatus } of response.endpointsHealth) {
      const probed = probedAddress(endpoint);
      if (probed !== undefined) yield { cluster: "", probed, health: healthOf(healthStatus) };
    }
    return;
  }
  for (const { clusterName: cluster, localityEndpointsHealth } of response.clusterEndpointsHealth) {
    for (const { endpointsHealth } of localityEndpointsHealth) {
      for (const { endpoint, healthStatus } of endpointsHealth) {
        const probed = probedAddress(endpoint);
        if (probed !== undefined) yield { cluster, probed, health: healthOf(healthStatus) };
      }
    }
  }
}

function probedAddress(endpoint: Endpoint | undefined): string | undefined {
  const socket = endpoint?.address?.socketAddress;
  if (socket?.portValue === undefined) return undefined;
  return socketAddress(socket.address, socket.portValue);
}
