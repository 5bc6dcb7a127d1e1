// SPDX-License-Identifier: Apache-2.0
/**
 * The discovery RPCs: each stream of each service is the same state machine, fed with the requests of
 * its call.
 * @module
 */
import type { Bytes } from "@denvoy/base";
import {
  type BidiStreamHandler,
  type Codec,
  implement,
  type MethodImplementation,
  type MethodKind,
  rawCodec,
  type UnaryHandler,
} from "@denvoy/grpc";
import { messageCodec } from "@denvoy/proto";
import type {
  DeltaDiscoveryRequest,
  DiscoveryRequest,
  DiscoveryResponse,
  Node,
} from "@denvoy/proto/messages";
import { type Hub, type ProtocolMode, serveStream, type TypeUrl } from "@denvoy/xds";
import type { DiscoveryService } from "./discovery_services.ts";
import type {
  DiscoveryCall,
  DiscoverySessions,
  SessionView,
  StreamRequest,
} from "./discovery_sessions.ts";
import { NODE_FIELD, withoutNodeExtensions } from "./node_extensions.ts";
import type { Poll, PollAnswerer } from "./poll.ts";
import { splitStream } from "./split_stream.ts";

const sotwRequest = messageCodec("envoy.service.discovery.v3.DiscoveryRequest");
const deltaRequest = messageCodec("envoy.service.discovery.v3.DeltaDiscoveryRequest");
const sotwResponse = messageCodec("envoy.service.discovery.v3.DiscoveryResponse");

/** What answers the discovery RPCs. */
export interface DiscoveryParts<S extends SessionView> {
  /** Which services are answered. */
  readonly services: readonly DiscoveryService[];
  /** Where streams are. */
  readonly hub: Hub;
  /** Who they belong to. */
  readonly sessions: DiscoverySessions<S>;
  /** What answers polls. */
  readonly polls: PollAnswerer;
  /** What answers one type on aggregated streams instead of `hub`. */
  readonly beside?: BesideStreams;
  /** Does not read the extensions of nodes, which are most of what an Envoy says. @default false */
  readonly withoutNodeExtensions?: boolean;
}

/** Answers one type of aggregated streams that something else answers but for that. */
export interface BesideStreams {
  /** The type. */
  readonly typeUrl: TypeUrl;
  /**
   * Returns the encoded responses to the requests of that type; each of them has the node. What it
   * throws ends the stream.
   */
  serve(
    requests: AsyncIterable<StreamRequest>,
    call: Omit<DiscoveryCall, "node"> & { readonly mode: ProtocolMode },
  ): AsyncIterable<Bytes>;
}

/** Returns the RPCs of the discovery services. */
export function discoveryMethods<S extends SessionView>(
  parts: DiscoveryParts<S>,
): readonly MethodImplementation[] {
  return parts.services.flatMap((service) => [
    ...streamMethod(parts, service, "sotw"),
    ...streamMethod(parts, service, "delta"),
    ...fetchMethod(parts, service),
  ]);
}

function streamMethod<S extends SessionView>(
  parts: DiscoveryParts<S>,
  service: DiscoveryService,
  mode: ProtocolMode,
): readonly MethodImplementation[] {
  const method = mode === "sotw" ? service.stream : service.delta;
  if (method === undefined) return [];
  const request: Codec<DiscoveryRequest | DeltaDiscoveryRequest> = mode === "sotw"
    ? decodeOnly(sotwRequest, slimming(parts, "sotw"))
    : decodeOnly(deltaRequest, slimming(parts, "delta"));
  const definition = {
    service: service.service,
    method,
    kind: "bidi-stream" satisfies MethodKind as MethodKind,
    request,
    response: rawCodec,
  };
  return [implement(definition, streamHandler(parts, { mode, typeUrl: service.typeUrl }))];
}

function slimming(
  { withoutNodeExtensions: isWithout = false }: { readonly withoutNodeExtensions?: boolean },
  mode: ProtocolMode,
): (bytes: Uint8Array) => Uint8Array {
  return isWithout ? (bytes) => withoutNodeExtensions(bytes, NODE_FIELD[mode]) : (bytes) => bytes;
}

/** Requests are only read here, and responses come encoded. */
function decodeOnly<T>(
  { decode }: { decode(bytes: Uint8Array): T },
  slim: (bytes: Uint8Array) => Uint8Array,
): Codec<T> {
  return {
    decode: (bytes) => decode(slim(bytes)),
    encode: () => {
      throw new TypeError("Cannot encode a discovery request as only clients send them");
    },
  };
}

interface StreamKind {
  readonly mode: ProtocolMode;
  readonly typeUrl: string | undefined;
}

function streamHandler<S extends SessionView>(
  parts: DiscoveryParts<S>,
  kind: StreamKind,
): BidiStreamHandler<DiscoveryRequest | DeltaDiscoveryRequest, Bytes> {
  const { beside } = parts;
  const main = hubHandler(parts, kind);
  if (beside === undefined || kind.typeUrl !== undefined) return main;
  const { mode } = kind;
  return (requests, context) => {
    const { peer, metadata, signal } = context;
    return splitStream(requests, {
      isBeside: (request) => request.typeUrl === beside.typeUrl,
      main: (others) => main(others, context),
      beside: (own) => beside.serve(own, { mode, peer, metadata, signal }),
    });
  };
}

type StreamHandler = (
  requests: AsyncIterable<StreamRequest>,
  context: Omit<DiscoveryCall, "node">,
) => AsyncIterable<Bytes>;

function hubHandler<S extends SessionView>(
  { hub, sessions }: DiscoveryParts<S>,
  { mode, typeUrl }: StreamKind,
): StreamHandler {
  return (requests, { peer, metadata, signal }) => {
    let session: S | undefined;
    return serveStream<Node>(requests, {
      hub,
      mode,
      ...(typeUrl === undefined ? {} : { typeUrl }),
      async assign(node) {
        session = await sessions.begin({ node, peer, metadata, signal });
        return session.view;
      },
      onOpen(stream) {
        if (session !== undefined) sessions.add(session, stream);
      },
      ...(sessions.prepare !== undefined && {
        prepare: (request) => session && sessions.prepare?.(session, request),
      }),
    });
  };
}

function fetchMethod(
  parts: Pick<DiscoveryParts<SessionView>, "polls" | "withoutNodeExtensions">,
  { service, fetch, typeUrl }: DiscoveryService,
): readonly MethodImplementation[] {
  if (fetch === undefined || typeUrl === undefined) return [];
  const definition = {
    service,
    method: fetch,
    kind: "unary" satisfies MethodKind as MethodKind,
    request: decodeOnly(sotwRequest, slimming(parts, "sotw")),
    response: { encode: sotwResponse.encode, decode: sotwResponse.decode },
  };
  const handler: UnaryHandler<DiscoveryRequest, DiscoveryResponse> = async (request, context) => {
    const { peer, metadata, signal } = context;
    const unversioned = { ...request, versionInfo: "" };
    const poll: Poll = { request: unversioned, typeUrl, peer, metadata, signal };
    const answer = await parts.polls.answer(poll);
    if (answer.kind !== "unchanged") return answer.response;
    throw new TypeError("Cannot answer a poll without a version as unchanged");
  };
  return [implement(definition, handler)];
}
