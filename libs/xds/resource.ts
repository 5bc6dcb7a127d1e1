// SPDX-License-Identifier: Apache-2.0
/**
 * A resource as it travels: encoded once when it is written, shared by every node and stream.
 * @module
 */

/** A type URL, e.g. `type.googleapis.com/envoy.config.cluster.v3.Cluster`. */
export type TypeUrl = string;

/** Names a resource within everything that is served. */
export interface ResourceKey {
  /** Its type. */
  readonly typeUrl: TypeUrl;
  /** Its name, unique within its type. */
  readonly name: string;
}

/** An immutable resource. Two resources of equal type, name and version have equal bytes. */
export interface Resource extends ResourceKey {
  /** Hash of type, value and TTL; equal on every replica and after every restart. */
  readonly version: string;
  /** The message in proto wire form (the `value` of its Any). */
  readonly value: Uint8Array;
  /**
   * What this resource names: the clusters of a route, the EDS name of a cluster, the secrets of a
   * listener. Orders what is sent (make before break) and finds dangling references.
   */
  readonly references: readonly ResourceKey[];
  /** Time to live that the client is told; absent for ever. Milliseconds. */
  readonly ttlMs?: number;
}
