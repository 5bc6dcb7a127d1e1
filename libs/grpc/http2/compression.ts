// SPDX-License-Identifier: Apache-2.0
/**
 * Message compression: gzip and identity. Inflating stops at the message limit, so that a small
 * message cannot become a large one.
 * @module
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { type Bytes, joinBytes, StatusCode, StatusError } from "@denvoy/base";

/** What `grpc-accept-encoding` says. */
export const ACCEPTED_ENCODINGS = "identity,gzip";

/** Encodings of request messages. */
export type MessageEncoding = "identity" | "gzip";

/** Returns an encoding by its name in `grpc-encoding`; undefined for one that is not supported. */
export function messageEncoding(name: string): MessageEncoding | undefined {
  return name === "identity" || name === "gzip" ? name : undefined;
}

/** Tells whether a client takes gzip, by its `grpc-accept-encoding`. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  return acceptEncoding?.split(",").some((name) => name.trim() === "gzip") ?? false;
}

/** Returns a message compressed with gzip. */
export function deflate(message: Bytes): Uint8Array {
  return new Uint8Array(gzipSync(joinBytes(message)));
}

/**
 * Returns a compressed message as it was before.
 * @throws StatusError INTERNAL when it is not what `encoding` says, RESOURCE_EXHAUSTED beyond
 * `maxBytes`
 */
export function inflate(
  bytes: Uint8Array,
  { encoding, maxBytes }: { readonly encoding: MessageEncoding; readonly maxBytes: number },
): Uint8Array {
  if (encoding === "identity") {
    throw new StatusError(StatusCode.INTERNAL, "compressed message without a grpc-encoding");
  }
  try {
    return new Uint8Array(gunzipSync(bytes, { maxOutputLength: maxBytes }));
  } catch (cause) {
    if (cause instanceof RangeError) {
      throw new StatusError(
        StatusCode.RESOURCE_EXHAUSTED,
        `request message is larger than ${maxBytes} bytes when decompressed`,
      );
    }
    throw new StatusError(StatusCode.INTERNAL, "message is not valid gzip", { cause });
  }
}
