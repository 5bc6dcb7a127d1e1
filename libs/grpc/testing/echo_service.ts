// SPDX-License-Identifier: Apache-2.0
/**
 * A service of text messages with one method of each kind, for suites that run on any server.
 * @module
 */
import { joinBytes } from "@denvoy/base";
import type { Codec, MethodDefinition, MethodKind } from "../port.ts";

/** Messages as text. */
export const textCodec: Codec<string> = {
  encode: (text) => new TextEncoder().encode(text),
  decode: (bytes) => new TextDecoder("utf-8", { fatal: true }).decode(joinBytes(bytes)),
};

/** Name of the service. */
export const echoServiceName = "denvoy.testing.Echo";

/** Returns the definition of a method of the echo service. */
export function echoMethod(method: string, kind: MethodKind): MethodDefinition<string, string> {
  return { service: echoServiceName, method, kind, request: textCodec, response: textCodec };
}

/** Answers one message with one. */
export const unaryEcho: MethodDefinition<string, string> = echoMethod("Unary", "unary");

/** Answers a stream with one message. */
export const collectEcho: MethodDefinition<string, string> = echoMethod("Collect", "client-stream");

/** Answers one message with a stream. */
export const expandEcho: MethodDefinition<string, string> = echoMethod("Expand", "server-stream");

/** Answers each message of a stream. */
export const bidiEcho: MethodDefinition<string, string> = echoMethod("Bidi", "bidi-stream");
