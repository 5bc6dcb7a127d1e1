// SPDX-License-Identifier: Apache-2.0
/**
 * A message of any type, as it lies between YAML, JSON and the wire. Messages in an Any are kept
 * decoded beside its bytes, so that reading, checking and walking decode nothing twice.
 * @module
 */
import {
  type DescField,
  type DescMessage,
  fromBinary,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { canonicalize } from "./canonical.ts";
import { DecodeError } from "./codec.ts";
import { loadRegistry, type Registry, typeNameOf, typeUrlOf } from "./registry.ts";

/** A message of @bufbuild/protobuf together with its descriptor. Stays inside libs/proto. */
export interface Described {
  /** What the message is. */
  readonly desc: DescMessage;
  /** Its fields, by local name. */
  readonly message: Message;
}

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

const contents = new WeakMap<Message, Described>();

/** Notes what an Any holds, for {@linkcode contentOf}. */
export function rememberContent(any: Message, content: Described): void {
  contents.set(any, content);
}

/** Returns what an Any holds; undefined when its type is unknown or its bytes are not such a message. */
export function contentOf(registry: Registry, any: Any): Described | undefined {
  const known = contents.get(any);
  if (known) return known;
  const desc = registry.messageByUrl(any.typeUrl);
  if (desc === undefined) return undefined;
  try {
    const content = { desc, message: fromBinary(desc, any.value) };
    contents.set(any, content);
    return content;
  } catch {
    return undefined;
  }
}

/** Tells whether a message is a google.protobuf.Any. */
export function isAny(message: Message): message is Any {
  return message.$typeName === "google.protobuf.Any";
}

/**
 * Returns the value of a field in the form in which @bufbuild/protobuf keeps it (wrappers and
 * Structs bare); undefined when it is not set. Zero values of fields without presence count as set.
 */
export function localValue(field: DescField, message: Message): unknown {
  const fields = message as unknown as Record<string, unknown>;
  if (field.oneof) {
    const oneof = fields[field.oneof.localName] as {
      readonly case?: string;
      readonly value?: unknown;
    };
    return oneof.case === field.localName ? oneof.value : undefined;
  }
  // Defaults of proto2 fields stand on the prototype.
  return Object.hasOwn(fields, field.localName) ? fields[field.localName] : undefined;
}
