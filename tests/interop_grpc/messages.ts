// SPDX-License-Identifier: Apache-2.0
/**
 * The messages of gRPC's interop service, read from testing.proto.
 * @module
 */
import { joinBytes } from "@denvoy/base";
import type { Codec, MethodDefinition, MethodKind } from "@denvoy/grpc";
import protobuf from "protobufjs";

/** A body of so many bytes. */
export interface Payload {
  readonly body?: Uint8Array;
}

/** A status that the server is to answer with. */
export interface EchoStatus {
  readonly code: number;
  readonly message: string;
}

/** A load report as the client wants it back. */
export interface TestOrcaReport {
  readonly cpuUtilization: number;
  readonly memoryUtilization: number;
  readonly requestCost: Readonly<Record<string, number>>;
  readonly utilization: Readonly<Record<string, number>>;
}

/** grpc.testing.SimpleRequest. */
export interface SimpleRequest {
  readonly responseSize: number;
  readonly responseStatus?: EchoStatus | null;
  readonly fillServerId: boolean;
  readonly orcaPerQueryReport?: TestOrcaReport | null;
}

/** grpc.testing.SimpleResponse. */
export interface SimpleResponse {
  readonly payload: Payload;
  readonly serverId?: string;
}

/** One of the responses that a request asks for. */
export interface ResponseParameters {
  readonly size: number;
  readonly intervalUs: number;
}

/** grpc.testing.StreamingOutputCallRequest. */
export interface StreamingOutputCallRequest {
  readonly responseParameters: readonly ResponseParameters[];
  readonly responseStatus?: EchoStatus | null;
  readonly orcaOobReport?: TestOrcaReport | null;
}

/** grpc.testing.StreamingOutputCallResponse. */
export interface StreamingOutputCallResponse {
  readonly payload: Payload;
}

/** grpc.testing.StreamingInputCallRequest. */
export interface StreamingInputCallRequest {
  readonly payload?: Payload | null;
}

/** grpc.testing.StreamingInputCallResponse. */
export interface StreamingInputCallResponse {
  readonly aggregatedPayloadSize: number;
}

/** xds.data.orca.v3.OrcaLoadReport. */
export interface OrcaLoadReport {
  readonly cpuUtilization?: number;
  readonly memUtilization?: number;
  readonly requestCost?: Readonly<Record<string, number>>;
  readonly utilization?: Readonly<Record<string, number>>;
}

const file = new URL("./testing.proto", import.meta.url);
const { root } = protobuf.parse(Deno.readTextFileSync(file));

/** Returns the codec of a message of testing.proto; `T` must be its shape. */
export function codecOf<T>(name: string): Codec<T> {
  const type = root.lookupType(`grpc.testing.${name}`);
  return {
    encode: (message) => type.encode(message as Record<string, unknown>).finish(),
    decode: (bytes) => type.decode(joinBytes(bytes)) as unknown as T,
  };
}

/** Returns the definition of a method of `service`; messages are named as in testing.proto. */
export function defineMethod<In, Out>(
  path: string,
  { kind, request, response }: {
    readonly kind: MethodKind;
    readonly request: string;
    readonly response: string;
  },
): MethodDefinition<In, Out> {
  const [service = "", method = ""] = path.split("/");
  return { service, method, kind, request: codecOf(request), response: codecOf(response) };
}
