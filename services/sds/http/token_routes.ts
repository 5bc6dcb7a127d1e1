// SPDX-License-Identifier: Apache-2.0
/**
 * Tokens over HTTP: join tokens for new Envoys, their exchange, and what is left of them.
 * @module
 */
import { isoTime } from "@denvoy/base";
import { anyObject, type AnyRoute, json, route, whoOf } from "@denvoy/runtime";
import type { NewToken, TokenRecord } from "../domain/access_tokens.ts";
import { type ApiParts, identityOf, readBody } from "./api_parts.ts";

const TAG = "tokens";
const DEFAULT_JOIN_TTL_MS = 3_600_000;

/** Returns the routes. */
export function tokenRoutes(parts: ApiParts): readonly AnyRoute[] {
  return [createRoute(parts), joinRoute(parts), listRoute(parts), revokeRoute(parts)];
}

function createRoute({ tokens, audit, ca }: ApiParts): AnyRoute {
  return route({
    method: "POST",
    path: "/v1/tokens",
    summary: "Make a token that brings a new Envoy in, once",
    description:
      "`identity` is the SPIFFE ID that the Envoy is to have, or its path; `ttl` is how " +
      "long the token waits, an hour by default, 30 days at most. It is shown in this answer only.",
    tag: TAG,
    body: { doc: "Whom it is for.", schema: anyObject },
    responses: { 200: { doc: "The token.", schema: anyObject } },
    async handle(request) {
      const asked = await readBody(request, (fields, root) => {
        fields.keys(root, ["identity", "ttl"]);
        const identity = fields.required(root, "identity");
        const ttlMs = fields.durationMs(root, "ttl") ?? DEFAULT_JOIN_TTL_MS;
        return identity === undefined
          ? undefined
          : { identity: identityOf(identity, ca.trustDomain), ttlMs };
      });
      const made = await tokens.create("join", asked);
      audit.changed("join token made", { identity: asked.identity, by: whoOf(request) });
      return json(newTokenJson(made));
    },
  });
}

function joinRoute({ tokens, audit, config, ca }: ApiParts): AnyRoute {
  return route({
    method: "POST",
    path: "/v1/join",
    summary: "Exchange a join token for the token that an Envoy shows with each call",
    tag: TAG,
    access: "open",
    body: { doc: "`token`: the join token.", schema: anyObject },
    responses: { 200: { doc: "The token and whom to trust.", schema: anyObject } },
    async handle(request) {
      const token = await readBody(request, (fields, root) => {
        fields.keys(root, ["token"]);
        return fields.required(root, "token");
      });
      try {
        const joined = await tokens.join(token, { ttlMs: config.nodeTokenTtlMs });
        const { identity } = joined.record;
        audit.changed("node joined", { identity, address: request.peerAddress });
        return json({ ...newTokenJson(joined), bundle: ca.trustBundle().bundlePem });
      } catch (error) {
        audit.rejected(error, { address: request.peerAddress });
        throw error;
      }
    },
  });
}

function listRoute({ tokens }: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/tokens",
    summary: "Tokens that can still be used, without what is secret",
    tag: TAG,
    responses: { 200: { doc: "The tokens.", schema: anyObject } },
    handle: async () => json({ tokens: (await tokens.list()).map(recordJson) }),
  });
}

function revokeRoute({ tokens, audit, ca }: ApiParts): AnyRoute {
  return route({
    method: "DELETE",
    path: "/v1/tokens/{identity...}",
    summary: "End all tokens of an identity",
    description: "Streams that are open by one end, too.",
    tag: TAG,
    params: { identity: "SPIFFE ID, or its path in the own trust domain." },
    responses: { 200: { doc: "How many there were.", schema: anyObject } },
    async handle(request) {
      const identity = identityOf(request.params.identity, ca.trustDomain);
      const revoked = await tokens.revoke(identity);
      audit.changed("tokens revoked", { identity, revoked, by: whoOf(request) });
      return json({ revoked });
    },
  });
}

function newTokenJson({ token, record }: NewToken) {
  return { token, ...recordJson(record) };
}

function recordJson({ kind, identity, createdAtMs, expiresAtMs }: TokenRecord) {
  return { kind, identity, createdAt: isoTime(createdAtMs), expiresAt: isoTime(expiresAtMs) };
}
