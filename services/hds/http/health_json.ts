// SPDX-License-Identifier: Apache-2.0
/**
 * Endpoints and changes as the API shows them.
 * @module
 */
import { isoTime } from "@denvoy/base";
import type { EndpointRecord, HealthChange } from "../domain/endpoint_record.ts";
import { socketAddress } from "../domain/ip_address.ts";
import type { HealthControl } from "../health_control.ts";

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** Returns an endpoint with its verdict. */
export function endpointJson(record: EndpointRecord, { table, pool }: HealthControl): Json {
  const { cluster, address, health, found, reason, sinceMs, by, order, probers, service } = record;
  const opinions = table.opinionsOf(record);
  const checked = pool.clusters.get(cluster);
  const ip = pool.resolvedIp(record.host);
  return {
    cluster,
    address,
    ...(ip !== undefined && { resolved: socketAddress(ip, record.port) }),
    health,
    since: isoTime(sinceMs),
    reason,
    found,
    by,
    probers: probers.map((name) => ({ name, says: opinions.get(name) ?? "none" })),
    service,
    source: checked?.source,
    ...(order && { order: orderJson(order) }),
  };
}

/** Returns a change. */
export function changeJson({ atMs, ...change }: HealthChange): Json {
  return { at: isoTime(atMs), ...change };
}

function orderJson({ atMs, ...order }: NonNullable<EndpointRecord["order"]>): Json {
  return { ...order, at: isoTime(atMs) };
}
