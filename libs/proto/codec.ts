// SPDX-License-Identifier: Apache-2.0
/**
 * Wire codecs for protocol messages and hot paths: generated straight-line code, plain objects in
 * camelCase. A decoded message holds every field without presence (zero value, `[]`, `{}`); message
 * fields and members of a oneof are absent when not set. 64-bit integers are numbers, exact up to
 * 2^53. Enums are numbers. Unknown fields are dropped.
 * @module
 */
import { codecs } from "./gen/codecs.ts";
import type { MessageTypes } from "./gen/messages.ts";
import { services } from "./gen/services.ts";
import { createReader, createWriter, type Init, type Reader, type Writer } from "./wire.ts";

export type { Init, MessageTypes };

/** The full name of a message that has a codec. */
export type MessageName = keyof MessageTypes;

/** The interface of a message by its full name. */
export type MessageOf<N extends MessageName> = MessageTypes[N];

/** Turns one type of message into bytes and back. */
export interface MessageCodec<T> {
  /** Full name of the message. */
  readonly typeName: string;
  /** Returns the bytes; equal messages have equal bytes (fields by number, maps by key). */
  encode(message: Init<T>): Uint8Array;
  /**
   * Returns the message; its bytes fields are views on `bytes`.
   * @throws DecodeError when `bytes` is not such a message; the time taken is linear in its length.
   */
  decode(bytes: Uint8Array): T;
}

/** Thrown for bytes that are not the message they should be. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";

  /** `typeName` is the full name of the message; `cause` says why it cannot be. */
  constructor(typeName: string, cause: unknown) {
    super(`cannot decode ${typeName}: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

interface GeneratedCodec {
  encode(message: unknown, writer: Writer): void;
  decode(reader: Reader, end: number, depth: number): unknown;
}

const cache = new Map<MessageName, MessageCodec<unknown>>();

/** Returns the codec of a message; the same object for the same name. */
export function messageCodec<N extends MessageName>(typeName: N): MessageCodec<MessageOf<N>> {
  let codec = cache.get(typeName);
  if (codec === undefined) {
    codec = createCodec(typeName, codecs[typeName] as GeneratedCodec);
    cache.set(typeName, codec);
  }
  return codec as MessageCodec<MessageOf<N>>;
}

function createCodec(typeName: string, generated: GeneratedCodec): MessageCodec<unknown> {
  return {
    typeName,
    encode(message) {
      const writer = createWriter();
      generated.encode(message, writer);
      return writer.finish();
    },
    decode(bytes) {
      try {
        const reader = createReader(bytes);
        return generated.decode(reader, reader.len, 0);
      } catch (error) {
        throw new DecodeError(typeName, error);
      }
    },
  };
}

/** The full name of a service whose methods are known. */
export type ServiceName = keyof typeof services;

/** One RPC with its codecs; fits the method definition of the gRPC port. */
export interface ServiceMethod<In, Out> {
  /** Full name of the service. */
  readonly service: string;
  /** Name of the RPC. */
  readonly method: string;
  /** Which sides are streams. */
  readonly kind: "unary" | "client-stream" | "server-stream" | "bidi-stream";
  /** Codec of what the client sends. */
  readonly request: MessageCodec<In>;
  /** Codec of what the server sends. */
  readonly response: MessageCodec<Out>;
}

/** The methods of a service by name. */
export type ServiceMethods<S extends ServiceName> = {
  readonly [M in keyof typeof services[S]]: typeof services[S][M] extends
    { request: infer In extends MessageName; response: infer Out extends MessageName }
    ? ServiceMethod<MessageOf<In>, MessageOf<Out>>
    : never;
};

/**
 * Returns the methods of a service.
 *
 * @example
 * ```ts
 * const ads = serviceMethods("envoy.service.discovery.v3.AggregatedDiscoveryService");
 * ads.StreamAggregatedResources.kind; // "bidi-stream"
 * ```
 */
export function serviceMethods<S extends ServiceName>(service: S): ServiceMethods<S> {
  const methods = Object.entries(services[service]).map(([method, { kind, request, response }]) => [
    method,
    { service, method, kind, request: messageCodec(request), response: messageCodec(response) },
  ]);
  return Object.fromEntries(methods) as ServiceMethods<S>;
}
