// SPDX-License-Identifier: Apache-2.0
/**
 * Client status over REST-JSON: `POST /v3/discovery:client_status`.
 * @module
 */
import { messageJson, readMessageBody } from "@denvoy/discovery";
import { messageCodec } from "@denvoy/proto";
import { type AnyRoute, route } from "@denvoy/runtime";
import { clientStatus, type ClientStatusParts } from "./client_status.ts";

const REQUEST = "envoy.service.status.v3.ClientStatusRequest";
const RESPONSE = "envoy.service.status.v3.ClientStatusResponse";

/** Returns the route. */
export function clientStatusRoute(parts: ClientStatusParts): AnyRoute {
  return route({
    method: "POST",
    path: "/v3/discovery:client_status",
    summary: "What each node asked for, has, and rejected (CSDS)",
    tag: "discovery",
    body: { doc: REQUEST, schema: { type: "object" } },
    responses: { 200: { doc: RESPONSE, schema: { type: "object" } } },
    async handle(request) {
      const status = clientStatus(await readMessageBody(request, REQUEST), parts);
      return messageJson(RESPONSE, messageCodec(RESPONSE).encode(status));
    },
  });
}
