// SPDX-License-Identifier: Apache-2.0
/**
 * Metadata between the port's maps and grpc-js's class.
 * @module
 */
import { Buffer } from "node:buffer";
import { Metadata as GrpcMetadata } from "@grpc/grpc-js";
import type { Metadata } from "../port.ts";

/** Headers that belong to HTTP/2 or gRPC itself; a handler does not see them. */
const transportHeaders: ReadonlySet<string> = new Set([
  "content-type",
  "te",
  "grpc-timeout",
  "grpc-encoding",
  "grpc-accept-encoding",
  "accept-encoding",
  "grpc-status",
  "grpc-message",
  "date",
]);

/** Returns what a peer sent as the port's map, without the headers of the transport. */
export function fromGrpcMetadata(metadata: GrpcMetadata): Metadata {
  const entries = new Map<string, readonly (string | Uint8Array)[]>();
  for (const [name, values] of Object.entries(metadata.toJSON())) {
    if (transportHeaders.has(name) || !Array.isArray(values)) continue;
    entries.set(name, values.map(asPlainValue));
  }
  return entries;
}

/**
 * Returns grpc-js's form of the port's map.
 *
 * @throws Error when a name or value is not allowed in metadata.
 */
export function toGrpcMetadata(metadata: Metadata = new Map()): GrpcMetadata {
  const result = new GrpcMetadata();
  for (const [name, values] of metadata) {
    for (const value of values) addEntry(result, name, value);
  }
  return result;
}

/**
 * Adds one entry. A name that ends with `-bin` takes bytes, any other a string of printable ASCII.
 *
 * @throws Error when the name or value is not allowed, or the name is one of gRPC itself.
 */
export function addEntry(metadata: GrpcMetadata, name: string, value: string | Uint8Array): void {
  if (name.startsWith("grpc-") || name.startsWith(":") || transportHeaders.has(name)) {
    throw new Error(`cannot set metadata as its name must not be one of the transport: is ${name}`);
  }
  metadata.add(name, typeof value === "string" ? value : asBuffer(value));
}

/** Returns a `Buffer` over the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Returns a plain `Uint8Array` over the same memory: `Buffer` has another `slice`. */
export function asPlainBytes(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function asPlainValue(value: unknown): string | Uint8Array {
  return value instanceof Uint8Array ? asPlainBytes(value) : String(value);
}
