// SPDX-License-Identifier: Apache-2.0
/**
 * A message of any type, as it lies between YAML, JSON and the wire.
 * @module
 */
import { type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { canonicalize } from "./canonical.ts";
import { DecodeError } from "./codec.ts";
import type { Described } from "./described.ts";
import { loadRegistry, typeNameOf, typeUrlOf } from "./registry.ts";

/** A message of any type; immutable once it is made. */
export class AnyMessage {
  /** Type URL with the prefix `type.googleapis.com/`. */
  readonly typeUrl: string;
  /** Full name of the type. */
  readonly typeName: string;
  /** The message as @bufbuild/protobuf keeps it. Only libs/proto reads it. */
  readonly described: Described;
  #bytes: Uint8Array | undefined;

  /** Made by readMessage and {@linkcode messageFromBinary}; maps in it are in canonical order. */
  constructor(described: Described) {
    this.described = described;
    this.typeName = described.desc.typeName;
    this.typeUrl = typeUrlOf(this.typeName);
  }

  /** Returns the bytes; equal messages have equal bytes, also within an Any. Shared: do not change. */
  toBinary(): Uint8Array {
    this.#bytes ??= toBinary(this.described.desc, this.described.message);
    return this.#bytes;
  }
}

/**
 * Decodes a message; unknown fields are kept.
 * @throws DecodeError when the type is unknown or the bytes are not such a message.
 */
export function messageFromBinary(typeUrl: string, bytes: Uint8Array): AnyMessage {
  const registry = loadRegistry();
  const desc = registry.messageByUrl(typeUrl);
  if (desc === undefined) throw new DecodeError(typeNameOf(typeUrl), "the type is unknown");
  const message = decode(desc, bytes);
  canonicalize(registry, { desc, message });
  return new AnyMessage({ desc, message });
}

function decode(desc: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(desc, bytes);
  } catch (error) {
    throw new DecodeError(desc.typeName, error);
  }
}
