// SPDX-License-Identifier: Apache-2.0
/**
 * Puts a response together: the shared resources, then a small tail that belongs to this stream.
 * Protobuf lets fields stand in any order, so the tail can come last.
 * @module
 */
import type { Bytes } from "@denvoy/base";
import type { TypeUrl } from "./resource.ts";
import type { ResponseBody } from "./response_body.ts";
import type { ResourceError } from "./stream_state.ts";
import { WireWriter } from "./wire.ts";

/** Fields of a response beside its shared resources. */
export interface ResponseTail {
  /** `version_info` or `system_version_info`. */
  readonly versionInfo: string;
  /** `type_url`. */
  readonly typeUrl: TypeUrl;
  /** `nonce`. */
  readonly nonce: string;
  /** `resource_errors`. */
  readonly errors: readonly ResourceError[];
  /** More `resources` fields, encoded. */
  readonly more: readonly Uint8Array[];
  /** `removed_resources`; Delta only. */
  readonly removed?: readonly string[];
}

/** Field numbers of DiscoveryResponse and DeltaDiscoveryResponse. */
const FIELDS = { version: 1, typeUrl: 4, nonce: 5, removed: 6 } as const;
/** Every response has a tail: they are written in one buffer, and copied out of it. */
const tailWriter = new WireWriter();
const SOTW_ERRORS = 7;
const DELTA_ERRORS = 9;

/** Returns an encoded DiscoveryResponse. */
export function encodeSotwResponse(body: ResponseBody, tail: ResponseTail): Bytes {
  return [...body.chunks, encodeTail(tail, SOTW_ERRORS)];
}

/** Returns an encoded DeltaDiscoveryResponse. */
export function encodeDeltaResponse(body: ResponseBody, tail: ResponseTail): Bytes {
  return [...body.chunks, encodeTail(tail, DELTA_ERRORS)];
}

function encodeTail(tail: ResponseTail, errorsField: number): Uint8Array {
  const writer = tailWriter
    .string(FIELDS.version, tail.versionInfo)
    .string(FIELDS.typeUrl, tail.typeUrl)
    .string(FIELDS.nonce, tail.nonce);
  for (const field of tail.more) writer.raw(field);
  for (const name of tail.removed ?? []) writer.string(FIELDS.removed, name);
  for (const error of tail.errors) writer.bytes(errorsField, encodeError(error));
  return writer.finish();
}

/** envoy.service.discovery.v3.ResourceError: ResourceName in 1, google.rpc.Status in 2. */
function encodeError(error: ResourceError): Uint8Array {
  const name = new WireWriter().string(1, error.name).finish();
  const status = new WireWriter().uint(1, error.code).string(2, error.message).finish();
  return new WireWriter().bytes(1, name).bytes(2, status).finish();
}
