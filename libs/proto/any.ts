// SPDX-License-Identifier: Apache-2.0
/**
 * Packs messages of the wire codecs into an Any and takes them out again.
 * @module
 */
import { type Init, messageCodec, type MessageName, type MessageOf } from "./codec.ts";
import type { Any } from "./gen/messages.ts";
import { AnyMessage } from "./message.ts";
import { typeNameOf, typeUrlOf } from "./registry.ts";

/** Returns an Any that holds a message: one of any type, or one of a type that has a codec. */
export function packAny(message: AnyMessage): Any;
export function packAny<N extends MessageName>(name: N, message: Init<MessageOf<N>>): Any;
export function packAny<N extends MessageName>(
  ...[first, message]: [AnyMessage] | [N, Init<MessageOf<N>>]
): Any {
  if (first instanceof AnyMessage) return { typeUrl: first.typeUrl, value: first.toBinary() };
  const value = messageCodec(first).encode(message as Init<MessageOf<N>>);
  return { typeUrl: typeUrlOf(first), value };
}

/**
 * Returns the message in an Any when it is a `name`, else undefined.
 * @throws DecodeError when its bytes are not such a message.
 */
export function unpackAny<N extends MessageName>(any: Any, name: N): MessageOf<N> | undefined {
  return typeNameOf(any.typeUrl) === name ? messageCodec(name).decode(any.value) : undefined;
}
