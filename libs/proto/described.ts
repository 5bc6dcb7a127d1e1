// SPDX-License-Identifier: Apache-2.0
/**
 * Messages of @bufbuild/protobuf from within: their fields in local form, and what an Any holds, which
 * is kept decoded beside its bytes, so that reading, checking and walking decode nothing twice.
 * @module
 */
import { type DescField, type DescMessage, fromBinary, type Message } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { Registry } from "./registry.ts";

/** A message of @bufbuild/protobuf together with its descriptor. Stays inside libs/proto. */
export interface Described {
  /** What the message is. */
  readonly desc: DescMessage;
  /** Its fields, by local name. */
  readonly message: Message;
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
