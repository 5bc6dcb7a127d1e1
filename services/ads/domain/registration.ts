// SPDX-License-Identifier: Apache-2.0
/**
 * What an endpoint says of itself, what a health checker says of it, and how that is encoded.
 * @module
 */
import { messageCodec } from "@denvoy/proto";
import { HealthStatus, type Struct, type Value } from "@denvoy/proto/messages";
import { type EncodedEndpoint, frameEndpoint } from "./endpoint_overlay.ts";
import type { NodeLocality } from "./node_selector.ts";

/** Health as people and HTTP bodies write it (config.core.v3.HealthStatus in lower case). */
export type EndpointHealth =
  | "unknown"
  | "healthy"
  | "unhealthy"
  | "draining"
  | "timeout"
  | "degraded";

/** Values of config.core.v3.HealthStatus. */
export const healthNumbers: Readonly<Record<EndpointHealth, number>> = {
  unknown: HealthStatus.UNKNOWN,
  healthy: HealthStatus.HEALTHY,
  unhealthy: HealthStatus.UNHEALTHY,
  draining: HealthStatus.DRAINING,
  timeout: HealthStatus.TIMEOUT,
  degraded: HealthStatus.DEGRADED,
};

/** All values of {@linkcode EndpointHealth}. */
export const endpointHealths: readonly EndpointHealth[] = [
  "unknown",
  "healthy",
  "unhealthy",
  "draining",
  "timeout",
  "degraded",
];

/** What an endpoint says of itself. Complete: whoever reads it from outside fills in defaults. */
export interface Registration {
  /** The load assignment that it joins: `service_name` of an EDS cluster, else its name. */
  readonly cluster: string;
  /** Unique within the cluster; registering the same id again replaces. */
  readonly id: string;
  /** IP address, or a name when the cluster resolves names. */
  readonly address: string;
  /** Port, 1 to 65535. */
  readonly port: number;
  /** Host name for health checks and SNI; empty for none. */
  readonly hostname: string;
  /** Load balancing weight, 1 or more. */
  readonly weight: number;
  /** Where it runs. */
  readonly locality: NodeLocality;
  /** Priority of its locality, 0 to 128. */
  readonly priority: number;
  /** Metadata by filter name, e.g. `envoy.lb`. */
  readonly metadata: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Its own view of its health. */
  readonly health: EndpointHealth;
  /** How long it lives without a heartbeat, in milliseconds. */
  readonly ttlMs: number;
}

/** A registration with what time has made of it. */
export interface LiveRegistration extends Registration {
  /** When it first registered, in milliseconds since the epoch. */
  readonly registeredAtMs: number;
  /** When it expires unless it is heard of before. */
  readonly expiresAtMs: number;
  /** What health checkers say; absent when none does. */
  readonly verdict?: EndpointHealth;
}

/** What a health checker says of an endpoint. */
export interface HealthVerdict {
  /** The load assignment. */
  readonly cluster: string;
  /** Address of the endpoint as the load assignment has it. */
  readonly address: string;
  /** Its port. */
  readonly port: number;
  /** The verdict; `unknown` takes an earlier one back. */
  readonly health: EndpointHealth;
  /** How long it counts, in milliseconds. */
  readonly ttlMs: number;
}

/** What has not been heard of in time. */
export interface Overdue {
  /** Endpoints. */
  readonly registrations: readonly LiveRegistration[];
  /** Verdicts. */
  readonly verdicts: readonly HealthVerdict[];
}

const lbEndpointCodec = messageCodec("envoy.config.endpoint.v3.LbEndpoint");

/** Returns `address:port` as load assignments compare it. */
export function socketText({ address, port }: { address: string; port: number }): string {
  return `${address}:${port}`;
}

/** Returns the verdict on `address:port` of a cluster. */
export function verdictOn(
  cluster: string,
  { socket, health, ttlMs }: {
    readonly socket: string;
    readonly health: EndpointHealth;
    readonly ttlMs: number;
  },
): HealthVerdict {
  const colon = socket.lastIndexOf(":");
  const port = Number(socket.slice(colon + 1));
  return { cluster, address: socket.slice(0, colon), port, health, ttlMs };
}

/** Returns the endpoint ready to be joined with a load assignment. */
export function encodeRegistration(spec: Registration): EncodedEndpoint {
  const filterMetadata = Object.fromEntries(
    Object.entries(spec.metadata).map(([filter, fields]) => [filter, structOf(fields)]),
  );
  const value = lbEndpointCodec.encode({
    endpoint: {
      address: { socketAddress: { address: spec.address, portValue: spec.port } },
      hostname: spec.hostname,
    },
    healthStatus: healthNumbers[spec.health],
    loadBalancingWeight: { value: spec.weight },
    ...(Object.keys(filterMetadata).length > 0 ? { metadata: { filterMetadata } } : {}),
  });
  const { id, locality, priority, weight } = spec;
  return frameEndpoint({ id, socket: socketText(spec), locality, priority, weight, value });
}

function structOf(fields: Readonly<Record<string, unknown>>): Struct {
  return {
    fields: Object.fromEntries(Object.entries(fields).map(([key, item]) => [key, valueOf(item)])),
  };
}

function valueOf(item: unknown): Value {
  if (typeof item === "string") return { stringValue: item };
  if (typeof item === "number") return { numberValue: item };
  if (typeof item === "boolean") return { boolValue: item };
  if (Array.isArray(item)) return { listValue: { values: item.map(valueOf) } };
  if (typeof item === "object" && item !== null) return { structValue: structOf({ ...item }) };
  return { nullValue: 0 };
}
