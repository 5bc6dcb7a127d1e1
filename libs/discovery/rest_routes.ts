// SPDX-License-Identifier: Apache-2.0
/**
 * REST-JSON discovery (xds_protocol "REST-JSON polling subscriptions"): `POST /v3/discovery:<type>`
 * with a DiscoveryRequest, answered with a DiscoveryResponse, or 304 when the client has that version.
 * @module
 */
import { ProblemError } from "@denvoy/base";
import type { Metadata, Peer } from "@denvoy/grpc";
import {
  messageCodec,
  messageFromBinary,
  parseDocuments,
  readMessage,
  toJson,
} from "@denvoy/proto";
import type { MessageName, MessageOf } from "@denvoy/proto";
import {
  type Access,
  type AnyRoute,
  type ApiRequest,
  type ApiResponse,
  empty,
  json,
  route,
} from "@denvoy/runtime";
import type { TypeUrl } from "@denvoy/xds";
import type { DiscoveryService } from "./discovery_services.ts";
import type { PollAnswerer } from "./poll.ts";

/** What polls are answered with. */
export interface RestParts {
  /** Which services are answered. */
  readonly services: readonly DiscoveryService[];
  /** What answers polls. */
  readonly polls: PollAnswerer;
  /** How long a poll is held open for a change when it does not say, in milliseconds. */
  readonly waitMs: number;
  /**
   * `open` where whoever answers finds out by itself who asks, from the headers and the certificate.
   * @default "mesh", as on the gRPC port: a poller needs a certificate, not to be an administrator
   */
  readonly access?: Access;
}

const REQUEST = "envoy.service.discovery.v3.DiscoveryRequest";
const RESPONSE = "envoy.service.discovery.v3.DiscoveryResponse";
/** A client that reconnects names all that it has. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Returns a route for each type that has a REST path. */
export function restRoutes(parts: RestParts): readonly AnyRoute[] {
  return parts.services.flatMap(({ restName, typeUrl }) =>
    restName === undefined || typeUrl === undefined ? [] : [typeRoute(parts, { restName, typeUrl })]
  );
}

function typeRoute(
  { polls, waitMs, access = "mesh" }: RestParts,
  { restName, typeUrl }: { readonly restName: string; readonly typeUrl: TypeUrl },
): AnyRoute {
  return route({
    method: "POST",
    path: `/v3/discovery:${restName}`,
    summary: `Poll for ${restName}`,
    description: "Held open for a change as long as `Prefer: wait=<seconds>` says.",
    tag: "discovery",
    hosts: "any",
    access,
    body: { doc: REQUEST, schema: { type: "object" }, maxBytes: MAX_BODY_BYTES },
    responses: {
      200: { doc: RESPONSE, schema: { type: "object" } },
      304: { doc: "The client has this version, or nothing of what it names exists." },
    },
    async handle(request) {
      const discovery = await readMessageBody(request, REQUEST);
      const answer = await polls.answer({
        request: discovery,
        typeUrl,
        peer: peerOf(request),
        metadata: metadataOf(request),
        signal: AbortSignal.any([request.signal, request.draining]),
        waitMs: preferredWaitMs(request.headers.get("prefer")) ?? waitMs,
      });
      if (answer.kind !== "resources") return empty({ status: 304 });
      return messageJson(RESPONSE, messageCodec(RESPONSE).encode(answer.response));
    },
  });
}

/**
 * Reads a body in the canonical JSON mapping.
 * @throws ProblemError with everything that is wrong with it
 */
export async function readMessageBody<N extends MessageName>(
  request: ApiRequest,
  name: N,
): Promise<MessageOf<N>> {
  const { documents, problems } = parseDocuments(await request.text(), { format: "json" });
  const [source] = documents;
  if (source === undefined) throw new ProblemError(problems);
  const read = readMessage({ value: source.value, source, typeUrl: `type.googleapis.com/${name}` });
  if (read.message === undefined) throw new ProblemError(read.problems);
  return messageCodec(name).decode(read.message.toBinary());
}

/** Answers with an encoded message in the canonical JSON mapping. */
export function messageJson(name: MessageName, encoded: Uint8Array): ApiResponse {
  const message = messageFromBinary(`type.googleapis.com/${name}`, encoded);
  return json(toJson(message, { withType: false }));
}

/** A poller is judged by all names of its certificate, as a caller of the gRPC port is. */
function peerOf({ certificate, peerAddress: address }: ApiRequest): Peer {
  if (certificate === undefined) return { address, uriSans: [], dnsSans: [] };
  const { uriSans, dnsSans, subject, id } = certificate;
  return {
    ...{ address, uriSans, dnsSans },
    ...(subject !== "" && { subject }),
    ...(id !== undefined && { certificate: id }),
  };
}

/** The headers of an HTTP request are to a poll what metadata is to a call. */
function metadataOf({ headers }: ApiRequest): Metadata {
  return new Map([...headers].map(([name, value]) => [name, [value]]));
}

/** Returns how long a client wants to wait (RFC 7240, section 4.3); undefined when it does not say. */
export function preferredWaitMs(prefer: string | undefined): number | undefined {
  const seconds = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,3})"?(?:$|[,;\s])/i.exec(prefer ?? "")?.[1];
  return seconds === undefined ? undefined : Math.min(Number(seconds), 300) * 1000;
}
