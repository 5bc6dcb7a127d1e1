// SPDX-License-Identifier: Apache-2.0
/**
 * What is known of a client, as a value: enough for the Client Status Discovery Service and for
 * people who ask what a node really runs.
 * @module
 */
import type { DiscoveryNode } from "./discovery_request.ts";
import type { ProtocolMode } from "./encoded_resource.ts";
import type { TypeUrl } from "./resource.ts";
import type { StreamState, TypeState } from "./stream_state.ts";
import { globPrefix } from "./subscription.ts";

/** envoy.admin.v3.ClientResourceStatus, as far as a server can know it. */
export type ClientStatus = "requested" | "does-not-exist" | "acked" | "nacked";

/** envoy.service.status.v3.ConfigStatus. */
export type ConfigStatus = "synced" | "not-sent" | "stale" | "error";

/** The latest version of a resource that a client rejected. */
export interface RejectionSnapshot {
  /** The version. */
  readonly version: string;
  /** google.rpc.Code of the NACK. */
  readonly code: number;
  /** The words of the client. */
  readonly message: string;
  /** When (monotonic milliseconds of the hub's clock). */
  readonly atMs: number;
}

/** One resource on one stream. */
export interface ResourceSnapshot {
  /** Its name. */
  readonly name: string;
  /** What the view has; absent if it has nothing of this name. */
  readonly version: string | undefined;
  /** What the client accepted last. */
  readonly acceptedVersion: string | undefined;
  /** What is on its way. */
  readonly sentVersion: string | undefined;
  /** How the client stands to it. */
  readonly clientStatus: ClientStatus;
  /** How what the client has compares with the view. */
  readonly configStatus: ConfigStatus;
  /** Why it does not have the version of the view, if it rejected that. */
  readonly rejection: RejectionSnapshot | undefined;
}

/** One type on one stream. */
export interface TypeSnapshot {
  /** The type. */
  readonly typeUrl: TypeUrl;
  /** Everything is asked for. */
  readonly wildcard: boolean;
  /** Names and globs that the client listed. */
  readonly names: readonly string[];
  /** version_info that the client accepted last; empty if none. */
  readonly versionInfo: string;
  /** When that was (monotonic milliseconds of the hub's clock). */
  readonly acceptedAtMs: number | undefined;
  /** Nonce of the response that waits for its ACK. */
  readonly inFlightNonce: string | undefined;
  /** When that was handed to the transport. */
  readonly sentAtMs: number | undefined;
  /** Names that are still to be looked at or wait for another type. */
  readonly pending: number;
  /** All resources that the client wants or has. */
  readonly resources: readonly ResourceSnapshot[];
}

/** One stream. */
export interface StreamSnapshot {
  /** SotW or Delta. */
  readonly mode: ProtocolMode;
  /** The node. */
  readonly node: DiscoveryNode | undefined;
  /** Types that were asked for, in the order in which they are served. */
  readonly types: readonly TypeSnapshot[];
}

/** Returns the state of a stream as a value; costs as much as there are resources on it. */
export function snapshotStream(stream: StreamState): StreamSnapshot {
  return {
    mode: stream.mode,
    node: stream.node,
    types: stream.types.map((type) => snapshotType(stream, type)),
  };
}

function snapshotType(stream: StreamState, type: TypeState): TypeSnapshot {
  const { subscription, inFlight } = type;
  return {
    typeUrl: type.typeUrl,
    wildcard: subscription.wildcard,
    names: [...subscription.names],
    versionInfo: type.versionInfo,
    acceptedAtMs: type.acceptedAtMs,
    inFlightNonce: inFlight?.nonce,
    sentAtMs: inFlight?.sentAtMs,
    pending: type.dirty.size,
    resources: [...relevantNames(stream, type)].map((name) => snapshotResource(stream, type, name)),
  };
}

function relevantNames(stream: StreamState, type: TypeState): ReadonlySet<string> {
  const { subscription, typeUrl } = type;
  const names = new Set<string>();
  for (const name of subscription.names) if (globPrefix(name) === undefined) names.add(name);
  if (subscription.wildcard) { for (const { name } of stream.view.list(typeUrl)) names.add(name); }
  for (const prefix of subscription.prefixes) {
    for (const { name } of stream.view.withPrefix(typeUrl, prefix)) names.add(name);
  }
  for (const { name } of type.known.values()) names.add(name);
  return names;
}

function snapshotResource(stream: StreamState, type: TypeState, name: string): ResourceSnapshot {
  const current = stream.view.get(type.typeUrl, name) ??
    stream.view.placeholder?.(type.typeUrl, name);
  const version = current?.version;
  const acceptedVersion = type.known.get(name)?.version;
  const parked = type.parked?.get(name)?.findLast(({ resource }) => resource.version === version);
  return {
    name,
    version,
    acceptedVersion,
    sentVersion: type.inFlight?.body.byName.get(name)?.version,
    clientStatus: clientStatus({ version, acceptedVersion, isNacked: parked !== undefined }),
    configStatus: configStatus({ version, acceptedVersion, isNacked: parked !== undefined }),
    rejection: parked && {
      version: parked.resource.version,
      ...parked.detail,
      atMs: parked.atMs,
    },
  };
}

interface Standing {
  readonly version: string | undefined;
  readonly acceptedVersion: string | undefined;
  readonly isNacked: boolean;
}

function clientStatus({ version, acceptedVersion, isNacked }: Standing): ClientStatus {
  if (isNacked) return "nacked";
  if (acceptedVersion !== undefined) return "acked";
  return version === undefined ? "does-not-exist" : "requested";
}

function configStatus({ version, acceptedVersion, isNacked }: Standing): ConfigStatus {
  if (isNacked) return "error";
  if (version === acceptedVersion) return "synced";
  return acceptedVersion === undefined ? "not-sent" : "stale";
}
