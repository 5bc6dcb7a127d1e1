// SPDX-License-Identifier: Apache-2.0
/**
 * How one resource looks inside a response. Everything before its value is encoded lazily and once;
 * the value itself is shared, not copied. Also its fingerprint, from which versions of sets are made.
 * @module
 */
import type { Resource } from "./resource.ts";
import { WireWriter } from "./wire.ts";

/** The variants of the protocol (xds_protocol "Four Variants"). */
export type ProtocolMode = "sotw" | "delta";

/** In which form a resource is written. */
export interface Rendering {
  /** `sotw`: an Any; `delta`: an envoy.service.discovery.v3.Resource. */
  readonly mode: ProtocolMode;
  /** TTLs are written; in SotW that wraps the resource (xds_protocol "SotW TTL"). */
  readonly ttl: boolean;
}

/** 64 bits of a hash as two signed 32 bit integers; sums of them identify sets. */
export interface Fingerprint {
  /** Low half. */
  readonly low: number;
  /** High half. */
  readonly high: number;
}

interface Encoded {
  readonly fingerprint: Fingerprint;
  readonly prefixes: (Uint8Array | undefined)[];
}

/** Field of resources in both DiscoveryResponse and DeltaDiscoveryResponse. */
const RESOURCES = 2;
const WRAPPER_TYPE_URL = "type.googleapis.com/envoy.service.discovery.v3.Resource";
const cache = new WeakMap<Resource, Encoded>();

/** Returns what stands before the value of a resource in a response of this form. */
export function resourcePrefix(resource: Resource, rendering: Rendering): Uint8Array {
  const ttl = rendering.ttl && resource.ttlMs !== undefined;
  const slot = (rendering.mode === "delta" ? 2 : 0) + (ttl ? 1 : 0);
  const { prefixes } = encoded(resource);
  return prefixes[slot] ??= encodePrefix(resource, { mode: rendering.mode, ttl });
}

/** Returns the hash of name and version: equal for equal content, on every replica. */
export function fingerprintOf(resource: Resource): Fingerprint {
  return encoded(resource).fingerprint;
}

/** Returns the version of a set of resources whose fingerprints add up to `sum`: 16 hex digits. */
export function setVersion(sum: Fingerprint): string {
  return hex32(sum.high) + hex32(sum.low);
}

/** Returns a response field that renews a TTL: a Resource without body (xds_protocol "TTL"). */
export function encodeHeartbeat(resource: Resource, options: {
  readonly mode: ProtocolMode;
  /** Delta: the version of the resource; SotW: the version_info that the client accepted last. */
  readonly version: string;
}): Uint8Array {
  const body = resourceFields(resource.name, options.version, resource.ttlMs).finish();
  if (options.mode === "delta") return new WireWriter().bytes(RESOURCES, body).finish();
  const any = new WireWriter().string(1, WRAPPER_TYPE_URL).bytes(2, body).finish();
  return new WireWriter().bytes(RESOURCES, any).finish();
}

/** Returns a response field that says a virtual host does not exist (VHDS "Subscribing"). */
export function encodeEmptyAlias(name: string): Uint8Array {
  const body = new WireWriter().string(3, name).string(4, name).finish();
  return new WireWriter().bytes(RESOURCES, body).finish();
}

function encoded(resource: Resource): Encoded {
  const found = cache.get(resource);
  if (found !== undefined) return found;
  const made = { fingerprint: hash(resource.name, resource.version), prefixes: [] };
  cache.set(resource, made);
  return made;
}

function encodePrefix(resource: Resource, { mode, ttl }: Rendering): Uint8Array {
  const size = resource.value.byteLength;
  const any = new WireWriter().string(1, resource.typeUrl).header(2, size).finish();
  if (mode === "sotw" && !ttl) return framed(any, size);
  const wrapper = resourceFields(resource.name, resource.version, ttl ? resource.ttlMs : undefined)
    .header(2, any.byteLength + size).raw(any).finish();
  if (mode === "delta") return framed(wrapper, size);
  const outer = new WireWriter().string(1, WRAPPER_TYPE_URL)
    .header(2, wrapper.byteLength + size).raw(wrapper).finish();
  return framed(outer, size);
}

function framed(message: Uint8Array, valueBytes: number): Uint8Array {
  return new WireWriter().header(RESOURCES, message.byteLength + valueBytes).raw(message).finish();
}

function resourceFields(name: string, version: string, ttlMs: number | undefined): WireWriter {
  const writer = new WireWriter().string(1, version).string(3, name);
  if (ttlMs === undefined) return writer;
  const duration = new WireWriter();
  if (ttlMs >= 1000) duration.uint(1, Math.floor(ttlMs / 1000));
  if (ttlMs % 1000 > 0) duration.uint(2, Math.round(ttlMs % 1000 * 1e6));
  return writer.bytes(6, duration.finish());
}

/** Two multiplicative hashes side by side, mixed at the end (the cyrb53 construction). */
function hash(name: string, version: string): Fingerprint {
  let low = 0x1b873593 ^ name.length;
  let high = 0x41c6ce57 ^ version.length;
  for (const text of [name, version]) {
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      low = Math.imul(low ^ unit, 2654435761);
      high = Math.imul(high ^ unit, 1597334677);
    }
  }
  low = Math.imul(low ^ low >>> 16, 2246822507) ^ Math.imul(high ^ high >>> 13, 3266489909);
  high = Math.imul(high ^ high >>> 16, 2246822507) ^ Math.imul(low ^ low >>> 13, 3266489909);
  return { low, high };
}

function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
