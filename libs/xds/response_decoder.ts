// SPDX-License-Identifier: Apache-2.0
/**
 * Reads responses back, for tests: the resources in them are those of testing.ts.
 * @module
 */
import { type Bytes, joinBytes } from "@denvoy/base";
import type { ResourceKey, TypeUrl } from "./resource.ts";

/** A resource as a client reads it. */
export interface DecodedResource {
  /** Its name. */
  readonly name: string;
  /** `Resource.version`; empty in plain SotW. */
  readonly version: string;
  /** What it was made of; absent in a heartbeat. */
  readonly content: string | undefined;
  /** What it names. */
  readonly references: readonly ResourceKey[];
  /** `Resource.ttl`. */
  readonly ttlMs: number | undefined;
  /** `Resource.aliases`. */
  readonly aliases: readonly string[];
}

/** A response as a client reads it. */
export interface DecodedResponse {
  /** `type_url`. */
  readonly typeUrl: TypeUrl;
  /** `nonce`. */
  readonly nonce: string;
  /** `version_info` or `system_version_info`. */
  readonly versionInfo: string;
  /** `resources`. */
  readonly resources: readonly DecodedResource[];
  /** `removed_resources`. */
  readonly removed: readonly string[];
  /** Names and codes in `resource_errors`. */
  readonly errors: readonly { readonly name: string; readonly code: number }[];
}

type Field = { readonly number: number; readonly value: number | Uint8Array };

const WRAPPER_TYPE_URL = "type.googleapis.com/envoy.service.discovery.v3.Resource";

/** Decodes a DiscoveryResponse or DeltaDiscoveryResponse whose resources are test resources. */
export function decodeResponse(bytes: Bytes, mode: "sotw" | "delta"): DecodedResponse {
  const fields = readFields(joinBytes(bytes));
  const resources = all(fields, 2).map(mode === "delta" ? decodeWrapper : decodeAny);
  return {
    typeUrl: text(fields, 4),
    nonce: text(fields, 5),
    versionInfo: text(fields, 1),
    resources,
    removed: all(fields, 6).map((value) => decoder.decode(value)),
    errors: all(fields, mode === "delta" ? 9 : 7).map(decodeError),
  };
}

const decoder = new TextDecoder();

function decodeError(bytes: Uint8Array): { name: string; code: number } {
  const [nameBytes = new Uint8Array()] = all(readFields(bytes), 1);
  const [status = new Uint8Array()] = all(readFields(bytes), 2);
  return { name: text(readFields(nameBytes), 1), code: uint(readFields(status), 1) };
}

function decodeAny(bytes: Uint8Array): DecodedResource {
  const fields = readFields(bytes);
  const [value = new Uint8Array()] = all(fields, 2);
  if (text(fields, 1) === WRAPPER_TYPE_URL) return decodeWrapper(value);
  return { version: "", ttlMs: undefined, aliases: [], ...decodeValue(value) };
}

function decodeWrapper(bytes: Uint8Array): DecodedResource {
  const fields = readFields(bytes);
  const [any] = all(fields, 2);
  const [ttl] = all(fields, 6);
  const body = any === undefined
    ? { content: undefined, references: [] }
    : decodeValue(all(readFields(any), 2)[0] ?? new Uint8Array());
  const duration = ttl === undefined ? [] : readFields(ttl);
  return {
    ...body,
    name: text(fields, 3),
    version: text(fields, 1),
    ttlMs: ttl === undefined ? undefined : uint(duration, 1) * 1000 + uint(duration, 2) / 1e6,
    aliases: all(fields, 4).map((value) => decoder.decode(value)),
  };
}

function decodeValue(value: Uint8Array): Pick<DecodedResource, "name" | "content" | "references"> {
  return JSON.parse(decoder.decode(value));
}

function readFields(bytes: Uint8Array): readonly Field[] {
  const fields: Field[] = [];
  let offset = 0;
  const varint = () => {
    for (let value = 0, scale = 1;; scale *= 128) {
      const byte = bytes[offset++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (offset < bytes.byteLength) {
    const tag = varint();
    if ((tag & 7) === 0) fields.push({ number: tag >>> 3, value: varint() });
    else {
      const length = varint();
      fields.push({ number: tag >>> 3, value: bytes.subarray(offset, offset += length) });
    }
  }
  return fields;
}

function all(fields: readonly Field[], number: number): Uint8Array[] {
  return fields.flatMap((field) =>
    field.number === number && field.value instanceof Uint8Array ? [field.value] : []
  );
}

function text(fields: readonly Field[], number: number): string {
  return decoder.decode(all(fields, number)[0]);
}

function uint(fields: readonly Field[], number: number): number {
  const field = fields.find((each) => each.number === number);
  return typeof field?.value === "number" ? field.value : 0;
}
