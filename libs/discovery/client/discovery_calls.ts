// SPDX-License-Identifier: Apache-2.0
/**
 * The RPCs by which clients read: which one for which type and variant.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import type { MethodDefinition } from "@denvoy/grpc";
import { type Init, messageCodec } from "@denvoy/proto";
import type { DeltaDiscoveryRequest, DiscoveryRequest } from "@denvoy/proto/messages";
import type { ProtocolMode, ReceivedResponse, TypeUrl } from "@denvoy/xds";
import { DISCOVERY_SERVICES, type DiscoveryService } from "../discovery_services.ts";

/** A request of either variant. */
export type OutgoingRequest = Init<DeltaDiscoveryRequest> | Init<DiscoveryRequest>;

const deltaRequest = messageCodec("envoy.service.discovery.v3.DeltaDiscoveryRequest");
const deltaResponse = messageCodec("envoy.service.discovery.v3.DeltaDiscoveryResponse");
const sotwRequest = messageCodec("envoy.service.discovery.v3.DiscoveryRequest");
const sotwResponse = messageCodec("envoy.service.discovery.v3.DiscoveryResponse");

/** Tells whether a service of its own serves a type. */
export function hasOwnService(typeUrl: TypeUrl): boolean {
  return serviceOf(typeUrl) !== undefined;
}

/**
 * Returns the stream for a type, or for all types when it is left out.
 * @throws StatusError UNIMPLEMENTED when the API has no such stream in this variant
 */
export function streamMethod(
  typeUrl: TypeUrl | undefined,
  mode: ProtocolMode,
): MethodDefinition<OutgoingRequest, ReceivedResponse> {
  const service = serviceOf(typeUrl);
  const method = mode === "delta" ? service?.delta : service?.stream;
  if (service === undefined || method === undefined) {
    const message = `there is no ${mode} stream for ${typeUrl ?? "all types"}`;
    throw new StatusError(StatusCode.UNIMPLEMENTED, message);
  }
  return { service: service.service, method, kind: "bidi-stream", ...codecs(mode) };
}

function serviceOf(typeUrl: TypeUrl | undefined): DiscoveryService | undefined {
  return DISCOVERY_SERVICES.find((service) => service.typeUrl === typeUrl);
}

function codecs(
  mode: ProtocolMode,
): Pick<MethodDefinition<OutgoingRequest, ReceivedResponse>, "request" | "response"> {
  const request = mode === "delta" ? deltaRequest : sotwRequest;
  const response = mode === "delta" ? deltaResponse : sotwResponse;
  return {
    request: {
      encode: (message) => request.encode(message),
      decode: (bytes) => request.decode(bytes),
    },
    response: { encode: onlyRead, decode: (bytes) => response.decode(bytes) },
  };
}

function onlyRead(): never {
  throw new TypeError("Cannot encode a discovery response as only servers send them");
}
