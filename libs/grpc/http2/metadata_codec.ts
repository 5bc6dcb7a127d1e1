// SPDX-License-Identifier: Apache-2.0
/**
 * Metadata between header fields and the port: `-bin` values are base64 on the wire, others are
 * strings of printable ASCII (gRPC over HTTP/2, "Custom-Metadata").
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import type { Metadata } from "../port.ts";
import type { Field } from "./field.ts";
import type { HeaderPair } from "./hpack_encoder.ts";

/** Fields of HTTP/2 and gRPC itself, which handlers do not see. */
const OWN_NAMES: ReadonlySet<string> = new Set([
  "content-type",
  "content-length",
  "te",
  "host",
  "grpc-timeout",
  "grpc-encoding",
  "grpc-accept-encoding",
  "accept-encoding",
  "grpc-message-type",
]);

/** Returns what a handler may see. A `-bin` value that is not base64 is left out. */
export function toMetadata(fields: readonly Field[]): Metadata {
  const metadata = new Map<string, (string | Uint8Array)[]>();
  for (const { name, value } of fields) {
    if (OWN_NAMES.has(name)) continue;
    const values = name.endsWith("-bin") ? decodeBinary(value) : [value];
    if (values.length === 0) continue;
    const present = metadata.get(name);
    if (present === undefined) metadata.set(name, values);
    else present.push(...values);
  }
  return metadata;
}

/** Several values may stand in one field, separated by commas; padding may be left out. */
function decodeBinary(value: string): (string | Uint8Array)[] {
  const decoded: Uint8Array[] = [];
  for (const part of value.split(",")) {
    const octets = decodeBase64(part.trim());
    if (octets !== undefined) decoded.push(octets);
  }
  return decoded;
}

function decodeBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/**
 * Returns a response field for metadata of a handler.
 * @throws StatusError INTERNAL for a name or value that gRPC does not allow
 */
export function toPair(name: string, value: string | Uint8Array): HeaderPair {
  const lower = name.toLowerCase();
  if (!/^[0-9a-z_.-]+$/.test(lower) || lower.startsWith("grpc-") || OWN_NAMES.has(lower)) {
    throw new StatusError(
      StatusCode.INTERNAL,
      `cannot set metadata of name ${JSON.stringify(name)}`,
    );
  }
  const binary = lower.endsWith("-bin");
  if (binary !== (value instanceof Uint8Array)) {
    throw new StatusError(
      StatusCode.INTERNAL,
      `cannot set metadata ${lower} as names that end in -bin hold bytes and others strings`,
    );
  }
  if (value instanceof Uint8Array) return [lower, encodeBase64(value)];
  if (!/^[\x20-\x7e]*$/.test(value)) {
    throw new StatusError(
      StatusCode.INTERNAL,
      `cannot set metadata ${lower} as its value must be printable ASCII`,
    );
  }
  return [lower, value.trim()];
}

function encodeBase64(octets: Uint8Array): string {
  let text = "";
  for (const octet of octets) text += String.fromCharCode(octet);
  return btoa(text);
}
